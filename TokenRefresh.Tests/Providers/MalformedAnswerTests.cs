using System.Text;
using Shouldly;
using TokenRefresh.Providers;

namespace TokenRefresh.Tests.Providers;

/// <summary>Answers of 200 that no document promises, for both providers, acquiring and renewing.</summary>
public sealed class MalformedAnswerTests
{
    private const string Jibit = """{ "accessToken": "access-2", "refreshToken": "refresh-2" }""";

    private const string Finnotech = """
        { "result": { "value": "access-2", "scopes": [ "a:b:get" ], "lifeTime": 864000000, "creationDate": "14030615084530", "refreshToken": "refresh-2" },
          "status": "DONE", "trackId": "t-1" }
        """;

    private static readonly TokenOrder Order = ProviderWorld.Order("fino", "a:b:get");

    public static TheoryData<string, string, string> Shapes
    {
        get
        {
            var shapes = new TheoryData<string, string, string>();
            foreach (var provider in new[] { "jibit", "finnotech" })
            {
                shapes.Add(provider, "", "the answer is empty");
                shapes.Add(provider, " \r\n\t", "the answer is empty");
                shapes.Add(provider, "<!DOCTYPE html><html><body>Login</body></html>", "the answer is HTML or XML");
                shapes.Add(provider, "OK", "the answer is not valid JSON");
                shapes.Add(provider, "null", "the answer is null instead of an object");
                shapes.Add(provider, "[]", "the answer is an array instead of an object");
                shapes.Add(provider, "\"planted-token\"", "the answer is text instead of an object");
                shapes.Add(provider, "42", "the answer is a number instead of an object");
                shapes.Add(provider, "true", "the answer is true or false instead of an object");
                shapes.Add(provider, "{ \"accessToken\": \"planted-tok", "the answer is not valid JSON");
                shapes.Add(provider, "{} {}", "the answer is not valid JSON");
                shapes.Add(provider, "{ \"status\": \"DONE\", }", "the answer is not valid JSON");
                shapes.Add(provider, "{ /* planted */ }", "the answer is not valid JSON");
            }

            shapes.Add("finnotech", "{ \"status\": \"DONE\", \"status\": \"FAILED\" }", "status appears twice with different values");
            shapes.Add("finnotech", """{ "status": "DONE", "result": { "value": "planted-1", "value": "planted-2" } }""", "value appears twice with different values");
            shapes.Add("jibit", """{ "accessToken": "planted-1", "accessToken": "planted-2", "refreshToken": "r" }""", "accessToken appears twice with different values");
            shapes.Add("jibit", "{}", "accessToken is missing");
            shapes.Add("finnotech", "{}", "status is missing");
            shapes.Add("finnotech", """{ "status": "DONE" }""", "result is missing or not an object");
            shapes.Add("finnotech", """{ "status": "DONE", "result": [ "planted-token" ] }""", "result is missing or not an object");
            shapes.Add("finnotech", """{ "status": "DONE", "result": {} }""", "value is missing");
            return shapes;
        }
    }

    public static TheoryData<string, string, string, string> Tokens
    {
        get
        {
            var tokens = new TheoryData<string, string, string, string>();
            foreach (var (provider, name) in new[] { ("jibit", "accessToken"), ("jibit", "refreshToken"), ("finnotech", "value"), ("finnotech", "refreshToken") })
            {
                tokens.Add(provider, name, "\"\"", $"{name} is empty");
                tokens.Add(provider, name, "\"   \"", $"{name} contains white space");
                tokens.Add(provider, name, "\"planted token\"", $"{name} contains white space");
                tokens.Add(provider, name, "\"planted\\r\\nX-Evil: 1\"", $"{name} contains white space");
                tokens.Add(provider, name, "\"planted\\u0000\"", $"{name} contains white space");
                tokens.Add(provider, name, "\"planted\\u202e\"", $"{name} contains white space");
                tokens.Add(provider, name, "\"planted\\ud800\"", $"{name} is not valid Unicode");
                tokens.Add(provider, name, $"\"{new string('x', (64 * 1024) + 1)}\"", $"{name} is longer than 65536 characters");
                tokens.Add(provider, name, "12345", $"{name} is a number instead of text");
                tokens.Add(provider, name, "true", $"{name} is true or false instead of text");
                tokens.Add(provider, name, "[ \"planted\" ]", $"{name} is an array instead of text");
                tokens.Add(provider, name, "{ \"planted\": 1 }", $"{name} is an object instead of text");
            }

            tokens.Add("jibit", "accessToken", "null", "accessToken is missing");
            tokens.Add("jibit", "refreshToken", "null", "refreshToken is missing");
            tokens.Add("finnotech", "value", "null", "value is missing");
            return tokens;
        }
    }

    [Theory]
    [MemberData(nameof(Shapes), DisableDiscoveryEnumeration = true)]
    public async Task A_shape_that_no_document_promises_is_named_and_never_shown(string provider, string body, string seen)
    {
        foreach (var failure in await FailAsync(provider, Encoding.UTF8.GetBytes(body)))
        {
            failure.Reason.ShouldBe($"HTTP 200: {seen}");
            failure.HttpStatus.ShouldBe(200);
        }
    }

    [Theory]
    [MemberData(nameof(Tokens), DisableDiscoveryEnumeration = true)]
    public async Task A_token_that_cannot_be_one_is_named_by_field_and_never_shown(string provider, string field, string json, string seen)
    {
        var good = provider == "jibit" ? Jibit : Finnotech;
        var body = good.Replace($"\"{field}\": \"{(field == "refreshToken" ? "refresh-2" : "access-2")}\"", $"\"{field}\": {json}", StringComparison.Ordinal);
        body.ShouldNotBe(good);

        foreach (var failure in await FailAsync(provider, Encoding.UTF8.GetBytes(body)))
        {
            failure.Reason.ShouldStartWith($"HTTP 200: {seen}");
            failure.ToString().ShouldNotContain("planted");
        }
    }

    [Fact]
    public async Task Bytes_that_are_no_text_are_an_invalid_answer()
    {
        await FailAsync("jibit", [0xff, 0xfe, 0x00, 0x7b]);
        await FailAsync("finnotech", [.. """{ "status": "DONE", "result": { "value": " """u8.TrimEnd((byte)' '), 0xc3, 0x28, .. "\" } }"u8]);
    }

    [Fact]
    public async Task The_longest_token_that_is_taken_has_65536_characters()
    {
        using var world = new ProviderWorld();
        world.Http.Reply(200, Jibit.Replace("access-2", new string('x', 64 * 1024), StringComparison.Ordinal));

        (await world.Jibit.AcquireAsync(ProviderWorld.Order(), default)).ShouldBeIssued();
    }

    private static async Task<ProviderFailure[]> FailAsync(string provider, byte[] body)
    {
        using var world = new ProviderWorld();
        world.Http.ReplyBytes(200, body);
        world.Http.ReplyBytes(200, body);
        var asked = world.Providers.Find(provider)!;
        return
        [
            (await asked.AcquireAsync(Order, default)).ShouldHaveFailed(FailureKind.InvalidResponse),
            (await asked.RenewAsync(Order, new("access-1", "refresh-1"), default)).ShouldHaveFailed(FailureKind.InvalidResponse),
        ];
    }
}
