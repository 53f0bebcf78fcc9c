using System.Net;
using System.Text.RegularExpressions;
using Microsoft.Extensions.DependencyInjection;
using Shouldly;
using TokenRefresh.Jobs.Administration;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.TokenCache;
using TokenRefresh.Server.Access;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Server.Pages;

public sealed partial class AdministrationTests(PostgresFixture postgres, SharedServer shared) : IClassFixture<SharedServer>
{
    private const string Users = "/access/users", Clients = "/access/clients";

    [Fact]
    public async Task A_user_is_added_with_a_password_that_is_shown_once_and_works()
    {
        await using var panel = await Panel.OpenAsync(postgres, Role.Admin);

        var page = await panel.SendAsync(Users, $"{Users}?handler=Add", ("name", "زهرا"), ("role", "Operator"), ("password", ""));
        var password = Secret().Match(page).Groups[1].Value;

        password.Length.ShouldBeGreaterThanOrEqualTo(PanelUsers.LeastPassword);
        (await panel.ReadAsync(Users)).ShouldNotContain(password);
        await using var other = await panel.BesideAsync("somebody", Role.Viewer);
        (await other.SignInAsync("زهرا", password)).RequestMessage!.RequestUri!.AbsolutePath.ShouldBe("/access");
        (await panel.AuditAsync()).ShouldContain(entry => entry.Actor == "user:Admin" && entry.Action == "user.added" && entry.Subject == "زهرا" && !entry.Details.Contains(password));
    }

    [Theory]
    [InlineData("", "1 to 64 letters")]
    [InlineData("<script>alert(1)</script>", "1 to 64 letters")]
    [InlineData("admin\u202Enimda", "1 to 64 letters")]
    [InlineData("ad\u200Bmin", "1 to 64 letters")]
    [InlineData("ADMIN", "already taken")]
    [InlineData("-olga", "must not begin with")]
    [InlineData("+olga", "must not begin with")]
    [InlineData("@olga", "must not begin with")]
    [InlineData("-", "must not begin with")]
    [InlineData("10000", "1 to 64 letters")]
    public async Task A_hostile_or_taken_name_is_refused_and_does_no_harm(string name, string reason)
    {
        await using var panel = await shared.OpenAsync(Role.Admin);
        name = name == "10000" ? new string('x', 10_000) : name;

        var page = await panel.SendAsync(Users, $"{Users}?handler=Add", ("name", name), ("role", "Viewer"), ("password", Panel.Password));

        Panel.FlashMessage(page).ShouldContain(reason);
        page.ShouldNotContain("<script>alert");
        page.ShouldNotContain(Panel.Password);
    }

    [Theory]
    [InlineData("Add", "nonsense")]
    [InlineData("Role", "7")]
    [InlineData("Role", "")]
    public async Task A_role_that_does_not_exist_is_refused_and_makes_nobody_anything(string handler, string role)
    {
        await using var panel = await shared.OpenAsync(Role.Admin);
        var (known, added) = ($"olga-{handler}-{role}", $"ida-{handler}-{role}");
        await panel.AddAsync(known, Role.Operator);

        var page = await panel.SendAsync(Users, $"{Users}?handler={handler}", ("name", handler == "Add" ? added : known), ("role", role), ("password", Panel.Password));

        Panel.FlashMessage(page).ShouldContain("Choose a role");
        var people = await PeopleAsync(panel);
        people.Where(person => person.StartsWith("ida", StringComparison.Ordinal)).ShouldBeEmpty();
        people.Where(person => !person.StartsWith("olga", StringComparison.Ordinal)).ShouldBe(["Admin Admin"]);
        people.ShouldContain($"{known} Operator");
    }

    [Fact]
    public async Task A_password_that_the_sign_in_would_not_look_at_is_refused()
    {
        await using var panel = await Panel.OpenAsync(postgres, Role.Admin);

        Panel.FlashMessage(await panel.SendAsync(Users, $"{Users}?handler=Add", ("name", "ida"), ("role", "Viewer"), ("password", new string('x', 257)))).ShouldBe("A password has at most 256 characters.");
        await panel.SendAsync(Users, $"{Users}?handler=Add", ("name", "ida"), ("role", "Viewer"), ("password", new string('x', 256)));

        (await panel.SignInAsync("ida", new string('x', 256))).RequestMessage!.RequestUri!.AbsolutePath.ShouldBe("/access");
    }

    [Fact]
    public async Task Nodes_that_start_together_make_one_first_administrator()
    {
        await using var panel = await Panel.OpenAsync(postgres);
        await panel.Server.ExecuteAsync("DELETE FROM operators");
        var scopes = Enumerable.Range(0, 4).Select(_ => panel.Server.Services.CreateAsyncScope()).ToList();

        var made = await Task.WhenAll(scopes.Select(scope => scope.ServiceProvider.GetRequiredService<PanelUsers>().EnsureFirstAsync(CancellationToken.None)));

        made.Count(password => password is not null).ShouldBeLessThanOrEqualTo(1);
        (await PeopleAsync(panel)).ShouldBe(["admin Admin"]);
        foreach (var scope in scopes)
        {
            await scope.DisposeAsync();
        }
    }

    [Theory]
    [InlineData("Reset", "name")]
    [InlineData("Add", "name")]
    [InlineData("Add", "password")]
    public async Task A_sign_that_no_text_holds_is_refused(string handler, string field)
    {
        await using var panel = await shared.OpenAsync(Role.Admin);

        (await panel.PostAsync(Users, $"{Users}?handler={handler}", (field, "a\0b"), ("role", "Viewer"))).StatusCode.ShouldBe(HttpStatusCode.BadRequest);
    }

    [Fact]
    public async Task What_cannot_be_written_into_the_audit_is_not_done()
    {
        await using var panel = await Panel.OpenAsync(postgres, Role.Admin);
        await panel.AddAsync("olga", Role.Operator);
        await panel.Server.ExecuteAsync("ALTER TABLE audit_log ADD CHECK (action NOT IN ('user.added', 'user.role_changed', 'user.disabled', 'user.removed')) NOT VALID");

        foreach (var (handler, fields) in new (string, (string, string)[])[]
        {
            ("Add", [("name", "ida"), ("role", "Viewer")]), ("Role", [("name", "olga"), ("role", "Viewer")]), ("Disable", [("name", "olga")]), ("Remove", [("name", "olga")]),
        })
        {
            (await panel.PostAsync(Users, $"{Users}?handler={handler}", fields)).StatusCode.ShouldBe(HttpStatusCode.InternalServerError);
        }

        (await PeopleAsync(panel)).ShouldBe(["Admin Admin", "olga Operator"]);
        (await panel.SignInAsync("olga")).RequestMessage!.RequestUri!.AbsolutePath.ShouldBe("/access");
    }

    private static async Task<List<string>> PeopleAsync(Panel panel)
    {
        await using var scope = panel.Server.Services.CreateAsyncScope();
        return (await scope.ServiceProvider.GetRequiredService<PanelUsers>().ListAsync(CancellationToken.None)).ConvertAll(person => $"{person.UserName} {person.Role}");
    }

    [Fact]
    public async Task Role_password_and_account_change_at_once_for_whoever_is_signed_in()
    {
        await using var panel = await Panel.OpenAsync(postgres, Role.Admin);
        await using var olga = await panel.BesideAsync("olga", Role.Operator);

        await ChangeAsync("Role", ("role", "Viewer"));
        (await WhereAsync()).ShouldBe("/account/login");
        await olga.SignInAsync("olga");
        (await olga.PostAsync("/access/tokens", "/access/tokens?handler=Test", ("name", "jibit"))).StatusCode.ShouldBe(HttpStatusCode.Forbidden);

        await ChangeAsync("Reset", ("password", "another long password"));
        (await WhereAsync()).ShouldBe("/account/login");
        await olga.SignInAsync("olga", "another long password");
        (await WhereAsync()).ShouldBe("/access/tokens");

        await ChangeAsync("Disable");
        (await WhereAsync()).ShouldBe("/account/login");
        (await olga.SignInAsync("olga", "another long password")).StatusCode.ShouldBe(HttpStatusCode.Unauthorized);

        await ChangeAsync("Enable");
        await olga.SignInAsync("olga", "another long password");
        (await WhereAsync()).ShouldBe("/access/tokens");

        await ChangeAsync("Remove");
        (await WhereAsync()).ShouldBe("/account/login");
        (await panel.AuditAsync()).Where(entry => entry.Actor == "user:Admin").Select(entry => entry.Action).Take(5)
            .ShouldBe(["user.removed", "user.enabled", "user.disabled", "user.password_reset", "user.role_changed"]);

        Task<string> ChangeAsync(string handler, params (string, string)[] fields) => panel.SendAsync(Users, $"{Users}?handler={handler}", [("name", "olga"), .. fields]);

        async Task<string> WhereAsync() => (await olga.Http.GetAsync("/access/tokens")).RequestMessage!.RequestUri!.AbsolutePath;
    }

    [Theory]
    [InlineData("Role", "Admin", "your own account")]
    [InlineData("Disable", "ADMIN", "your own account")]
    [InlineData("Remove", "Admin", "your own account")]
    [InlineData("Remove", "nobody", "No user")]
    [InlineData("Reset", "nobody", "No user")]
    public async Task Nobody_changes_themselves_or_somebody_who_is_not_there(string handler, string name, string reason)
    {
        await using var panel = await shared.OpenAsync(Role.Admin);

        Panel.FlashMessage(await panel.SendAsync(Users, $"{Users}?handler={handler}", ("name", name), ("role", "Viewer"))).ShouldContain(reason);
        (await panel.ReadAsync(Users)).ShouldContain("<bdi>Admin</bdi>");
    }

    [Fact]
    public async Task The_last_administrator_who_may_sign_in_stays_one()
    {
        await using var panel = await Panel.OpenAsync(postgres);
        await panel.AddAsync("ada", Role.Admin);
        await panel.AddAsync("grace", Role.Admin);

        var both = await Task.WhenAll(new[] { "ada", "grace" }.Select(TryAsync));
        await using var scope = panel.Server.Services.CreateAsyncScope();
        var people = await scope.ServiceProvider.GetRequiredService<PanelUsers>().ListAsync(default);

        both.Count(isDone => isDone).ShouldBe(1);
        people.Count(person => person.Role == Role.Admin).ShouldBe(1);

        async Task<bool> TryAsync(string name)
        {
            await using var own = panel.Server.Services.CreateAsyncScope();
            try
            {
                await own.ServiceProvider.GetRequiredService<PanelUsers>().SetRoleAsync(name, Role.Viewer, "a test");
                return true;
            }
            catch (PanelUserException error) when (error.Message.Contains("only administrator", StringComparison.Ordinal))
            {
                return false;
            }
        }
    }

    [Fact]
    public async Task A_client_key_is_shown_once_reads_its_tokens_and_is_refused_once_revoked()
    {
        await using var panel = await Panel.OpenAsync(postgres, Role.Admin);

        var page = await panel.SendAsync(Clients, $"{Clients}?handler=Add", ("name", "صورت‌حساب".Replace("\u200C", "", StringComparison.Ordinal)), ("tokens", "jib*"));
        var key = Secret().Match(page).Groups[1].Value;
        key.ShouldStartWith("trk_");
        (await panel.ReadAsync(Clients)).ShouldNotContain(key[20..]);
        await RunningServer.UntilAsync(async () => await StatusAsync() == HttpStatusCode.OK, "the key is known");

        await panel.PostAsync(Clients, $"{Clients}?handler=Revoke", ("name", "صورتحساب"));

        await RunningServer.UntilAsync(async () => await StatusAsync() == HttpStatusCode.Unauthorized, "the key is refused");
        (await panel.ReadAsync(Clients)).ShouldContain("revoked");
        (await panel.AuditAsync(2)).Select(entry => $"{entry.Actor} {entry.Action}").ShouldBe(["user:Admin client.revoked", "user:Admin client.added"]);

        async Task<HttpStatusCode> StatusAsync()
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, "/api/tokens/jibit/access-token");
            request.Headers.Authorization = new("Bearer", key);
            return (await panel.Server.Http.SendAsync(request)).StatusCode;
        }
    }

    [Theory]
    [InlineData("", "jibit", "1 to 64 printable characters")]
    [InlineData("bill\u202Eing", "jibit", "1 to 64 printable characters")]
    [InlineData("billing", "", "No pattern was given")]
    [InlineData("billing", "<script>", "No token matches")]
    public async Task A_hostile_client_is_refused_and_what_was_typed_stays(string name, string tokens, string reason)
    {
        await using var panel = await shared.OpenAsync(Role.Admin);

        var page = await panel.SendAsync(Clients, $"{Clients}?handler=Add", ("name", name), ("tokens", tokens));

        Panel.FlashMessage(page).ShouldContain(reason);
        WebUtility.HtmlDecode(page).ShouldMatch($"name=\"tokens\"( value=\"{Regex.Escape(tokens)}\")? required");
        page.ShouldNotContain("<script>");
        (await panel.Server.Services.GetRequiredService<ClientKeys>().ListAsync(default)).ShouldBeEmpty();
    }

    [Theory]
    [InlineData("?text=tested", true)]
    [InlineData("?text=USER:ADMIN", true)]
    [InlineData("?text=%00tested&days=1", true)]
    [InlineData("?text=%25", false)]
    [InlineData("?text=nothing", false)]
    [InlineData("?days=-5", true)]
    public async Task The_audit_is_searched_and_exported_as_it_is_filtered(string query, bool isFound)
    {
        await using var panel = await shared.OpenAsync(Role.Admin);
        await panel.PostAsync("/access/tokens", "/access/tokens?handler=Test", ("name", "jibit"));

        var page = await panel.ReadAsync($"/access/audit{query}");
        var csv = await panel.ReadAsync($"/access/audit{query}&handler=Export");

        page.Contains("token tested", StringComparison.Ordinal).ShouldBe(isFound);
        csv.Split("\r\n")[0].ShouldBe("id,at,actor,action,subject,details");
        csv.ShouldNotContain("<html");
        csv.Contains(",token.tested,jibit,", StringComparison.Ordinal).ShouldBe(isFound);
    }

    [Fact]
    public async Task Reads_by_programs_are_on_the_tokens_page_and_those_that_earlier_versions_kept_in_the_audit_are_not_shown_there()
    {
        await using var panel = await shared.OpenAsync(Role.Admin);
        await panel.Server.Services.GetRequiredService<AuditTrail>().WriteAsync("client:earlier", AuditEntry.Read, "jibit", new { reads = 7 });
        var counters = panel.Server.Services.GetRequiredService<ReadCounters>();
        counters.Add("an-id", "billing", "jibit");
        await counters.FlushAsync(CancellationToken.None);

        (await panel.ReadAsync("/access/audit")).ShouldNotContain("client:");
        (await panel.ReadAsync("/access/audit?handler=Export")).ShouldNotContain("client:");
        (await panel.ReadAsync("/access/tokens/jibit?tab=Clients")).ShouldContain("client:billing");
    }

    [GeneratedRegex("<output class=\"secret\"[^>]*>([^<]+)</output>")]
    private static partial Regex Secret();
}
