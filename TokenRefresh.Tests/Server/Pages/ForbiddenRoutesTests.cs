using System.Net;
using System.Reflection;
using Hangfire.Dashboard;
using Microsoft.AspNetCore.Mvc.RazorPages;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using Shouldly;
using TokenRefresh.Server.Access;
using TokenRefresh.Server.Pages;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Server.Pages;

/// <summary>Every handler of every page, and every command of the dashboard, is tried by those who may not use it.</summary>
public sealed class ForbiddenRoutesTests(PostgresFixture postgres)
{
    private static readonly string[] Watched = ["tokens", "replaced_tokens", "token_refresh_logs", "client_keys", "operators", "incidents", "timetable_pauses", "hangfire.job", "hangfire.set", "hangfire.hash"];

    [Fact]
    public async Task A_viewer_changes_nothing_by_any_handler_of_any_page()
    {
        await using var panel = await Panel.OpenAsync(postgres, Role.Viewer);
        var handlers = Handlers(panel).Where(handler => handler.Needed > Role.Viewer).ToList();
        handlers.Count.ShouldBeGreaterThan(25);
        await panel.Server.ExecuteAsync("UPDATE tokens SET last_used_at = now()");
        var before = await StateAsync(panel);

        foreach (var (address, _) in handlers)
        {
            (await SendAsync(panel, address)).StatusCode.ShouldBe(HttpStatusCode.Forbidden, address);
        }

        (await StateAsync(panel)).ShouldBe(before);
    }

    [Fact]
    public async Task An_operator_is_refused_what_is_for_administrators()
    {
        await using var panel = await Panel.OpenAsync(postgres, Role.Operator);
        var before = await StateAsync(panel);
        var forAdmins = Handlers(panel).Where(handler => handler.Needed == Role.Admin).ToList();
        forAdmins.Count.ShouldBeGreaterThan(10);

        foreach (var (address, _) in forAdmins)
        {
            (await SendAsync(panel, address)).StatusCode.ShouldBe(HttpStatusCode.Forbidden, address);
        }

        foreach (var page in new[] { "/access/users", "/access/clients", "/access/audit", "/access/audit?handler=Export" })
        {
            (await panel.Http.GetAsync(page)).StatusCode.ShouldBe(HttpStatusCode.Forbidden, page);
        }

        (await StateAsync(panel)).ShouldBe(before);
    }

    [Fact]
    public async Task Without_a_sign_in_no_handler_of_the_panel_does_anything()
    {
        await using var panel = await Panel.OpenAsync(postgres);
        var before = await StateAsync(panel);

        foreach (var (address, _) in Handlers(panel))
        {
            var answer = await panel.Server.Http.PostAsync(address, new FormUrlEncodedContent([new("name", "jibit")]));
            (answer.StatusCode, answer.Headers.Location!.ToString()[..17]).ShouldBe((HttpStatusCode.TemporaryRedirect, "/account/expired?"), address);
        }

        (await StateAsync(panel)).ShouldBe(before);
    }

    [Fact]
    public void Every_handler_that_changes_something_names_who_may()
    {
        var methods = Methods().ToList();
        methods.Count.ShouldBeGreaterThan(25);
        methods.Where(method => method.DeclaringType!.Namespace!.Contains(".Pages.Access", StringComparison.Ordinal) && method.GetCustomAttribute<NeedsAttribute>() is null)
            .Select(method => $"{method.DeclaringType!.Name}.{method.Name}").ShouldBeEmpty();
    }

    [Fact]
    public async Task A_viewer_changes_nothing_by_any_command_of_the_dashboard()
    {
        await using var panel = await Panel.OpenAsync(postgres, Role.Viewer);
        await panel.ReadAsync("/hangfire");
        var before = await StateAsync(panel);
        var commands = Commands().ToList();
        commands.Count.ShouldBeGreaterThan(10);

        foreach (var command in commands)
        {
            var answer = await SendAsync(panel, $"/hangfire{command}", ("jobs[]", "due-token-refresh"), ("jobs[]", "1"));
            if (command != "/stats")
            {
                ((int)answer.StatusCode).ShouldBeOneOf([401, 403, 404], command);
            }
        }

        (await StateAsync(panel)).ShouldBe(before);
    }

    private static Task<HttpResponseMessage> SendAsync(Panel panel, string address, params (string, string)[] fields) => panel.PostAsync(
        "/access/tokens", address,
        [("name", "jibit"), ("names", "jibit"), ("reason", "because"), ("why", "because"), ("id", "1"), ("force", "true"), ("role", "Admin"), ("tokens", "*"), ("access", "token"), ("expires", "2030-01-01T00:00"), .. fields]);

    // What is mapped, from the routes themselves: a page that is added is tried without anybody thinking of it.
    private static IEnumerable<(string Address, Role Needed)> Handlers(Panel panel) => ((IEndpointRouteBuilder)panel.Server.App).DataSources
        .SelectMany(source => source.Endpoints).OfType<RouteEndpoint>()
        .Select(endpoint => (endpoint.RoutePattern.RawText, Page: endpoint.Metadata.GetMetadata<PageActionDescriptor>()))
        .Where(route => route.Page?.ViewEnginePath.StartsWith("/Access/", StringComparison.Ordinal) == true)
        .SelectMany(route => Methods().Where(method => IsOf(method, route.Page!)).Select(method => (
            $"/{route.RawText!.Replace("{name}", "jibit", StringComparison.Ordinal).Replace("{id:long}", "1", StringComparison.Ordinal)}?handler={method.Name["OnPost".Length..^"Async".Length]}",
            method.GetCustomAttribute<NeedsAttribute>()?.Role ?? Role.Admin)));

    private static bool IsOf(MethodInfo method, PageActionDescriptor page)
    {
        var model = $"{method.DeclaringType!.Namespace}.{method.DeclaringType.Name}";
        return model == $"TokenRefresh.Server.Pages{page.ViewEnginePath.Replace('/', '.')}Model";
    }

    private static IEnumerable<MethodInfo> Methods() => typeof(PanelPage).Assembly.GetTypes().Where(type => type.IsSubclassOf(typeof(PageModel)))
        .SelectMany(type => type.GetMethods(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly)).Where(method => method.Name.StartsWith("OnPost", StringComparison.Ordinal));

    private static IEnumerable<string> Commands()
    {
        var dispatchers = (IEnumerable<Tuple<string, IDashboardDispatcher>>)typeof(Hangfire.Dashboard.RouteCollection).GetField("_dispatchers", BindingFlags.NonPublic | BindingFlags.Instance)!.GetValue(DashboardRoutes.Routes)!;
        return dispatchers.Where(route => route.Item2.GetType().Name.Contains("Command", StringComparison.Ordinal) || route.Item2.GetType().Name.Contains("Batch", StringComparison.Ordinal))
            .Select(route => System.Text.RegularExpressions.Regex.Replace(route.Item1, @"\(\?<\w+>[^)]*\)", "1"));
    }

    // What handlers change, as one text; what the server itself writes meanwhile is not in it.
    private static async Task<string> StateAsync(Panel panel)
    {
        var database = panel.Server.Services.GetRequiredService<NpgsqlDataSource>();
        await using var working = database.CreateCommand("SELECT count(*) FROM hangfire.job WHERE statename IS NULL OR statename IN ('Enqueued', 'Processing')");
        await RunningServer.UntilAsync(async () => (long)(await working.ExecuteScalarAsync())! == 0, "the server's own jobs are done");
        var state = new List<string>();
        foreach (var table in Watched)
        {
            await using var read = database.CreateCommand();
            read.CommandText = $"SELECT coalesce(string_agg((to_jsonb(row) - 'last_used_at')::text, ' ' ORDER BY to_jsonb(row)::text), '') FROM {table} row";
            state.Add($"{table}: {await read.ExecuteScalarAsync()}");
        }

        return string.Join('\n', state);
    }
}
