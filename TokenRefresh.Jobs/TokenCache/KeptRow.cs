using System.Buffers.Text;
using System.Collections.Concurrent;
using System.Text;
using TokenRefresh.Jobs.Tokens;

namespace TokenRefresh.Jobs.TokenCache;

/// <summary>A row as it was read, in the little memory that it takes: what is saved back if the database goes back in time.</summary>
internal sealed class KeptRow
{
    private readonly SealedText? access;
    private readonly SealedText? refresh;

    /// <summary>Keeps a row that may be used further.</summary>
    public KeptRow(Token row) =>
        (WithoutSecrets, access, refresh) = (row.Copy(null, null, text => text), SealedText.Of(row.AccessToken), SealedText.Of(row.RefreshToken));

    /// <summary>The row without its sealed secrets.</summary>
    public Token WithoutSecrets { get; }

    /// <summary>The whole row.</summary>
    public Token Whole => WithoutSecrets.Copy(access?.ToString(), refresh?.ToString(), text => text);

    /// <summary>The same row with texts that are kept once for all rows that have them.</summary>
    public static Token Shared(Token row) => row.Copy(row.AccessToken, row.RefreshToken, CommonTexts.Of);

    /// <summary>A sealed text, which is the Base64 of bytes in the alphabet for addresses: the bytes take three eighths of the memory.</summary>
    private sealed class SealedText(byte[] bytes, bool isDecoded)
    {
        public static SealedText? Of(string? text)
        {
            if (text is null)
            {
                return null;
            }

            try
            {
                var decoded = Base64Url.DecodeFromChars(text);
                if (Base64Url.EncodeToString(decoded) == text)
                {
                    return new(decoded, true);
                }
            }
            catch (FormatException)
            {
                // Sealed by something else.
            }

            return new(Encoding.UTF8.GetBytes(text), false);
        }

        public override string ToString() => isDecoded ? Base64Url.EncodeToString(bytes) : Encoding.UTF8.GetString(bytes);
    }

    /// <summary>Texts that most rows have alike, each kept once.</summary>
    private static class CommonTexts
    {
        private const int Most = 1000, Longest = 200;

        private static readonly ConcurrentDictionary<string, string> Known = new(StringComparer.Ordinal);

        public static string? Of(string? text) =>
            text is null || text.Length > Longest ? text : Known.Count < Most ? Known.GetOrAdd(text, text) : Known.GetValueOrDefault(text, text);
    }
}
