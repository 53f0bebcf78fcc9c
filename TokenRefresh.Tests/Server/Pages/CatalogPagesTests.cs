using System.Net;
using System.Text.RegularExpressions;
using Microsoft.Extensions.DependencyInjection;
using Shouldly;
using TokenRefresh.Jobs.Catalog;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Server.Access;
using TokenRefresh.Tests.Fixtures;
using TokenRefresh.Tests.Server.Api;

namespace TokenRefresh.Tests.Server.Pages;

/// <summary>Providers and tokens are added, changed and removed by the panel, without script.</summary>
public sealed partial class CatalogPagesTests(PostgresFixture postgres, CatalogPagesTests.Open open) : IClassFixture<CatalogPagesTests.Open>
{
    private const string NewProvider = "/access/new-provider?type=OAuth2", NewToken = "/access/new-token", Secret = "planted-secret-of-the-form";

    [Fact]
    public async Task A_provider_is_added_its_token_is_the_next_step_and_that_tokens_page_shows_it_valid()
    {
        await using var acme = await AcmeAsync();
        await using var panel = await open.OpenAsync(Role.Admin);

        var next = await panel.PostAsync(NewProvider, NewProvider, [.. Provider(acme, "first"), ("scopes", "orders.read orders.write")]);
        var form = await next.Content.ReadAsStringAsync();
        var token = await panel.SendAsync(next.RequestMessage!.RequestUri!.PathAndQuery, NewToken, ("newName", "first"), ("provider", "first"), ("scopes", "orders.read, orders.write"), ("grant", "ClientCredentials"));

        next.RequestMessage.RequestUri.AbsolutePath.ShouldBe(NewToken);
        Panel.FlashMessage(form).ShouldBe("Added provider first. Now add a token of it.");
        Value(form, "newName").ShouldBe("first");
        form.ShouldContain("orders.read, orders.write</textarea>");
        Panel.FlashMessage(token).ShouldBe("Added token first.");
        token.ShouldContain("<span class=\"state\">Healthy</span>");
        token.ShouldContain("href=\"/access/clients?tokens=first#create\"");
        Value(await panel.ReadAsync("/access/clients?tokens=first"), "tokens").ShouldBe("first");
    }

    [Fact]
    public async Task What_is_wrong_stands_beside_its_field_and_what_was_typed_stays_but_the_secret()
    {
        await using var acme = await AcmeAsync();
        await using var panel = await open.OpenAsync(Role.Admin);

        var wrong = await panel.SendAsync(NewProvider, NewProvider, ("newName", "wrong"), ("setting.TokenUrl", "nowhere"), ("setting.ClientId", "ours"), ("secret.ClientSecret", Secret), ("setting.Timeout", "soon"));
        var missing = await panel.SendAsync(NewProvider, NewProvider, ("newName", "wrong"), ("setting.TokenUrl", acme.TokenUrl), ("setting.ClientId", "ours"), ("secret.ClientSecret", ""));
        var named = await panel.SendAsync(NewProvider, NewProvider, [.. Provider(acme, "Not a name!")]);
        var taken = await panel.SendAsync(NewProvider, NewProvider, [.. Provider(acme, "jibit")]);

        Wrong(wrong, "setting.TokenUrl").ShouldStartWith("TokenUrl is not allowed: an absolute http or https address");
        Wrong(wrong, "setting.Timeout").ShouldStartWith("Timeout is not allowed: ");
        (Value(wrong, "newName"), Value(wrong, "setting.TokenUrl"), Value(wrong, "setting.Timeout")).ShouldBe(("wrong", "nowhere", "soon"));
        wrong.ShouldNotContain(Secret);
        wrong.ShouldContain("<details class=\"aside\" open=\"open\">");
        Wrong(missing, "secret.ClientSecret").ShouldBe("Required.");
        Wrong(named, "newName").ShouldStartWith("A provider name has 1 to 64 characters");
        Wrong(taken, "newName").ShouldBe("A provider jibit exists already.");
        (await FindAsync("wrong")).ShouldBeNull();
    }

    [Fact]
    public async Task What_is_wrong_with_a_token_stands_beside_its_field_and_what_was_typed_stays()
    {
        await using var panel = await open.OpenAsync(Role.Admin);

        var wrong = await panel.SendAsync(NewToken, NewToken, ("newName", "a b"), ("provider", "nobody"), ("scopes", "say\"so"), ("grant", "Imported"), ("labels", "team=billing"));
        var pairs = await panel.SendAsync(NewToken, NewToken, ("newName", "jibit"), ("provider", "jibit"), ("grant", "ClientCredentials"), ("labels", "no pair"), ("parameters", "a=1\na=2"));

        Wrong(wrong, "newName").ShouldStartWith("A token name has");
        Wrong(wrong, "provider").ShouldStartWith("provider must be one of");
        Wrong(wrong, "scopes").ShouldStartWith("scopes are at most");
        wrong.ShouldContain("team=billing</textarea>");
        wrong.ShouldContain("<option value=\"Imported\" selected=\"selected\">");
        (Wrong(pairs, "labels"), Wrong(pairs, "parameters")).ShouldBe(("labels are one key=value a line, each key once.", "parameters are one key=value a line, each key once."));
    }

    [Fact]
    public async Task Storing_it_untested_is_offered_once_the_provider_has_issued_no_token()
    {
        await using var acme = await AcmeAsync();
        acme.Accepted = "another";
        await using var panel = await open.OpenAsync(Role.Admin);

        (await panel.ReadAsync(NewProvider)).ShouldNotContain("name=\"untested\"");
        var refused = await panel.SendAsync(NewProvider, NewProvider, [.. Provider(acme, "untried")]);
        (await FindAsync("untried")).ShouldBeNull();
        await panel.PostAsync(NewProvider, NewProvider, [.. Provider(acme, "untried"), ("untested", "true")]);

        Panel.FlashMessage(refused).ShouldBe("The provider issued no token with these settings: credential_rejected: HTTP 401 invalid_client. Nothing was stored.");
        refused.ShouldContain("name=\"untested\"");
        refused.ShouldContain("Secrets are not kept: type it again.");
        (await FindAsync("untried")).ShouldNotBeNull();
    }

    [Theory]
    [InlineData("OAuth2", "setting.TokenUrl", "secret.SecretKey", "")]
    [InlineData("Jibit", "secret.SecretKey", "setting.TokenUrl", "jibit-2")]
    [InlineData("Finnotech", "secret.NationalId", "setting.TokenUrl", "finnotech-2")]
    public async Task The_fields_are_those_of_the_type_and_no_secret_is_a_readable_field(string type, string has, string hasNot, string name)
    {
        await using var panel = await open.OpenAsync(Role.Admin);

        var page = await panel.ReadAsync($"/access/new-provider?type={type}");

        page.ShouldContain($"name=\"{has}\"");
        page.ShouldNotContain($"name=\"{hasNot}\"");
        Value(page, "newName").ShouldBe(name);
        SecretInput().Matches(page).ShouldAllBe(input => input.Value.Contains("type=\"password\"", StringComparison.Ordinal) && !input.Value.Contains("value=", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_secret_shows_its_last_four_characters_stays_where_it_is_left_empty_and_is_tried_before_it_is_replaced()
    {
        await using var acme = await AcmeAsync();
        await using var panel = await open.OpenAsync(Role.Admin);
        await AddAsync(panel, acme, "rotated");
        var form = "/access/new-provider?name=rotated";

        var shown = await panel.ReadAsync(form);
        acme.Accepted = "planted-secret-of-june";
        var refused = await ChangeAsync(panel, form, ("setting.TokenUrl", acme.TokenUrl), ("setting.ClientId", "ours"), ("secret.ClientSecret", ""), ("setting.Timeout", "00:00:20"));
        var changed = await ChangeAsync(panel, form, ("setting.TokenUrl", acme.TokenUrl), ("setting.ClientId", "ours"), ("secret.ClientSecret", "planted-secret-of-june"), ("setting.Timeout", "00:00:20"));
        var same = await ChangeAsync(panel, form, ("setting.TokenUrl", acme.TokenUrl), ("setting.ClientId", "ours"), ("secret.ClientSecret", ""), ("setting.Timeout", "00:00:20"));

        shown.ShouldContain("Stored: <code>…form</code>");
        shown.ShouldNotContain(Secret);
        Panel.FlashMessage(refused).ShouldStartWith("The provider issued no token with these settings: credential_rejected");
        Value(refused, "setting.Timeout").ShouldBe("00:00:20");
        Panel.FlashMessage(changed).ShouldBe("Changed provider rotated.");
        changed.ShouldContain("<code>…june</code>");
        changed.ShouldContain("<code>00:00:20</code>");
        Panel.FlashMessage(same).ShouldBe("Nothing to change.");
    }

    [Fact]
    public async Task A_change_of_an_older_version_says_so_and_shows_the_present_state_beside_what_was_typed()
    {
        await using var acme = await AcmeAsync();
        await using var panel = await open.OpenAsync(Role.Admin);
        await AddAsync(panel, acme, "twice");
        await panel.PostAsync(NewToken, NewToken, ("newName", "twice"), ("provider", "twice"), ("scopes", "a"), ("grant", "ClientCredentials"));
        var (provider, token) = ("/access/new-provider?name=twice", "/access/new-token?name=twice");
        var (oldProvider, oldToken) = (Value(await panel.ReadAsync(provider), "tag"), Value(await panel.ReadAsync(token), "tag"));
        await ChangeAsync(panel, provider, ("setting.Timeout", "00:00:11"));
        await ChangeAsync(panel, token, ("scopes", "b"), ("grant", "ClientCredentials"));

        var late = await panel.SendAsync(provider, provider, ("tag", oldProvider), ("setting.Timeout", "00:00:22"), ("secret.ClientSecret", "planted-late"));
        var lateToken = await panel.SendAsync(token, token, ("tag", oldToken), ("scopes", "c"), ("grant", "ClientCredentials"));

        Panel.FlashMessage(late).ShouldStartWith("Provider twice was changed meanwhile. The form shows its present state");
        (Value(late, "setting.Timeout"), Wrong(late, "setting.Timeout")).ShouldBe(("00:00:11", "You typed: 00:00:22"));
        late.ShouldNotContain("planted-late");
        Value(late, "tag").ShouldNotBe(oldProvider);
        Panel.FlashMessage(lateToken).ShouldStartWith("Token twice was changed meanwhile.");
        Wrong(lateToken, "scopes").ShouldBe("You typed: c");
        lateToken.ShouldContain(">b</textarea>");
        (await (await open.ServicesAsync()).GetRequiredService<TokenFinder>().FindAsync("twice", CancellationToken.None))!.Order.Scopes.ShouldBe(["b"]);
    }

    [Fact]
    public async Task A_provider_that_tokens_need_is_not_removed_and_both_go_once_their_names_are_typed()
    {
        await using var acme = await AcmeAsync();
        await using var panel = await open.OpenAsync(Role.Admin);
        await AddAsync(panel, acme, "going");
        var (provider, token) = ("/access/providers/going", "/access/tokens/going-orders");
        await panel.PostAsync(NewToken, NewToken, ("newName", "going-orders"), ("provider", "going"), ("grant", "ClientCredentials"));

        var needed = await panel.ReadAsync(provider);
        var refused = await panel.SendAsync(provider, $"{provider}?handler=Remove", ("confirmed", "going"));
        var untyped = await panel.SendAsync(token, $"{token}?handler=Remove", ("confirmed", "going"));
        await RunningServer.UntilAsync(async () => Panel.FlashMessage(await panel.SendAsync(token, $"{token}?handler=Remove", ("confirmed", "going-orders"))) is "Removed token going-orders.", "the refresh has ended and it is removed");
        var mistyped = await panel.SendAsync(provider, $"{provider}?handler=Remove", ("confirmed", "gone"));
        var removed = await panel.PostAsync(provider, $"{provider}?handler=Remove", ("confirmed", "going"));

        needed.ShouldContain("Its tokens must be removed first:");
        needed.ShouldNotContain("name=\"confirmed\"");
        Panel.FlashMessage(refused).ShouldBe("Provider going is needed by going-orders. Remove these tokens first.");
        Panel.FlashMessage(untyped).ShouldBe("Nothing was removed: the name was not typed.");
        Panel.FlashMessage(mistyped).ShouldBe("Nothing was removed: the name was not typed.");
        removed.RequestMessage!.RequestUri!.AbsolutePath.ShouldBe("/access/providers");
        Panel.FlashMessage(await removed.Content.ReadAsStringAsync()).ShouldBe("Removed provider going.");
        (await panel.Http.GetAsync(token)).StatusCode.ShouldBe(HttpStatusCode.NotFound);
        (await FindAsync("going")).ShouldBeNull();
    }

    [Fact]
    public async Task A_token_like_another_begins_as_its_copy_under_a_free_name()
    {
        await using var panel = await open.OpenAsync(Role.Admin);

        var page = await panel.ReadAsync($"{NewToken}?like=fino_sms");

        Value(page, "newName").ShouldBe("fino_sms-2");
        page.ShouldContain("<option value=\"finnotech\" selected=\"selected\">");
        page.ShouldContain("facility:finnotext:post, ");
        (await panel.Http.GetAsync($"{NewToken}?like=unknown")).StatusCode.ShouldBe(HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task What_the_settings_declare_says_where_and_offers_no_form()
    {
        await using var panel = await open.OpenAsync(Role.Admin);

        foreach (var (form, page, words) in new[] { ("/access/new-provider?name=jibit", "/access/providers/jibit", "Provider jibit is declared by the server's settings; change it there and restart."), ("/access/new-token?name=jibit", "/access/tokens/jibit", "Token jibit is declared by the server's settings; change it there and restart.") })
        {
            var shown = await panel.Http.GetAsync(form);
            var text = await shown.Content.ReadAsStringAsync();

            shown.RequestMessage!.RequestUri!.AbsolutePath.ShouldBe(page);
            Panel.FlashMessage(text).ShouldBe(words);
            text.ShouldNotContain($"href=\"{form}\"");
        }

        (await panel.ReadAsync("/access/providers/jibit")).ShouldContain("<code>Providers__jibit__…</code>");
        Panel.FlashMessage(await panel.SendAsync("/access/tokens", "/access/providers/jibit?handler=Remove", ("confirmed", "jibit"))).ShouldContain("(Providers__jibit__…)");
        Panel.FlashMessage(await panel.SendAsync("/access/tokens", "/access/tokens/jibit?handler=Remove", ("confirmed", "jibit"))).ShouldContain("(Tokens__jibit__…)");
    }

    [Theory]
    [InlineData(nameof(Role.Viewer))]
    [InlineData(nameof(Role.Operator))]
    public async Task Only_administrators_see_and_use_the_forms(string role)
    {
        await using var acme = await AcmeAsync();
        await using var panel = await open.OpenAsync(Enum.Parse<Role>(role));

        foreach (var page in new[] { "/access", "/access/providers", "/access/providers/jibit", "/access/tokens", "/access/tokens/jibit?tab=Settings" })
        {
            (await panel.ReadAsync(page)).ShouldNotMatch("new-provider|new-token|handler=Remove", page);
        }

        (await panel.Http.GetAsync(NewProvider)).StatusCode.ShouldBe(HttpStatusCode.Forbidden);
        (await panel.PostAsync("/access/tokens", NewProvider, [.. Provider(acme, "forged")])).StatusCode.ShouldBe(HttpStatusCode.Forbidden);
        (await panel.PostAsync("/access/tokens", NewToken, ("newName", "forged"), ("provider", "jibit"))).StatusCode.ShouldBe(HttpStatusCode.Forbidden);
        (await panel.PostAsync("/access/tokens", "/access/providers/jibit?handler=Test")).StatusCode.ShouldBe(HttpStatusCode.Forbidden);
        acme.Calls.ShouldBe(0);
    }

    [Fact]
    public async Task A_secret_sent_after_the_sign_in_ended_never_comes_back_to_a_page()
    {
        await using var panel = await open.OpenAsync();

        using var form = new FormUrlEncodedContent([new("newName", "late"), new("secret.ClientSecret", Secret)]);
        var page = await (await panel.Http.PostAsync($"/account/expired?to={Uri.EscapeDataString(NewProvider)}", form)).Content.ReadAsStringAsync();

        page.ShouldContain("late");
        page.ShouldNotContain(Secret);
    }

    [Fact]
    public async Task An_empty_install_leads_administrators_to_the_form_and_then_to_the_token_and_others_to_them()
    {
        await using var acme = await AcmeAsync();
        await using var server = await RunningServer.StartAsync(postgres, withSandbox: true, settings: [("Sandbox:Enabled", "false"), ("TokenRefresh:Http:AllowedAddresses", "127.0.0.0/8")]);
        await using var admin = Panel.At(server);
        await admin.AddAsync("ada", Role.Admin);
        await admin.EnterAsync("ada");
        await using var viewer = await admin.BesideAsync("vera", Role.Viewer);

        // Until the first due check a page says that the schedule is not running yet.
        await RunningServer.UntilAsync(async () => (await admin.ReadAsync("/access")).Contains("data-status=\"operational\"", StringComparison.Ordinal), "nothing is wrong");
        var empty = await admin.ReadAsync("/access");
        var seen = await viewer.ReadAsync("/access");
        (await admin.ReadAsync("/access/new-token")).ShouldContain("No provider has credentials yet");
        await AddAsync(admin, acme, "acme");
        var begun = await admin.ReadAsync("/access");

        empty.ShouldContain("<a class=\"button\" href=\"/access/new-provider\">Add provider</a>");
        empty.ShouldContain("Getting started: 0 of 5 steps done");
        seen.ShouldContain("An administrator does this.");
        seen.ShouldNotContain("new-provider");
        begun.ShouldContain("No tokens yet: add the first");
        begun.ShouldContain("<a class=\"button\" href=\"/access/new-token?provider=acme\">Add token</a>");
        (await admin.ReadAsync("/access/providers/acme")).ShouldContain("Next: a token of this provider");
    }

    private static async Task<CatalogApiTests.AuthorizationServer> AcmeAsync()
    {
        var acme = await CatalogApiTests.AuthorizationServer.StartAsync();
        acme.Accepted = Secret;
        return acme;
    }

    private static (string, string)[] Provider(CatalogApiTests.AuthorizationServer acme, string name) =>
        [("newName", name), ("setting.TokenUrl", acme.TokenUrl), ("setting.ClientId", "ours"), ("secret.ClientSecret", Secret), ("setting.ClientAuthentication", "Body")];

    private static async Task AddAsync(Panel panel, CatalogApiTests.AuthorizationServer acme, string name) =>
        Panel.FlashMessage(await panel.SendAsync(NewProvider, NewProvider, Provider(acme, name))).ShouldStartWith($"Added provider {name}.");

    // As the form that was just opened sends it.
    private static async Task<string> ChangeAsync(Panel panel, string form, params (string, string)[] fields) =>
        await panel.SendAsync(form, form, [("tag", Value(await panel.ReadAsync(form), "tag")), .. fields]);

    private async Task<ProviderRow?> FindAsync(string name) => await (await open.ServicesAsync()).GetRequiredService<ProviderChanges>().FindAsync(name, CancellationToken.None);

    private static string Value(string page, string field) => WebUtility.HtmlDecode(Regex.Match(page, $"<input[^>]* name=\"{Regex.Escape(field)}\"[^>]* value=\"([^\"]*)\"").Groups[1].Value);

    // What stands in red below a field.
    private static string Wrong(string page, string field)
    {
        var below = page[page.IndexOf($"id=\"field-{field.Replace('.', '-')}-note\"", StringComparison.Ordinal)..];
        return WebUtility.HtmlDecode(Regex.Replace(Regex.Match(below[..below.IndexOf("</div>", StringComparison.Ordinal)], "<p class=\"wrong\"[^>]*>(.*?)</p>").Groups[1].Value, "<[^>]*>", ""));
    }

    [GeneratedRegex("<input[^>]* name=\"secret\\.[^>]*>")]
    private static partial Regex SecretInput();

    /// <summary>A server with the sandbox whose providers may be on this machine.</summary>
    public sealed class Open(PostgresFixture postgres) : SharedServer(postgres)
    {
        internal async Task<IServiceProvider> ServicesAsync() => (await Server).Services;

        private protected override async Task<RunningServer> StartAsync(PostgresFixture postgres)
        {
            var started = await RunningServer.StartAsync(postgres, withSandbox: true, settings: ("TokenRefresh:Http:AllowedAddresses", "127.0.0.0/8"));
            await started.ObtainedAsync("jibit");
            return started;
        }
    }
}
