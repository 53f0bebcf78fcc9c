using System.Text;
using Shouldly;
using Xunit;

namespace TokenRefresh.Tests.Sandbox;

/// <summary>Finnotech's requests as its pages show them.</summary>
internal static class FinnotechCalls
{
    public const string Token = "/sandbox/finnotech/dev/v2/oauth2/token";
    public const string Tokens = "/sandbox/finnotech/dev/v2/clients/demo-app/tokens";
    public const string Revoke = "/sandbox/finnotech/dev/v2/clients/demo-app/token";
    public const string Credentials =
        """{"grant_type":"client_credentials","nid":"0099999988","scopes":"oak:iban-inquiry:get,facility:card-to-iban:get"}""";

    public static HttpRequestMessage Post(string body, string client = "demo-app", string secret = "demo-secret-0001")
    {
        var request = SandboxTest.Post(Token, body);
        request.Headers.Authorization = new("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{client}:{secret}")));
        return request;
    }

    public static Task<Answer> TokenAsync(this SandboxHost host, string body, string client = "demo-app") =>
        host.Http.SendAsync(Post(body, client), TestContext.Current.CancellationToken).ReadAsync();

    public static async Task<FinnotechPair> AcquireFinnotechAsync(this SandboxHost host, string client = "demo-app")
    {
        var answer = await host.TokenAsync(Credentials, client);
        answer.Status.ShouldBe(200, answer.Text);
        return FinnotechPair.Of(answer);
    }

    public static Task<Answer> RenewAsync(this SandboxHost host, string refreshToken, string client = "demo-app") =>
        host.TokenAsync($$"""{"grant_type":"refresh_token","token_type":"CLIENT-CREDENTIAL","refresh_token":"{{refreshToken}}"}""", client);

    public static Task<Answer> ListAsync(this SandboxHost host, string? bearer, string query = "", string path = Tokens)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, path + query);
        request.Headers.Authorization = bearer is null ? null : new("Bearer", bearer);
        return host.Http.SendAsync(request, TestContext.Current.CancellationToken).ReadAsync();
    }

    public static Task<Answer> RevokeAsync(this SandboxHost host, string bearer, string body, string query = "")
    {
        var request = SandboxTest.Post(Revoke + query, body);
        request.Method = HttpMethod.Delete;
        request.Headers.Authorization = new("Bearer", bearer);
        return host.Http.SendAsync(request, TestContext.Current.CancellationToken).ReadAsync();
    }

    public static string Revocation(string token) => $$"""{"token":"{{token}}","token_type":"CLIENT-CREDENTIAL"}""";
}

internal sealed record FinnotechPair(string Value, string RefreshToken)
{
    public static FinnotechPair Of(Answer answer) =>
        new((string)answer.Json["result"]!["value"]!, (string)answer.Json["result"]!["refreshToken"]!);
}
