using System.Net;
using Shouldly;
using TokenRefresh.Server.Access;
using TokenRefresh.Tests.Fixtures;
using TokenRefresh.Tests.Server.Pages;

namespace TokenRefresh.Tests.Server.Access;

/// <summary>Which account a company sign-in leads to, with a real identity provider.</summary>
public sealed class CompanyAccountTests(CompanyServer shared) : IClassFixture<CompanyServer>
{
    private const string Users = "/access/users";

    [Theory]
    [InlineData("ada", "Operator", "ops")]
    [InlineData("ida", "Admin", "staff", "token-admins", "ops")]
    [InlineData("eva", "Viewer", "unknown", "staff", "OPS")]
    public async Task The_first_sign_in_makes_an_account_with_the_highest_role_that_a_claim_gives(string name, string role, params string[] values)
    {
        var company = await shared.OpenAsync();
        await company.Provider.HasAsync(name, values);

        (await company.SignInAsync(name)).ShouldBe("/access");

        var person = (await company.PersonAsync(name))!;
        ($"{person.Role}", person.PasswordHash, person.LastSignInAt is not null).ShouldBe((role, null, true));
    }

    [Fact]
    public async Task A_session_of_a_company_sign_in_shows_the_panel_and_what_the_role_allows()
    {
        var company = await shared.OpenAsync();
        await company.Provider.HasAsync("session", "staff");
        using var visitor = company.Visit();

        using var answer = await visitor.SignInAsync("session");

        (await visitor.Http.GetStringAsync("/access/tokens")).ShouldContain("session");
        (await visitor.Http.GetAsync(Users)).StatusCode.ShouldBe(HttpStatusCode.Forbidden);
    }

    [Fact]
    public async Task Account_and_sign_in_are_written_into_the_audit_and_a_second_sign_in_makes_no_second_account()
    {
        var company = await shared.OpenAsync();
        await company.Provider.HasAsync("audited", "ops");

        await company.SignInAsync("audited");
        await company.SignInAsync("audited");

        var entries = await company.AuditAsync("audited");
        entries.Select(entry => (entry.Actor, entry.Action)).ShouldBe([("user:audited", "user.signed_in"), ("user:audited", "user.signed_in"), ("oidc", "user.added")]);
        entries[0].Details.ShouldBe("""{"by": "oidc"}""");
        entries[2].Details.ShouldContain("\"role\": \"operator\"");
    }

    [Fact]
    public async Task The_role_follows_the_claim_at_the_next_sign_in_and_other_sessions_end()
    {
        var company = await shared.OpenAsync();
        await company.Provider.HasAsync("climber", "staff");
        using var before = company.Visit();
        await before.SignInAsync("climber");

        await company.Provider.HasAsync("climber", "ops");
        await company.SignInAsync("climber");

        (await company.PersonAsync("climber"))!.Role.ShouldBe(Role.Operator);
        (await before.Http.GetAsync("/access/tokens")).Headers.Location!.ToString().ShouldStartWith("/account/login");
        (await company.AuditAsync("climber")).ShouldContain(entry => entry.Actor == "oidc" && entry.Action == "user.role_changed" && entry.Details.Contains("operator"));
    }

    [Theory]
    [InlineData("stranger")]
    [InlineData("outsider", "unknown", "viewer", "token-admins=admin")]
    public async Task Without_a_role_there_is_no_account_and_the_page_names_the_claim(string name, params string[] values)
    {
        var company = await shared.OpenAsync();
        await company.Provider.HasAsync(name, values);
        using var visitor = company.Visit();

        using var answer = await visitor.SignInAsync(name);

        var page = WebUtility.HtmlDecode(await answer.Content.ReadAsStringAsync());
        answer.StatusCode.ShouldBe(HttpStatusCode.Forbidden);
        page.ShouldContain("no value of its claim \"roles\" is listed in Access__Oidc__Roles");
        page.ShouldNotContain("token-admins");
        visitor.Cookies.ShouldNotContain(cookie => cookie.Name == "tokenrefresh");
        (await company.PersonAsync(name)).ShouldBeNull();
    }

    [Fact]
    public async Task A_person_who_has_lost_every_role_is_refused_and_their_sessions_end()
    {
        var company = await shared.OpenAsync();
        await company.Provider.HasAsync("leaver", "ops");
        using var before = company.Visit();
        await before.SignInAsync("leaver");

        await company.Provider.HasAsync("leaver");
        var page = await company.SignInAsync("leaver");

        page.ShouldContain("No role for you");
        (await before.Http.GetAsync("/access/tokens")).StatusCode.ShouldBe(HttpStatusCode.Redirect);
    }

    [Fact]
    public async Task A_disabled_person_is_refused_whatever_the_identity_provider_says()
    {
        var company = await shared.OpenAsync();
        await company.Provider.HasAsync("disabled", "ops");
        await company.SignInAsync("disabled");
        await company.UsersAsync(async users =>
        {
            await users.DisableAsync("disabled", "a test");
            return 0;
        });

        await company.Provider.HasAsync("disabled", "token-admins");
        var page = await company.SignInAsync("disabled");

        page.ShouldContain("Account disabled");
        (await company.PersonAsync("disabled"))!.Role.ShouldBe(Role.Operator);
    }

    [Theory]
    [InlineData("keeper", "keeper")]
    [InlineData("owner", "OWNER")]
    public async Task An_account_with_a_password_is_not_taken_over_by_a_company_account_of_that_name(string taken, string name)
    {
        var company = await shared.OpenAsync();
        await using var panel = Panel.At(company.Server);
        await panel.AddAsync(taken, Role.Admin);

        await company.Provider.HasAsync(name, "staff");
        var page = await company.SignInAsync(name);

        page.ShouldContain("User name taken");
        (await company.PersonAsync(taken))!.Role.ShouldBe(Role.Admin);
        (await panel.SignInAsync(taken)).RequestMessage!.RequestUri!.AbsolutePath.ShouldBe("/access");
    }

    [Fact]
    public async Task A_person_who_is_called_otherwise_now_keeps_the_account_and_its_name()
    {
        var company = await shared.OpenAsync();
        await company.Provider.HasAsync("maiden", "ops");
        await company.SignInAsync("maiden");

        await company.Provider.HasAsync("maiden", new { preferred_username = "married", roles = new[] { "ops" } });
        await company.SignInAsync("maiden");

        (await company.AuditAsync("maiden")).Count(entry => entry.Action == "user.signed_in").ShouldBe(2);
        (await company.PersonAsync("married")).ShouldBeNull();
    }

    [Theory]
    [InlineData("corp", "CORP\\ada lovelace", null, "CORP_ada_lovelace")]
    [InlineData("mail", null, "ida@example.com", "ida@example.com")]
    [InlineData("nameless", null, null, "id-of-nameless")]
    [InlineData("blank", " ", "", "id-of-blank")]
    [InlineData("option", "--yes", null, "_-yes")]
    [InlineData("script", "<script>\u202Ex", null, "_script__x")]
    [InlineData("persian", "زهرا", null, "زهرا")]
    public async Task A_name_that_does_not_fit_is_made_fit(string person, string? preferred, string? email, string expected)
    {
        var company = await shared.OpenAsync();
        await company.Provider.HasAsync(person, new { preferred_username = preferred, email, roles = new[] { "staff" } });

        await company.SignInAsync(person);

        (await company.PersonAsync(expected)).ShouldNotBeNull();
    }

    [Fact]
    public void A_name_that_is_too_long_is_cut_without_breaking_a_sign() =>
        PanelUserNames.Fit(new string('x', 63) + "\U00020000" + "y").ShouldBe(new string('x', 63));

    [Fact]
    public async Task A_role_that_comes_as_one_text_counts_like_a_list_of_one()
    {
        var company = await shared.OpenAsync();
        await company.Provider.HasAsync("single", new { preferred_username = "single", roles = "ops" });

        await company.SignInAsync("single");

        (await company.PersonAsync("single"))!.Role.ShouldBe(Role.Operator);
    }

    [Fact]
    public async Task The_users_page_shows_a_company_sign_in_in_place_of_a_password()
    {
        var company = await shared.OpenAsync();
        await company.Provider.HasAsync("shown", "staff");
        await company.SignInAsync("shown");
        await using var panel = await company.AdministerAsync("boss");

        var row = (await panel.ReadAsync(Users)).Split("<tr").Single(row => row.Contains("<bdi>shown</bdi>"));

        row.ShouldContain("company sign-in");
        row.ShouldNotContain("handler=Reset");
        row.ShouldContain("handler=Remove");
    }

    [Fact]
    public async Task A_password_cannot_be_set_for_a_company_account()
    {
        var company = await shared.OpenAsync();
        await company.Provider.HasAsync("passwordless", "staff");
        await company.SignInAsync("passwordless");
        await using var panel = await company.AdministerAsync("resetter");

        var page = await panel.SendAsync(Users, $"{Users}?handler=Reset", ("name", "passwordless"), ("password", Panel.Password));

        Panel.FlashMessage(page).ShouldStartWith("passwordless signs in with the company account and has no password here.");
        (await company.PersonAsync("passwordless"))!.PasswordHash.ShouldBeNull();
    }

    [Fact]
    public async Task Passwords_that_are_tried_for_a_company_account_are_refused_and_lock_no_one_out()
    {
        var company = await shared.OpenAsync();
        await company.Provider.HasAsync("target", "staff");
        await company.SignInAsync("target");
        await using var panel = Panel.At(company.Server);

        for (var tries = 0; tries < 6; tries++)
        {
            (await panel.SignInAsync("target", "guess")).StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
        }

        (await company.PersonAsync("target"))!.LockoutEnd.ShouldBeNull();
    }

    [Fact]
    public async Task Who_was_removed_gets_a_new_account_as_long_as_a_role_is_theirs()
    {
        var company = await shared.OpenAsync();
        await company.Provider.HasAsync("returner", "ops");
        await company.SignInAsync("returner");
        var first = (await company.PersonAsync("returner"))!.Id;
        await company.UsersAsync(async users =>
        {
            await users.RemoveAsync("returner", "a test");
            return 0;
        });

        (await company.SignInAsync("returner")).ShouldBe("/access");

        (await company.PersonAsync("returner"))!.Id.ShouldNotBe(first);
    }

    [Fact]
    public async Task Two_first_sign_ins_at_once_make_one_account()
    {
        var company = await shared.OpenAsync();
        await company.Provider.HasAsync("twice", "ops");
        using var one = company.Visit();
        using var other = company.Visit();
        var (first, second) = (await one.ReturnAsync("twice"), await other.ReturnAsync("twice"));

        var answers = await Task.WhenAll(one.Http.GetAsync(first), other.Http.GetAsync(second));

        answers.Select(answer => answer.Headers.Location?.ToString()).ShouldBe(["/access", "/access"]);
        (await company.AuditAsync("twice")).Count(entry => entry.Action == "user.added").ShouldBe(1);
    }
}
