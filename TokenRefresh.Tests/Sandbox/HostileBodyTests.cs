using System.Net.Http.Headers;
using System.Text;
using Shouldly;
using TokenRefresh.Tests.Fixtures;
using Xunit;

namespace TokenRefresh.Tests.Sandbox;

public sealed class HostileBodyTests(PostgresFixture postgres) : SandboxTest(postgres)
{
    public static TheoryData<string, byte[]> Bodies => new()
    {
        { "empty", [] },
        { "not JSON", Encoding.UTF8.GetBytes("grant_type=client_credentials") },
        { "null", Encoding.UTF8.GetBytes("null") },
        { "an array", Encoding.UTF8.GetBytes("[]") },
        { "text", Encoding.UTF8.GetBytes("\"apiKey\"") },
        { "half", Encoding.UTF8.GetBytes("{\"apiKey\":") },
        { "two values", Encoding.UTF8.GetBytes("{}{}") },
        { "deep", Encoding.UTF8.GetBytes(new string('[', 10_000) + new string(']', 10_000)) },
        { "deep inside", Encoding.UTF8.GetBytes("{\"apiKey\":" + new string('[', 1_000) + new string(']', 1_000) + "}") },
        { "huge", Encoding.UTF8.GetBytes("{\"apiKey\":\"" + new string('k', 2_000_000) + "\"}") },
        { "broken UTF-8", [.. "{\"apiKey\":\""u8, 0xC3, 0x28, .. "\"}"u8] },
        { "half a surrogate", Encoding.UTF8.GetBytes("""{"apiKey":"\uD800"}""") },
        { "half a surrogate in a name", Encoding.UTF8.GetBytes("""{"\uD800":1}""") },
    };

    [Theory]
    [MemberData(nameof(Bodies), DisableDiscoveryEnumeration = true)]
    public async Task Jibit_calls_it_an_invalid_body(string what, byte[] body)
    {
        foreach (var path in (string[])[JibitCalls.Generate, JibitCalls.Refresh])
        {
            var answer = await SendAsync(Request(path, body));

            (answer.Status, answer.Code).ShouldBe((400, "invalid.request_body"), what);
        }
    }

    [Theory]
    [MemberData(nameof(Bodies), DisableDiscoveryEnumeration = true)]
    public async Task Finnotech_calls_it_a_validation_error(string what, byte[] body)
    {
        var request = Request(FinnotechCalls.Token, body);
        request.Headers.Authorization = FinnotechCalls.Post("").Headers.Authorization;

        var answer = await SendAsync(request);

        answer.Status.ShouldBe(400, what);
        answer.Error.ShouldStartWith("VALIDATION_ERROR: ");
    }

    [Theory]
    [MemberData(nameof(Bodies), DisableDiscoveryEnumeration = true)]
    public async Task The_behaviour_refuses_it(string what, byte[] body)
    {
        var answer = await SendAsync(Request("/sandbox/jibit/behaviour", body));

        answer.Status.ShouldBe(400, what);
    }

    [Theory]
    [InlineData("text/plain")]
    [InlineData("application/x-www-form-urlencoded")]
    public async Task A_body_that_is_not_declared_as_JSON_is_refused(string contentType)
    {
        var finnotech = FinnotechCalls.Post("");
        finnotech.Content = new StringContent(FinnotechCalls.Credentials, Encoding.UTF8, contentType);

        (await SendAsync(Post(JibitCalls.Generate, JibitCalls.Keys, contentType))).Code.ShouldBe("invalid.request_body");
        (await SendAsync(finnotech)).Error.ShouldBe("VALIDATION_ERROR: Content-Type must be application/json");
    }

    private static HttpRequestMessage Request(string path, byte[] body)
    {
        var content = new ByteArrayContent(body);
        content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        return new(HttpMethod.Post, path) { Content = content };
    }
}
