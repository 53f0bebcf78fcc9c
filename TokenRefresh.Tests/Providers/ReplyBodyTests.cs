using System.IO.Compression;
using System.Text;
using Microsoft.AspNetCore.Http;
using Shouldly;
using TokenRefresh.Providers;
using TokenRefresh.Tests.Providers.OAuth2;

namespace TokenRefresh.Tests.Providers;

/// <summary>In whatever dress an answer comes, over real sockets, what it says is read; and no dress makes it larger than the limit.</summary>
public sealed class ReplyBodyTests
{
    private const string Json = """{ "access_token": "access-2", "token_type": "bearer", "expires_in": 3600, "refresh_token": "refresh-2", "comment": "ک é" }""";

    private const string Form = "access_token=access%2D2&scope=a+b&expires_in=3600&refresh_token=refresh-2&token_type=bearer";

    public static TheoryData<string, string, string, byte[]> Dresses => new()
    {
        { "UTF-8 with a byte order mark", "application/json", "", [0xef, 0xbb, 0xbf, .. Utf8(Json)] },
        { "UTF-16 by charset", "application/json; charset=utf-16", "", Encoding.Unicode.GetBytes(Json) },
        { "UTF-16 by a quoted charset, big end first", "application/json;charset=\"utf-16BE\"", "", Encoding.BigEndianUnicode.GetBytes(Json) },
        { "UTF-16 by its mark alone", "application/json", "", [.. Encoding.Unicode.Preamble, .. Encoding.Unicode.GetBytes(Json)] },
        { "UTF-16 by its mark, big end first, under another charset", "application/json; charset=utf-8", "", [.. Encoding.BigEndianUnicode.Preamble, .. Encoding.BigEndianUnicode.GetBytes(Json)] },
        { "UTF-16 that nothing tells", "application/json", "", Encoding.Unicode.GetBytes(Json) },
        { "UTF-32 by its mark", "application/json", "", [.. Encoding.UTF32.Preamble, .. Encoding.UTF32.GetBytes(Json)] },
        { "windows-1256", "application/json; charset=windows-1256", "", [.. Utf8(Json[..^6]), 0xdf, .. " \" }"u8] },
        { "a charset that nobody knows", "application/json; charset=utf8mb4", "", Utf8(Json) },
        { "a Content-Type that is none", "json; ; charset", "", Utf8(Json) },
        { "text/plain", "text/plain; charset=us-ascii", "", Utf8(Json) },
        { "text/html", "text/html", "", Utf8(Json) },
        { "gzip", "application/json", "gzip", Gzip(Utf8(Json)) },
        { "x-gzip in capitals", "application/json", "X-GZIP", Gzip(Utf8(Json)) },
        { "br", "application/json", "br", Brotli(Utf8(Json)) },
        { "deflate", "application/json", "deflate", Deflate(Utf8(Json)) },
        { "zlib's deflate", "application/json", "deflate", Zlib(Utf8(Json)) },
        { "br within gzip", "application/json", "br, gzip", Gzip(Brotli(Utf8(Json))) },
        { "identity", "application/json", "identity", Utf8(Json) },
        { "gzip that a gateway has unpacked", "application/json", "gzip", Utf8(Json) },
        { "br that a gateway has unpacked", "application/json", "br", Utf8(Json) },
        { "UTF-16 within gzip", "application/json; charset=utf-16", "gzip", Gzip(Encoding.Unicode.GetBytes(Json)) },
        { "a form", "application/x-www-form-urlencoded", "", Utf8(Form) },
        { "a form as text/plain with a line's end", "text/plain", "", Utf8(Form + "\n") },
        { "a form under a false type, in gzip", "application/json", "gzip", Gzip(Utf8(Form)) },
        { "members that come twice", "application/json", "", Utf8(Json.Replace("{ ", """{ "user": 1, "user": { "a": 1, "a": 2 }, "access_token": "access-2", """, StringComparison.Ordinal)) },
        { "a member that is nested deeply", "application/json", "", Utf8(Json.Replace("{ ", $$"""{ "trace": {{new string('[', 100_000)}}{{new string(']', 100_000)}}, """, StringComparison.Ordinal)) },
        { "objects that are nested deeply", "application/json", "", Utf8(Json.Replace("{ ", $$"""{ "trace": {{string.Concat(Enumerable.Repeat("{\"a\":", 100_000))}}1{{new string('}', 100_000)}}, "user": [[7]], """, StringComparison.Ordinal)) },
        { "a token of 64 KiB", "application/json", "", Utf8(Json.Replace("refresh-2", new string('r', 64 * 1024), StringComparison.Ordinal)) },
    };

    [Theory]
    [MemberData(nameof(Dresses), DisableDiscoveryEnumeration = true)]
    public async Task An_answer_is_read_in_any_dress(string dress, string type, string encoding, byte[] body)
    {
        var issued = (await AskAsync(type, encoding, body)).ShouldBeIssued();

        issued.AccessToken.ShouldBe("access-2", dress);
        issued.RefreshToken.ShouldBeOneOf("refresh-2", new string('r', 64 * 1024));
        issued.ExpiresAt.ShouldBe(ProviderWorld.Now.AddHours(1));
    }

    [Fact]
    public async Task The_scopes_of_a_form_are_read() =>
        (await AskAsync("application/x-www-form-urlencoded", "", Utf8(Form))).ShouldBeIssued().Scopes.ShouldBe(["a", "b"]);

    public static TheoryData<string, byte[]> Bombs
    {
        get
        {
            var large = new byte[200 * 1024 * 1024];
            return new() { { "gzip", Gzip(large) }, { "br", Brotli(large) }, { "deflate", Zlib(large) }, { "gzip, gzip", Gzip(Gzip(large)) }, { "br, gzip", Gzip(Brotli(large)) } };
        }
    }

    [Theory]
    [MemberData(nameof(Bombs), DisableDiscoveryEnumeration = true)]
    public async Task What_unpacks_to_more_than_a_megabyte_is_refused_before_its_end(string encoding, byte[] bomb)
    {
        // Whoever unpacks it to its end finds that this is missing.
        var cut = bomb[..^(bomb.Length / 4)];

        (await AskAsync("application/json", encoding, cut)).ShouldHaveFailed(FailureKind.InvalidResponse).Reason.ShouldBe("HTTP 200: the answer is larger than 1 MB");
    }

    public static TheoryData<string, byte[], string> Unreadable => new()
    {
        { "gzip", [0x1f, 0x8b, 1, 2, 3, 4, 5, 6, 7, 8, 9], "the answer is not gzip, as its Content-Encoding says" },
        { "gzip", Gzip(Utf8(Json))[..^20], "the answer is not valid JSON" },
        { "br", "no brotli at all"u8.ToArray(), "the answer is not br, as its Content-Encoding says" },
        { "deflate", "no deflate at all"u8.ToArray(), "the answer is not deflate, as its Content-Encoding says" },
        { "zstd", Utf8(Json), "the answer's Content-Encoding is zstd, which was not requested" },
        { "gzip,gzip,gzip,gzip,gzip", Utf8(Json), "the answer is encoded 5 times" },
        { "gzip", [], "the answer is empty" },
    };

    [Theory]
    [MemberData(nameof(Unreadable), DisableDiscoveryEnumeration = true)]
    public async Task What_is_not_packed_as_it_says_is_an_invalid_answer(string encoding, byte[] body, string reason) =>
        (await AskAsync("application/json", encoding, body)).ShouldHaveFailed(FailureKind.InvalidResponse).Reason.ShouldBe($"HTTP 200: {reason}");

    [Theory]
    [InlineData("user=a b")]
    [InlineData("a sentence = no form")]
    [InlineData("<a href=x>")]
    [InlineData("{\"access_token\"=1}")]
    public async Task A_text_with_an_equals_sign_is_no_form(string body) =>
        (await AskAsync("text/plain", "", Utf8(body))).ShouldHaveFailed(FailureKind.InvalidResponse);

    private static async Task<ProviderResult> AskAsync(string type, string encoding, byte[] body)
    {
        await using var server = await LoopbackServer.StartAsync(async http =>
        {
            http.Request.Headers.AcceptEncoding.ToString().ShouldBeEmpty();
            http.Response.Headers.ContentType = type;
            http.Response.Headers.ContentEncoding = encoding.Length > 0 ? encoding : default;
            await http.Response.Body.WriteAsync(body, http.RequestAborted);
        });
        using var world = ProviderWorld.OnSockets(
            ("Providers:Acme:Type", "OAuth2"), ("Providers:Acme:TokenUrl", server.Address), ("Providers:Acme:ClientId", "id"), ("Providers:Acme:ClientSecret", "a secret"));
        return await world.Acme().AcquireAsync(OAuth2World.Order(), default);
    }

    private static byte[] Utf8(string text) => Encoding.UTF8.GetBytes(text);

    private static byte[] Gzip(byte[] body) => Pack(body, to => new GZipStream(to, CompressionLevel.SmallestSize));

    private static byte[] Brotli(byte[] body) => Pack(body, to => new BrotliStream(to, CompressionLevel.Fastest));

    private static byte[] Deflate(byte[] body) => Pack(body, to => new DeflateStream(to, CompressionLevel.SmallestSize));

    private static byte[] Zlib(byte[] body) => Pack(body, to => new ZLibStream(to, CompressionLevel.SmallestSize));

    private static byte[] Pack(byte[] body, Func<Stream, Stream> packer)
    {
        using var packed = new MemoryStream();
        using (var stream = packer(packed))
        {
            stream.Write(body);
        }

        return packed.ToArray();
    }
}
