using System.IO.Compression;
using System.Text;

namespace TokenRefresh.Providers;

/// <summary>
/// An answer's body as UTF-8, however it was packed and written. Nothing but plain UTF-8 is asked for, but gateways compress unasked and some servers write
/// UTF-16 or begin with a byte order mark. The size limit holds for what came and for what was unpacked of it.
/// </summary>
internal static class ReplyBody
{
    /// <summary>No documented answer comes near this; the rest of a larger one is left unread.</summary>
    private const int Largest = 1024 * 1024;

    /// <summary>No legitimate answer has more nested encodings.</summary>
    private const int MostEncodings = 4;

    // A charset that is no name of .NET's, such as windows-1256, is one of these; the provider needs no registration.
    private static readonly EncodingProvider CodePages = CodePagesEncodingProvider.Instance;

    // Longest first: UTF-32's mark begins with UTF-16's.
    private static readonly Encoding[] Marked = [new UTF32Encoding(false, true), new UTF32Encoding(true, true), Encoding.UTF8, Encoding.Unicode, Encoding.BigEndianUnicode];

    /// <exception cref="InvalidAnswerException">It is too large, or not what its headers say.</exception>
    public static async Task<byte[]> ReadAsync(HttpContent content, CancellationToken cancellationToken)
    {
        if (content.Headers.ContentLength > Largest)
        {
            throw TooLarge();
        }

        await using var stream = await content.ReadAsStreamAsync(cancellationToken);
        var body = await ReadAsync(stream, cancellationToken);
        return ToUtf8(await UnpackAsync(body, [.. content.Headers.ContentEncoding], cancellationToken), Charset(content));
    }

    private static async Task<byte[]> ReadAsync(Stream stream, CancellationToken cancellationToken)
    {
        using var body = new MemoryStream();
        var buffer = new byte[16 * 1024];
        for (int length; (length = await stream.ReadAsync(buffer, cancellationToken)) > 0;)
        {
            body.Write(buffer, 0, length);
            if (body.Length > Largest)
            {
                throw TooLarge();
            }
        }

        return body.ToArray();
    }

    // Encodings are listed in the order in which they were applied.
    private static async Task<byte[]> UnpackAsync(byte[] body, string[] encodings, CancellationToken cancellationToken)
    {
        if (encodings.Length > MostEncodings)
        {
            throw new InvalidAnswerException($"the answer is encoded {encodings.Length} times");
        }

        foreach (var encoding in encodings.Reverse().Select(encoding => encoding.ToLowerInvariant()).Where(encoding => encoding is not ("identity" or "")))
        {
            body = await UnpackAsync(body, encoding, cancellationToken);
        }

        return body;
    }

    private static async Task<byte[]> UnpackAsync(byte[] body, string encoding, CancellationToken cancellationToken)
    {
        if (body.Length == 0)
        {
            return body;
        }

        using var packed = new MemoryStream(body);
        await using Stream unpacked = encoding switch
        {
            "gzip" or "x-gzip" => new GZipStream(packed, CompressionMode.Decompress),
            "br" => new BrotliStream(packed, CompressionMode.Decompress),

            // By the standard with zlib's head, by habit without it.
            "deflate" => body[0] == 0x78 ? new ZLibStream(packed, CompressionMode.Decompress) : new DeflateStream(packed, CompressionMode.Decompress),
            _ => throw new InvalidAnswerException($"the answer's Content-Encoding is {ProviderJson.Printable(encoding, 20)}, which was not requested"),
        };
        try
        {
            return await ReadAsync(unpacked, cancellationToken);
        }
        catch (Exception error) when (error is InvalidDataException or InvalidOperationException or IOException)
        {
            // A gateway that has unpacked it may have left the header.
            return body.AsSpan().TrimStart(" \t\r\n"u8) is [(byte)'{', ..] ? body : throw new InvalidAnswerException($"the answer is not {encoding}, as its Content-Encoding says");
        }
    }

    private static byte[] ToUtf8(byte[] body, Encoding? stated)
    {
        var marked = Marked.FirstOrDefault(encoding => body.AsSpan().StartsWith(encoding.Preamble));
        var encoding = marked ?? Unmarked(body) ?? stated ?? Encoding.UTF8;
        var text = body.AsSpan(marked?.Preamble.Length ?? 0);
        return encoding.CodePage == Encoding.UTF8.CodePage ? text.ToArray() : Encoding.UTF8.GetBytes(encoding.GetString(text));
    }

    // JSON and forms begin with a character of ASCII, so a zero beside it tells UTF-16, whatever the header says.
    private static Encoding? Unmarked(byte[] body) => body switch
    {
        [not 0, 0, not 0, ..] or [not 0, 0] => Encoding.Unicode,
        [0, not 0, ..] => Encoding.BigEndianUnicode,
        _ => null,
    };

    // Read by hand: a Content-Type with one bad parameter counts as none to the framework.
    private static Encoding? Charset(HttpContent content)
    {
        var type = content.Headers.NonValidated.TryGetValues("Content-Type", out var values) ? values.ToString() : "";
        var at = type.IndexOf("charset=", StringComparison.OrdinalIgnoreCase);
        if (at < 0)
        {
            return null;
        }

        var name = type[(at + "charset=".Length)..].Split(';', ',')[0].Trim(' ', '\t', '"', '\'');
        try
        {
            return CodePages.GetEncoding(name) ?? Encoding.GetEncoding(name);
        }
        catch (ArgumentException)
        {
            // Such as "utf8mb4": most likely what everybody writes.
            return null;
        }
    }

    private static InvalidAnswerException TooLarge() => new("the answer is larger than 1 MB");
}
