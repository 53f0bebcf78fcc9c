using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;
using Shouldly;
using TokenRefresh.Providers;
using TokenRefresh.Server.Hosting;
using TokenRefresh.Tests.Providers.OAuth2;

namespace TokenRefresh.Tests.Providers;

/// <summary>What every request carries, as a strict receiver sees it on a real socket.</summary>
public sealed partial class OutgoingRequestTests
{
    private static readonly TokenOrder Order = ProviderWorld.Order("fino", "a:b:get");

    private static readonly HeldToken Held = new("access-1", "refresh-1");

    public static TheoryData<string, string> Calls => new()
    {
        { "jibit", "acquire" }, { "jibit", "renew" }, { "jibit", "probe" },
        { "finnotech", "acquire" }, { "finnotech", "renew" }, { "finnotech", "probe" }, { "finnotech", "revoke" },
        { "acme", "acquire" }, { "acme", "renew" }, { "acme", "probe" },
    };

    [Theory]
    [MemberData(nameof(Calls))]
    public async Task Every_body_comes_with_its_length_and_every_call_says_what_sends_it(string provider, string call)
    {
        var seen = await SeenAsync(provider, call);

        seen.IsChunked.ShouldBeFalse();
        seen.Length.ShouldBe(call == "probe" ? null : seen.Read);
        (seen.Read > 0).ShouldBe(call != "probe");
        seen.UserAgent.ShouldMatch(@"^TokenRefresh/\d+\.\d+\.\d+ \(\+https://\S+\)$");
    }

    [Theory]
    [MemberData(nameof(Calls))]
    public async Task A_setting_replaces_the_user_agent(string provider, string call) =>
        (await SeenAsync(provider, call, ("TokenRefresh:Http:UserAgent", "Lookups/7 (ops@example.com)"))).UserAgent.ShouldBe("Lookups/7 (ops@example.com)");

    [Fact]
    public async Task An_empty_user_agent_is_the_product_s_own() =>
        (await SeenAsync("jibit", "acquire", ("TokenRefresh:Http:UserAgent", ""))).UserAgent.ShouldBe(OutgoingRequestHandler.ProductUserAgent);

    [Theory]
    [InlineData("a\r\nX-Evil: 1")]
    [InlineData("برنامه")]
    public void A_user_agent_that_no_header_can_carry_stops_the_start(string value)
    {
        using var world = new ProviderWorld(("TokenRefresh:Http:UserAgent", value));

        Should.Throw<OptionsValidationException>(world.Validate).Failures.ShouldHaveSingleItem()
            .ShouldContain("is not allowed: at most 200 printable ASCII characters, without a leading or trailing space.");
    }

    [Fact]
    public void No_http_client_is_made_past_the_handler() =>
        new[] { "TokenRefresh.Providers", "TokenRefresh.Jobs", "TokenRefresh.Server" }
            .SelectMany(project => Directory.EnumerateFiles(Path.Combine(HostPaths.Current.RepositoryRoot!, project), "*.cs", SearchOption.AllDirectories))
            .Where(file => !file.Replace('\\', '/').Contains("/obj/", StringComparison.Ordinal))
            .Where(file => MakesClient().IsMatch(File.ReadAllText(file)) && !File.ReadAllText(file).Contains(nameof(OutgoingRequestHandler), StringComparison.Ordinal))
            .ShouldBeEmpty();

    private static async Task<(bool IsChunked, long? Length, long Read, string UserAgent)> SeenAsync(string provider, string call, params (string Key, string? Value)[] settings)
    {
        (bool, long?, long, string)? seen = null;
        await using var server = await LoopbackServer.StartAsync(async http =>
        {
            using var body = new MemoryStream();
            await http.Request.Body.CopyToAsync(body, http.RequestAborted);
            seen = (http.Request.Headers.TransferEncoding.Count > 0, http.Request.ContentLength, body.Length, http.Request.Headers.UserAgent.ToString());
        });
        using var world = ProviderWorld.OnSockets(
        [
            ("Providers:Jibit:BaseUrl", server.Address), ("Providers:Finnotech:BaseUrl", server.Address),
            ("Providers:Acme:Type", "OAuth2"), ("Providers:Acme:TokenUrl", server.Address), ("Providers:Acme:ProbeUrl", server.Address),
            ("Providers:Acme:ClientId", "id"), ("Providers:Acme:ClientSecret", "a secret"),
            .. settings,
        ]);
        var asked = world.Providers.Find(provider)!;
        _ = call switch
        {
            "acquire" => (object)await asked.AcquireAsync(Order, default),
            "renew" => await asked.RenewAsync(Order, Held, default),
            "probe" => await asked.ProbeAsync(Order, Held, default),
            _ => (await asked.RevokeAsync(Order, Held, default))!,
        };
        return seen.ShouldNotBeNull("the call was refused for want of a length");
    }

    [GeneratedRegex(@"\bnew HttpClient\b|HttpClient \w+ = new\(|http = new\(")]
    private static partial Regex MakesClient();
}
