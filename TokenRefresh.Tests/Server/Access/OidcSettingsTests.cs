using System.Net;
using Microsoft.AspNetCore.Authentication.OpenIdConnect;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Shouldly;
using TokenRefresh.Server.Access;
using TokenRefresh.Server.Access.Oidc;
using TokenRefresh.Server.Hosting;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Server.Access;

/// <summary>The settings of the company sign-in: what each changes, and what is refused at the start.</summary>
public sealed class OidcSettingsTests(PostgresFixture postgres, SharedServer shared) : IClassFixture<SharedServer>
{
    private const string Authority = "https://login.example.com/company";

    [Theory]
    [InlineData("Authority", "login.example.com", "Access__Oidc__Authority = 'login.example.com' is not allowed: an absolute http or https address")]
    [InlineData("Authority", "http://login.example.com", "Access__Oidc__Authority = 'http://login.example.com' is not allowed: an https address; http only in Development")]
    [InlineData("ClientId", "", "Access__Oidc__ClientId = '' is not allowed: with Access__Oidc__Authority set")]
    [InlineData("Roles", "", "Access__Oidc__Roles = '' is not allowed: with Access__Oidc__Authority set, value=role pairs")]
    [InlineData("Roles", "admins=root", "Access__Oidc__Roles = 'admins=root' is not allowed: value=role pairs separated by commas, each value once, with the roles viewer, operator and admin")]
    [InlineData("Roles", "admins=2", "Access__Oidc__Roles")]
    [InlineData("Roles", "admins=", "Access__Oidc__Roles")]
    [InlineData("Roles", "=admin", "Access__Oidc__Roles")]
    [InlineData("Roles", "admins", "Access__Oidc__Roles")]
    [InlineData("Roles", "a=admin,,b=viewer", "Access__Oidc__Roles")]
    [InlineData("Roles", "a=admin,a=viewer", "Access__Oidc__Roles")]
    [InlineData("RoleClaim", "", "Access__Oidc__RoleClaim = '' is not allowed: the name of a claim")]
    [InlineData("Rolls", "a=admin", "Access__Oidc__Rolls is not a setting; Access__Oidc has Authority, ClientId, ClientSecret, RoleClaim, Roles.")]
    public void A_wrong_setting_is_refused_by_key_value_and_what_is_allowed(string key, string value, string line) =>
        Refusals("Production", (key, value)).ShouldHaveSingleItem().ShouldStartWith(line);

    [Theory]
    [InlineData("Development", "http://login.example.com")]
    [InlineData("Production", "http://127.0.0.1:8080")]
    [InlineData("Production", "http://localhost:8080")]
    [InlineData("Production", Authority)]
    [InlineData("Production", "")]
    public void An_address_is_taken_that_no_one_else_can_listen_to_or_that_is_tried_only(string environment, string authority) => Refusals(environment, ("Authority", authority)).ShouldBeEmpty();

    [Fact]
    public void Without_an_identity_provider_nothing_is_required() => Refusals("Production", ("Authority", ""), ("ClientId", ""), ("Roles", "")).ShouldBeEmpty();

    [Theory]
    [InlineData("ops=operator,staff=viewer", "staff,ops", Role.Operator)]
    [InlineData("ops=Operator , staff = viewer", "staff", Role.Viewer)]
    [InlineData("CN=ops=admin", "CN=ops", Role.Admin)]
    [InlineData("ops=operator", "OPS,op,ops ", null)]
    [InlineData("ops=operator", "", null)]
    public void The_highest_role_of_the_values_counts_and_each_is_compared_exactly(string map, string values, object? role) =>
        new OidcOptions { Roles = map }.RoleOf(values.Split(',')).ShouldBe((Role?)role);

    [Fact]
    public async Task Without_an_identity_provider_there_is_no_link_and_no_address()
    {
        await using var stranger = await shared.OpenAsync();
        await using var panel = await shared.OpenAsync(Role.Admin);

        (await stranger.ReadAsync("/account/login")).ShouldNotContain("company account");
        foreach (var address in new[] { "/account/oidc", "/account/oidc/callback" })
        {
            (await stranger.Http.GetAsync(address)).RequestMessage!.RequestUri!.AbsolutePath.ShouldBe("/account/login");
            (await panel.Http.GetAsync(address)).StatusCode.ShouldBe(HttpStatusCode.NotFound);
        }
    }

    [Fact]
    public async Task The_role_claim_may_have_another_name()
    {
        await using var company = await Company.StartAsync(postgres, ("Access:Oidc:RoleClaim", "groups"));
        await company.Provider.HasAsync("ada", new { preferred_username = "ada", roles = new[] { "token-admins" }, groups = new[] { "ops" } });

        await company.SignInAsync("ada");

        (await company.PersonAsync("ada"))!.Role.ShouldBe(Role.Operator);
    }

    [Fact]
    public async Task The_values_of_the_claim_give_the_roles_of_the_settings()
    {
        await using var company = await Company.StartAsync(postgres, ("Access:Oidc:Roles", "staff=admin"));
        await company.Provider.HasAsync("ada", "staff");
        await company.Provider.HasAsync("ida", "ops");

        await company.SignInAsync("ada");

        (await company.PersonAsync("ada"))!.Role.ShouldBe(Role.Admin);
        (await company.SignInAsync("ida")).ShouldContain("No role for you");
    }

    [Fact]
    public async Task A_public_client_needs_no_secret()
    {
        await using var company = await Company.StartAsync(postgres, ("Access:Oidc:ClientId", "public-panel"), ("Access:Oidc:ClientSecret", ""));
        await company.Provider.HasAsync("ada", "staff");

        (await company.SignInAsync("ada")).ShouldBe("/access");
    }

    [Theory]
    [InlineData("ClientSecret", "planted-and-wrong")]
    [InlineData("ClientId", "planted-and-wrong")]
    public async Task A_client_that_the_identity_provider_does_not_know_is_said_to_be_a_matter_of_the_settings(string key, string value)
    {
        await using var company = await Company.StartAsync(postgres, ($"Access:Oidc:{key}", value));
        using var visitor = company.Visit();

        using var answer = await visitor.Http.GetAsync("/account/oidc");

        var page = await answer.Content.ReadAsStringAsync();
        answer.StatusCode.ShouldBe(HttpStatusCode.BadGateway, page);
        page.ShouldContain("The identity provider refused the sign-in");
        page.ShouldNotContain("planted");
    }

    [Fact]
    public async Task An_authority_that_is_another_issuer_is_another_person()
    {
        await using var company = await Company.StartAsync(postgres);
        await company.Provider.HasAsync("ada", "staff");
        await company.SignInAsync("ada");
        await company.Server.ExecuteAsync("UPDATE operator_logins SET login_provider = 'https://former.example.com'");

        (await company.SignInAsync("ada")).ShouldContain("User name taken");
    }

    private static List<string> Refusals(string environment, params (string Key, string Value)[] settings)
    {
        var pairs = new Dictionary<string, string?>
        {
            ["environment"] = environment, ["Access:Oidc:Authority"] = Authority, ["Access:Oidc:ClientId"] = "panel", ["Access:Oidc:Roles"] = "ops=operator",
        };
        foreach (var (key, value) in settings)
        {
            pairs[$"Access:Oidc:{key}"] = value;
        }

        using var app = (IDisposable)ServerHost.Build(pairs, Roles.All);
        try
        {
            StartUp.Validate(((WebApplication)app).Services);
            if (pairs["Access:Oidc:Authority"] is { Length: > 0 } authority)
            {
                // What is taken works where it is put together.
                ((WebApplication)app).Services.GetRequiredService<IOptionsMonitor<OpenIdConnectOptions>>().Get("oidc").Authority.ShouldBe(authority);
            }

            return [];
        }
        catch (OptionsValidationException error)
        {
            return [.. error.Failures];
        }
    }
}
