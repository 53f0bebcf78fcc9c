using System.Net.Http.Headers;
using System.Text;
using Microsoft.Extensions.DependencyInjection;
using Shouldly;
using TokenRefresh.Jobs.Administration;
using TokenRefresh.Jobs.Attempts;
using TokenRefresh.Jobs.Refreshing;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Providers.OAuth2;

public sealed class AuthorizationServerTests(PostgresFixture postgres)
{
    [Fact]
    public async Task A_server_that_none_of_us_wrote_works_by_settings_alone_with_rotation_and_reuse_detection()
    {
        Assert.SkipWhen(AuthorizationServerProcess.MissingBecause is not null, AuthorizationServerProcess.MissingBecause ?? "");
        await using var other = await AuthorizationServerProcess.StartAsync();
        await using var server = await RunningServer.StartAsync(postgres, withSandbox: true, settings:
        [
            .. Provider("Machine", other, "machine", "a secret: of the/machine"),
            .. Provider("Poster", other, "poster", "secret-of-the-poster", ("ClientAuthentication", "Body")),
            .. Provider("Person", other, "person", "secret-of-the-person", ("ProbeUrl", $"{other.Issuer}/me")),
            ("Tokens:crm:Provider", "machine"), ("Tokens:crm:Scopes", "api:read,api:write"),
            ("Tokens:mail:Provider", "poster"),
            ("Tokens:alice:Provider", "person"), ("Tokens:alice:Grant", "Imported"),
        ]);

        // Client credentials, in a header and in the body, obtained by the program itself.
        await RunningServer.UntilAsync(
            async () => (await server.LogAsync()).Where(row => row.Status == AttemptStatus.Success).Select(row => row.TokenName).Intersect(["crm", "mail"]).Count() == 2, "both are obtained");
        (await server.TokenAsync("crm")).Metadata.ShouldContain("api:write");

        // A person's grant: each renewal sends the refresh token that the one before brought.
        await server.Services.GetRequiredService<TokenControls>().ImportAsync(
            "alice", new("unknown-yet", other.RefreshToken, TimeProvider.System.GetUtcNow().AddMinutes(1)), "a test", default);
        (await ForceAsync(server)).ShouldBeOfType<RefreshOutcome.Refreshed>();
        (await ForceAsync(server)).ShouldBeOfType<RefreshOutcome.Refreshed>();
        (await server.Services.GetRequiredService<TokenProbe>().TryAsync("alice", default))!.Accepted.ShouldBeTrue();

        // The first one once more, as a thief would: the whole grant is revoked, and a person is called for.
        (await ReuseAsync(other)).ShouldContain("invalid_grant");
        (await ForceAsync(server)).ShouldBeOfType<RefreshOutcome.Failed>().Failure.Kind.ShouldBe(FailureKind.GrantRevoked);
    }

    private static (string, string)[] Provider(string name, AuthorizationServerProcess other, string client, string secret, params (string Key, string Value)[] more) =>
    [
        ($"Providers:{name}:Type", "OAuth2"),
        ($"Providers:{name}:TokenUrl", $"{other.Issuer}/token"),
        ($"Providers:{name}:ClientId", client),
        ($"Providers:{name}:ClientSecret", secret),
        .. more.Select(setting => ($"Providers:{name}:{setting.Key}", setting.Value)),
    ];

    private static Task<RefreshOutcome> ForceAsync(RunningServer server) =>
        server.Services.GetRequiredService<TokenRefresher>().RefreshAsync(new("alice", RefreshTrigger.Forced, "a test"), default);

    private static async Task<string> ReuseAsync(AuthorizationServerProcess other)
    {
        using var http = new HttpClient();
        using var request = new HttpRequestMessage(HttpMethod.Post, $"{other.Issuer}/token")
        {
            Content = new FormUrlEncodedContent([new("grant_type", "refresh_token"), new("refresh_token", other.RefreshToken)]),
            Headers = { Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes("person:secret-of-the-person"))) },
        };
        using var response = await http.SendAsync(request);
        return await response.Content.ReadAsStringAsync();
    }
}
