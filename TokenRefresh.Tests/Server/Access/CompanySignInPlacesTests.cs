using System.Net;
using Shouldly;
using TokenRefresh.Server.Access;
using TokenRefresh.Tests.Fixtures;
using TokenRefresh.Tests.Server.Pages;

namespace TokenRefresh.Tests.Server.Access;

/// <summary>A company sign-in where something around it is unusual; each has a server of its own.</summary>
public sealed class CompanySignInPlacesTests(PostgresFixture postgres)
{
    private const string Callback = "/account/oidc/callback", Prefix = "/tools/token-refresh";

    [Fact]
    public async Task The_server_starts_without_the_identity_provider_and_says_that_it_is_away_while_passwords_work()
    {
        var provider = await IdentityProvider.StartAsync();
        await provider.DisposeAsync();
        await using var panel = await Panel.OpenAsync(postgres, settings: provider.Settings);
        await panel.AddAsync("ada", Role.Viewer);

        var answer = await panel.Http.GetAsync("/account/oidc");

        answer.StatusCode.ShouldBe(HttpStatusCode.ServiceUnavailable);
        (await answer.Content.ReadAsStringAsync()).ShouldContain("The identity provider is unreachable");
        (await panel.SignInAsync("ada")).RequestMessage!.RequestUri!.AbsolutePath.ShouldBe("/access");
    }

    [Fact]
    public async Task An_identity_provider_that_goes_away_on_the_way_is_said_to_be_away()
    {
        await using var company = await Company.StartAsync(postgres);
        await company.Provider.HasAsync("ada", "staff");
        using var visitor = company.Visit();
        var back = await visitor.ReturnAsync("ada");
        await company.Provider.EndAsync();

        using var answer = await visitor.Http.GetAsync(back);

        answer.StatusCode.ShouldBe(HttpStatusCode.ServiceUnavailable);
        (await answer.Content.ReadAsStringAsync()).ShouldContain("The identity provider is unreachable");
    }

    [Theory]
    [InlineData(Prefix, false)]
    [InlineData("", true)]
    public async Task Below_a_path_of_another_site_the_whole_way_stays_below_it(string setting, bool isStripping)
    {
        await using var company = await Company.StartAsync(postgres, ("Access:PathBase", setting));
        await using var proxy = await StandInProxy.StartAsync(company.Server.Http.BaseAddress!, Prefix, isStripping);
        await company.Provider.AllowAsync(new(proxy.Address, Prefix));
        await company.Provider.HasAsync("ada", "staff");
        using var visitor = new CompanyVisitor(proxy.Address, Prefix);

        var page = await visitor.Http.GetStringAsync($"{Prefix}/account/login");
        var back = await visitor.ReturnAsync("ada", "/access/token-health");
        var paths = visitor.Cookies.Where(cookie => cookie.Name.StartsWith("tokenrefresh-oidc", StringComparison.Ordinal)).Select(cookie => cookie.Path).Distinct().ToList();
        using var answer = await visitor.Http.GetAsync(back);

        page.ShouldContain($"href=\"{Prefix}/account/oidc\"");
        back.AbsolutePath.ShouldBe(Prefix + Callback);
        paths.ShouldBe([Prefix + Callback]);
        answer.Headers.Location!.ToString().ShouldBe($"{Prefix}/access/token-health");
    }

    [Fact]
    public async Task Where_people_reach_the_panel_is_where_they_are_sent_back_to()
    {
        await using var company = await Company.StartAsync(postgres, ("Access:PublicUrl", "https://panel.example.com/"));
        await company.Provider.AllowAsync(new("https://panel.example.com"));
        using var visitor = company.Visit();

        (await visitor.ReturnAsync("ada")).ToString().ShouldStartWith($"https://panel.example.com{Callback}?code=");
    }

    [Fact]
    public async Task In_production_the_cookies_of_the_way_are_for_tls_only()
    {
        await using var company = await Company.StartAsync(postgres, ("environment", "Production"));
        await company.Provider.AllowAsync(new($"https://{company.Server.Http.BaseAddress!.Authority}"));
        using var visitor = company.Visit();
        visitor.Http.DefaultRequestHeaders.Add("X-Forwarded-Proto", "https");

        using var answer = await visitor.Http.GetAsync("/account/oidc");

        answer.Headers.GetValues("Set-Cookie").ShouldAllBe(cookie => cookie.Contains("; secure", StringComparison.Ordinal));
    }
}
