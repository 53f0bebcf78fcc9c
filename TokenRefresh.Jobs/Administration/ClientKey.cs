using System.Security.Cryptography;
using System.Text;

namespace TokenRefresh.Jobs.Administration;

/// <summary>The key of a program that reads tokens. Only a hash of its secret is stored.</summary>
public sealed class ClientKey
{
    /// <summary>What every key begins with, so that a leaked one is recognised.</summary>
    public const string Prefix = "trk_";

    private const int IdLength = 12;
    private const int SecretLength = 64;

    private ClientKey()
    {
    }

    /// <summary>The public part of the key, by which it is found.</summary>
    public string Id { get; private set; } = "";

    /// <summary>The client's name.</summary>
    public string Name { get; private set; } = "";

    /// <summary>SHA-256 of the secret part. The secret is 256 random bits, so nothing slower is needed.</summary>
    public byte[] SecretHash { get; private set; } = [];

    /// <summary>The tokens it may read, as patterns separated by commas; a <c>*</c> stands for any characters.</summary>
    public string Tokens { get; private set; } = "";

    /// <summary>What it may do with them, as words separated by commas (<see cref="ClientActs"/>).</summary>
    public string Acts { get; private set; } = ClientActs.Usual;

    /// <summary>When it was made.</summary>
    public DateTimeOffset CreatedAt { get; private set; }

    /// <summary>When it was revoked; null while it is good.</summary>
    public DateTimeOffset? RevokedAt { get; private set; }

    /// <summary>When it last read a token, to the minute.</summary>
    public DateTimeOffset? LastUsedAt { get; private set; }

    /// <summary>As logs and the audit name it.</summary>
    public string Actor => $"client:{Name}";

    /// <summary>Makes a key; the text is the only time that its secret is seen.</summary>
    public static (ClientKey Key, string Text) Issue(string name, string tokens, string acts, DateTimeOffset now)
    {
        var id = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(IdLength / 2));
        var secret = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(SecretLength / 2));
        return (new() { Id = id, Name = name, SecretHash = SHA256.HashData(Encoding.ASCII.GetBytes(secret)), Tokens = tokens, Acts = acts, CreatedAt = now }, $"{Prefix}{id}_{secret}");
    }

    /// <summary>Takes a presented key apart without an allocation; false where it does not have the form of one.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out ReadOnlySpan<char> id, out ReadOnlySpan<char> secret)
    {
        id = secret = default;
        if (text.Length != Prefix.Length + IdLength + 1 + SecretLength || !text.StartsWith(Prefix, StringComparison.Ordinal) || text[Prefix.Length + IdLength] != '_')
        {
            return false;
        }

        id = text.Slice(Prefix.Length, IdLength);
        secret = text[(Prefix.Length + IdLength + 1)..];
        return true;
    }

    /// <summary>True when the secret is this key's; takes the same time whatever is presented.</summary>
    public bool Accepts(ReadOnlySpan<char> secret)
    {
        Span<byte> text = stackalloc byte[SecretLength];
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        return Encoding.ASCII.TryGetBytes(secret, text, out var length)
            && SHA256.HashData(text[..length], hash) == hash.Length
            && CryptographicOperations.FixedTimeEquals(hash, SecretHash);
    }

    internal void Revoke(DateTimeOffset now) => RevokedAt ??= now;
}

/// <summary>What a client may do with the tokens that its patterns allow.</summary>
public static class ClientActs
{
    /// <summary>Read a token, and report that it was refused.</summary>
    public const string Read = "read";

    /// <summary>Ask for refreshes.</summary>
    public const string Refresh = "refresh";

    /// <summary>Add, change and remove tokens, and with the pattern <c>*</c> providers.</summary>
    public const string Manage = "manage";

    /// <summary>What a key may do where nothing else is said.</summary>
    public const string Usual = $"{Read},{Refresh}";

    /// <summary>Every act.</summary>
    public static IReadOnlyList<string> All { get; } = [Read, Refresh, Manage];

    internal static string[] Split(string acts) => acts.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
}
