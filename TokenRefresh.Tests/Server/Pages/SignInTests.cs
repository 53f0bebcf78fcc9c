using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Shouldly;
using TokenRefresh.Jobs.Administration;
using TokenRefresh.Server.Access;
using TokenRefresh.Server.Pages.Account;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Server.Pages;

public sealed class SignInTests(PostgresFixture postgres, SharedServer shared) : IClassFixture<SharedServer>
{
    [Fact]
    public async Task A_person_signs_in_sees_the_tokens_and_signs_out_and_all_of_it_is_in_the_audit()
    {
        await using var panel = await Panel.OpenAsync(postgres);
        await panel.AddAsync("Viewer", Role.Viewer);
        await panel.SignInAsync("Viewer");

        (await panel.ReadAsync("/")).ShouldContain("All systems operational");
        await panel.PostAsync("/access/tokens", "/account/logout");

        (await panel.Http.GetAsync("/access/tokens")).RequestMessage!.RequestUri!.AbsolutePath.ShouldBe("/account/login");
        (await panel.Server.Services.GetRequiredService<AuditTrail>().RecentAsync(10, null, default)).Where(entry => entry.Subject == "Viewer").Select(entry => entry.Action)
            .ShouldBe(["user.signed_out", "user.signed_in", "user.added"]);
    }

    [Theory]
    [InlineData("Viewer", "wrong")]
    [InlineData("nobody", Panel.Password)]
    [InlineData("", Panel.Password)]
    [InlineData("<script>", "x")]
    public async Task What_does_not_fit_is_refused_in_the_same_words(string name, string password)
    {
        await using (await shared.OpenAsync(Role.Viewer))
        {
            // Who fits is there.
        }

        await using var panel = await shared.OpenAsync();

        var answer = await panel.SignInAsync(name, password);

        var page = await answer.Content.ReadAsStringAsync();
        answer.RequestMessage!.RequestUri!.AbsolutePath.ShouldBe("/account/login");
        Panel.FlashMessage(page).ShouldBeOneOf("Incorrect username or password. After too many attempts, wait 15 minutes.", "Enter user name and password.");
        page.ShouldNotContain("<script>");
        page.ShouldNotContain(Panel.Password);
    }

    [Fact]
    public async Task A_form_that_holds_no_text_is_refused_with_a_page()
    {
        await using var panel = await shared.OpenAsync();

        var answer = await panel.SignInAsync("Viewer\0");

        answer.StatusCode.ShouldBe(HttpStatusCode.BadRequest);
        (await answer.Content.ReadAsStringAsync()).ShouldContain("Form not accepted");
    }

    [Fact]
    public async Task Five_wrong_passwords_lock_a_person_out_even_with_the_right_one()
    {
        await using var panel = await Panel.OpenAsync(postgres);
        await panel.AddAsync("somebody", Role.Admin);
        for (var tries = 0; tries < 5; tries++)
        {
            await panel.SignInAsync("somebody", "wrong");
        }

        (await panel.SignInAsync("somebody")).StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
    }

    [Fact]
    public async Task A_refusal_comes_after_the_same_time_whoever_is_named()
    {
        await using var panel = await Panel.OpenAsync(postgres);
        foreach (var name in new[] { "somebody", "locked", "gone" })
        {
            await panel.AddAsync(name, Role.Viewer);
        }

        await panel.AddAsync("admin", Role.Admin);
        await using (var scope = panel.Server.Services.CreateAsyncScope())
        {
            await scope.ServiceProvider.GetRequiredService<PanelUsers>().DisableAsync("gone", "a test");
            await scope.ServiceProvider.GetRequiredService<PanelUsersDbContext>().Users.Where(person => person.UserName == "locked")
                .ExecuteUpdateAsync(row => row.SetProperty(person => person.LockoutEnd, DateTimeOffset.MaxValue));
        }

        foreach (var (name, password) in new[] { ("nobody", Panel.Password), ("somebody", "wrong"), ("locked", Panel.Password), ("gone", Panel.Password) })
        {
            var since = TimeProvider.System.GetTimestamp();
            (await panel.SignInAsync(name, password)).StatusCode.ShouldBe(HttpStatusCode.Unauthorized, name);
            TimeProvider.System.GetElapsedTime(since).ShouldBeGreaterThanOrEqualTo(LoginModel.RefusedAfter, name);
        }
    }

    [Fact]
    public async Task A_return_address_elsewhere_is_not_followed()
    {
        await using var panel = await shared.OpenAsync();
        await panel.AddAsync("somebody", Role.Viewer);

        var answer = await panel.PostAsync("/account/login", "/account/login", ("Name", "somebody"), ("Password", Panel.Password), ("ReturnUrl", "https://evil.example"));

        answer.RequestMessage!.RequestUri!.AbsolutePath.ShouldBe("/access");
    }

    [Fact]
    public async Task A_return_address_in_any_script_is_followed()
    {
        await using var panel = await shared.OpenAsync();
        await panel.AddAsync("traveller", Role.Viewer);

        var answer = await panel.PostAsync("/account/login", "/account/login", ("Name", "traveller"), ("Password", Panel.Password), ("ReturnUrl", "/access/tokens?q=زهرا%20x"));

        answer.RequestMessage!.RequestUri!.PathAndQuery.ShouldBe("/access/tokens?q=%D8%B2%D9%87%D8%B1%D8%A7%20x");
    }

    [Fact]
    public async Task A_form_without_its_token_against_forgery_changes_nothing()
    {
        await using var panel = await shared.OpenAsync(Role.Admin);
        var calls = panel.Server.Provider.Calls.Count;

        var answer = await panel.Http.PostAsync("/access/tokens?handler=Force", new FormUrlEncodedContent([new("name", "jibit")]));

        answer.StatusCode.ShouldBe(HttpStatusCode.BadRequest);
        (await answer.Content.ReadAsStringAsync()).ShouldContain("Form not accepted");
        panel.Server.Provider.Calls.Count.ShouldBe(calls);
    }

    [Fact]
    public async Task Every_page_comes_with_a_strict_policy_and_is_kept_by_no_cache()
    {
        await using var panel = await shared.OpenAsync(Role.Admin);

        foreach (var path in new[] { "/access/tokens", "/access/tokens/jibit", "/access/token-refresh-logs", "/access/token-health", "/access/audit" })
        {
            var answer = await panel.Http.GetAsync(path);
            answer.StatusCode.ShouldBe(HttpStatusCode.OK, path);
            answer.Headers.CacheControl!.NoStore.ShouldBeTrue(path);
            var policy = answer.Headers.GetValues("Content-Security-Policy").Single();
            policy.ShouldContain("default-src 'none'");
            policy.ShouldNotContain("unsafe");
        }
    }

    [Fact]
    public async Task A_page_names_its_files_by_their_content()
    {
        await using var panel = await shared.OpenAsync();
        var page = await panel.ReadAsync("/account/login");

        foreach (var file in new[] { "site.css", "panel.css", "site.js" })
        {
            var address = System.Text.RegularExpressions.Regex.Match(page, $"\"(/{file}\\?v=[0-9a-f]{{12}})\"").Groups[1].Value;
            (await panel.Http.GetAsync(address)).StatusCode.ShouldBe(HttpStatusCode.OK, file);
        }
    }

    [Fact]
    public async Task Without_a_sign_in_no_route_but_the_sign_in_and_the_health_words_answers()
    {
        await using var panel = await shared.OpenAsync();
        var open = new List<string>();
        foreach (var (method, path) in Routes(panel))
        {
            using var answer = await panel.Server.Http.SendAsync(new(new HttpMethod(method), path));
            if ((int)answer.StatusCode is not (401 or 302 or 400 or 405) || (answer.StatusCode == HttpStatusCode.Redirect && !answer.Headers.Location!.ToString().Contains("/account/login", StringComparison.Ordinal)))
            {
                open.Add($"{method} {path} {(int)answer.StatusCode}");
            }
        }

        open.Where(each => !each.Contains(".css", StringComparison.Ordinal) && !each.Contains(".js", StringComparison.Ordinal) && !each.Contains(".svg", StringComparison.Ordinal) && !each.Contains(" /sandbox/", StringComparison.Ordinal))
            .Order().ShouldBe(new[]
            {
                "GET /account/login 200", "GET /health/fresh 200", "GET /health/live 200", "GET /health/ready 200",
            }.Order());
    }

    [Fact]
    public async Task A_viewer_changes_nothing_by_any_route_the_dashboard_included()
    {
        await using var panel = await Panel.OpenAsync(postgres, Role.Viewer);
        var before = (await panel.Server.TokenAsync()).Version;
        var calls = panel.Server.Provider.Calls.Count;
        string[] handlers = ["Refresh", "Force", "Test", "RefreshChosen", "ForceChosen", "PauseChosen", "ResumeChosen", "Pause", "Resume", "Trigger", "Retry", "Run"];

        foreach (var path in new[] { "/access/tokens", "/access/tokens/jibit", "/access/token-refresh-logs", "/access/token-health", "/access/audit" })
        {
            foreach (var handler in handlers)
            {
                var answer = await panel.PostAsync("/access/tokens", $"{path}?handler={handler}", ("name", "jibit"), ("names", "jibit"), ("reason", "because"), ("id", "due-token-refresh"), ("force", "true"));
                ((int)answer.StatusCode).ShouldBeOneOf([400, 403, 404, 405], $"{path} {handler}");
            }
        }

        foreach (var path in new[] { "/hangfire/recurring/trigger", "/hangfire/recurring/remove", "/hangfire/jobs/actions/requeue/1", "/hangfire/jobs/actions/delete/1" })
        {
            ((int)(await panel.PostAsync("/access/tokens", path, ("jobs[]", "due-token-refresh"))).StatusCode).ShouldBeOneOf([400, 401, 403, 404, 405], path);
        }

        (await panel.Http.GetAsync("/access/audit")).StatusCode.ShouldBe(HttpStatusCode.Forbidden);
        (await panel.Server.TokenAsync()).Version.ShouldBe(before);
        panel.Server.Provider.Calls.Count.ShouldBe(calls);
        (await panel.ReadAsync("/access/tokens")).ShouldNotContain("<button name=\"name\"");
    }

    [Fact]
    public async Task The_first_administrator_is_made_once_with_the_password_of_the_settings_or_one_made_up()
    {
        await using var server = await RunningServer.StartAsync(postgres);
        await using var scope = server.Services.CreateAsyncScope();
        var people = scope.ServiceProvider.GetRequiredService<PanelUsers>();

        var password = await people.EnsureFirstAsync(default);

        password!.Length.ShouldBeGreaterThanOrEqualTo(PanelUsers.LeastPassword);
        (await people.EnsureFirstAsync(default)).ShouldBeNull();
        (await people.ListAsync(default)).Select(person => (person.UserName, person.Role)).ShouldBe([("admin", Role.Admin)]);
    }

    [Fact]
    public async Task A_reset_password_replaces_the_old_one_and_lifts_a_lock()
    {
        await using var panel = await Panel.OpenAsync(postgres);
        await panel.AddAsync("somebody", Role.Viewer);
        await using (var scope = panel.Server.Services.CreateAsyncScope())
        {
            await scope.ServiceProvider.GetRequiredService<PanelUsers>().ResetPasswordAsync("somebody", "another long password", "a test");
            await Should.ThrowAsync<PanelUserException>(() => scope.ServiceProvider.GetRequiredService<PanelUsers>().ResetPasswordAsync("somebody", "short", "a test"));
        }

        (await panel.SignInAsync("somebody")).StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
        (await panel.SignInAsync("somebody", "another long password")).RequestMessage!.RequestUri!.AbsolutePath.ShouldBe("/access");
    }

    private static IEnumerable<(string Method, string Path)> Routes(Panel panel) => ((IEndpointRouteBuilder)panel.Server.App).DataSources
        .SelectMany(source => source.Endpoints).OfType<RouteEndpoint>()
        .SelectMany(endpoint => (endpoint.Metadata.GetMetadata<HttpMethodMetadata>()?.HttpMethods ?? ["GET", "POST"])
            .Where(method => method is "GET" or "POST" or "DELETE").Select(method => (method, "/" + Fill(endpoint.RoutePattern).TrimStart('/')))).Distinct();

    private static string Fill(Microsoft.AspNetCore.Routing.Patterns.RoutePattern pattern) => string.Join('/', pattern.PathSegments.Select(segment => string.Concat(segment.Parts.Select(part => part switch
    {
        Microsoft.AspNetCore.Routing.Patterns.RoutePatternLiteralPart literal => literal.Content,
        Microsoft.AspNetCore.Routing.Patterns.RoutePatternParameterPart { IsCatchAll: true } => "",
        Microsoft.AspNetCore.Routing.Patterns.RoutePatternParameterPart { Name: "id" } => "1",
        _ => "x",
    }))));
}
