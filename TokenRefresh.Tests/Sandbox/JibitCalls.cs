using Shouldly;
using Xunit;

namespace TokenRefresh.Tests.Sandbox;

/// <summary>Jibit's requests as its document shows them.</summary>
internal static class JibitCalls
{
    public const string Generate = "/sandbox/jibit/ide/v1/tokens/generate";
    public const string Refresh = "/sandbox/jibit/ide/v1/tokens/refresh";
    public const string Balances = "/sandbox/jibit/ide/v1/balances";
    public const string Keys = """{"apiKey":"demoKey01","secretKey":"demo-secret-not-real"}""";

    public static Task<Answer> GenerateAsync(this SandboxHost host, string body = Keys) =>
        host.Http.SendAsync(SandboxTest.Post(Generate, body), TestContext.Current.CancellationToken).ReadAsync();

    public static async Task<JibitPair> AcquireAsync(this SandboxHost host)
    {
        var answer = await host.GenerateAsync();
        answer.Status.ShouldBe(200, answer.Text);
        return JibitPair.Of(answer);
    }

    public static Task<Answer> RefreshAsync(this SandboxHost host, string accessToken, string refreshToken) =>
        host.Http.SendAsync(
            SandboxTest.Post(Refresh, $$"""{"accessToken":"{{accessToken}}","refreshToken":"{{refreshToken}}"}"""),
            TestContext.Current.CancellationToken).ReadAsync();

    public static Task<Answer> RefreshAsync(this SandboxHost host, JibitPair pair) => host.RefreshAsync(pair.AccessToken, pair.RefreshToken);

    public static Task<Answer> BalancesAsync(this SandboxHost host, string? accessToken)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, Balances);
        request.Headers.Authorization = accessToken is null ? null : new("Bearer", accessToken);
        return host.Http.SendAsync(request, TestContext.Current.CancellationToken).ReadAsync();
    }
}

internal sealed record JibitPair(string AccessToken, string RefreshToken)
{
    public static JibitPair Of(Answer answer) => new((string)answer.Json["accessToken"]!, (string)answer.Json["refreshToken"]!);
}
