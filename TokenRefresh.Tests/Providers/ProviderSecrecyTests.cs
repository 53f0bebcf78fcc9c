using System.Text;
using System.Text.Json;
using Shouldly;
using TokenRefresh.Providers;

namespace TokenRefresh.Tests.Providers;

/// <summary>No credential and no token appears in what is said or logged, even where the provider repeats it.</summary>
public sealed class ProviderSecrecyTests : IDisposable
{
    private static readonly HeldToken Held = new("planted-access", "planted-refresh-" + new string('r', 256));

    private static readonly string Basic = Convert.ToBase64String(Encoding.UTF8.GetBytes($"{ProviderWorld.ClientId}:{ProviderWorld.ClientSecret}"));

    private static readonly string[] Secrets =
    [
        ProviderWorld.ApiKey, ProviderWorld.SecretKey, ProviderWorld.ClientSecret, ProviderWorld.NationalId, Basic, "planted-access", "planted-refresh", "planted-issued", "planted-next",
    ];

    private static readonly TokenOrder Order = ProviderWorld.Order("fino", "a:b:get");

    private readonly ProviderWorld world = new();

    public static TheoryData<int, string> Answers
    {
        get
        {
            var echo = string.Join(' ', Secrets);
            var answers = new TheoryData<int, string>
            {
                { 200, """{ "accessToken": "planted-issued", "refreshToken": "planted-next" }""" },
                { 200, """{ "result": { "value": "planted-issued", "refreshToken": "planted-next" }, "status": "DONE" }""" },
                { 200, """{ "accessToken": "planted-issued planted-next", "status": "DONE", "result": { "value": "planted-issued planted-next" } }""" },
                { 200, $"<html>{echo}</html>" },
                { 200, echo },
                { 302, echo },
            };
            foreach (var status in new[] { 200, 400, 401, 403, 404, 429, 500, 503 })
            {
                answers.Add(status, JsonSerializer.Serialize(new { code = "x.y", message = echo, status = "FAILED", error = new { code = "X_Y", message = echo } }));
                answers.Add(status, JsonSerializer.Serialize(new { errors = new[] { new { code = "x.y", message = echo } } }));
            }

            return answers;
        }
    }

    public void Dispose() => world.Dispose();

    [Theory]
    [MemberData(nameof(Answers), DisableDiscoveryEnumeration = true)]
    public async Task Nothing_that_is_said_about_an_answer_holds_a_secret(int status, string body)
    {
        var said = await EverythingSaidAsync(() => world.Http.Reply(status, body));

        ShouldHoldNoSecret(said);
    }

    [Fact]
    public async Task Nothing_that_is_said_about_a_silence_holds_a_secret()
    {
        var said = await EverythingSaidAsync(() => world.Http.Throw(new HttpRequestException(string.Join(' ', Secrets))));

        // The resilience pipeline logs the transport's own message, which in truth holds addresses and no body; what is said here must not repeat even that.
        foreach (var secret in Secrets)
        {
            said.ShouldNotContain(secret);
        }
    }

    [Theory]
    [InlineData("jibit", ProviderWorld.ApiKey)]
    [InlineData("jibit", ProviderWorld.SecretKey)]
    [InlineData("finnotech", ProviderWorld.ClientSecret)]
    [InlineData("finnotech", ProviderWorld.NationalId)]
    [InlineData("finnotech", "ZGVtby1hcHA6ZGVtby1zZWNyZXQtMDAwMQ==")]
    public async Task Not_even_an_error_code_or_a_track_id_brings_a_credential_back(string provider, string secret)
    {
        Echo(secret);
        Echo(secret);

        ShouldHoldNoSecret($"{await world.Providers.Find(provider)!.AcquireAsync(Order, default)}{await world.Providers.Find(provider)!.RenewAsync(Order, Held, default)}");
    }

    [Theory]
    [InlineData("jibit")]
    [InlineData("finnotech")]
    public async Task Nor_a_token_that_was_sent_even_where_it_is_cut(string provider)
    {
        foreach (var secret in new[] { Held.AccessToken, Held.RefreshToken! })
        {
            Echo(secret);
            Echo(secret);

            ShouldHoldNoSecret($"{await world.Providers.Find(provider)!.RenewAsync(Order, Held, default)}{await world.Providers.Find(provider)!.ProbeAsync(Order, Held, default)}");
        }
    }

    private void Echo(string secret) => world.Http.Reply(
        400,
        JsonSerializer.Serialize(new { code = $"unknown {secret}", status = "FAILED", error = new { code = $"unknown {secret}" }, trackId = secret }),
        headers: ("X-TRACK-ID", secret));

    private async Task<string> EverythingSaidAsync(Action prepare)
    {
        var said = new StringBuilder();
        foreach (var provider in world.Providers.All)
        {
            prepare();
            said.Append(await provider.AcquireAsync(Order, default));
            prepare();
            said.Append(await provider.RenewAsync(Order, Held, default));
            prepare();
            said.Append(await provider.ProbeAsync(Order, Held, default));
            prepare();
            said.Append(await provider.RevokeAsync(Order, Held, default));
        }

        return said.Append(Held).ToString();
    }

    private void ShouldHoldNoSecret(string said)
    {
        var everything = said + world.Log;
        foreach (var secret in Secrets)
        {
            everything.ShouldNotContain(secret);
        }
    }
}
