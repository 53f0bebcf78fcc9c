using System.Net;
using System.Reflection;
using System.Text.RegularExpressions;
using Hangfire.Dashboard;
using Shouldly;
using TokenRefresh.Server.Access;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Server.Pages;

/// <summary>Hangfire's pages take what an address or a form holds for a number or a name. None of it may end in a mistake of the server.</summary>
public sealed partial class HostileDashboardTests(PostgresFixture postgres, SharedServer shared) : IClassFixture<SharedServer>
{
    private static readonly string[] Names =
        ["<script>", "%3Cscript%3Ealert(1)%3C/script%3E", "0", "-1", "999999999999", "99999999999999999999999", "1e9", "0x10", "1;--", "%00", "a%00b", "%FF%FE", "..%2F..%2Fetc", "%E2%80%AE", new('9', 900), new('x', 2000), "%20", "tokens"];

    private static readonly string[] Queries = ["", "?from=-1&count=-1", "?from=x&count=y", "?count=0", "?from=99999999999999999999&count=1", "?from=2147483647&count=2147483647", "?period=%00", "?from=%00"];

    private const int Usual = 2;

    [Theory]
    [InlineData(nameof(Role.Viewer))]
    [InlineData(nameof(Role.Operator))]
    [InlineData(nameof(Role.Admin))]
    public async Task No_address_and_no_form_of_the_dashboard_ends_in_an_error_of_the_server(string role)
    {
        await using var panel = await Panel.OpenAsync(postgres, Enum.Parse<Role>(role));
        await panel.ReadAsync("/hangfire");
        var token = Forgery().Match(await panel.ReadAsync("/access/tokens")).Groups[1].Value;
        var routes = Routes().ToList();
        routes.Count.ShouldBeGreaterThan(30);

        foreach (var route in routes)
        {
            var isNamed = Group().IsMatch(route);
            var addresses = (isNamed ? Names : ["1"]).Select(name => Group().Replace(route, name.Replace("$", "$$", StringComparison.Ordinal)).Replace("[0-9]+", "1", StringComparison.Ordinal))
                .SelectMany(address => isNamed ? [address] : Queries.Select(query => address + query));
            var tried = 0;
            foreach (var address in addresses)
            {
                // Who may do everything tries every name in every way. For the others every name is tried with what reads and what acts, and two of each route with all the rest.
                foreach (var (method, content) in Tries().Take(tried++ < 2 || role == nameof(Role.Admin) ? int.MaxValue : Usual))
                {
                    using var request = new HttpRequestMessage(method, $"/hangfire{address}") { Content = content, Headers = { { "RequestVerificationToken", token } } };
                    using var answer = await panel.Http.SendAsync(request);
                    var said = await answer.Content.ReadAsStringAsync();

                    ((int)answer.StatusCode).ShouldBeLessThan(500, $"{method} {address} {content}");
                    if (answer.StatusCode != HttpStatusCode.OK)
                    {
                        said.ShouldNotContain("Exception", Case.Sensitive, $"{method} {address}");
                        said.ShouldNotContain("   at ", Case.Sensitive, $"{method} {address}");
                    }
                }
            }
        }
    }

    [Theory]
    [InlineData("/hangfire/stats", HttpStatusCode.BadRequest)]
    [InlineData("/hangfire/jobs/failed/requeue", HttpStatusCode.BadRequest)]
    [InlineData("/hangfire/jobs/details/<script>", HttpStatusCode.NotFound)]
    [InlineData("/hangfire/jobs/details/99999999999999999999", HttpStatusCode.NotFound)]
    [InlineData("/hangfire/nothing", HttpStatusCode.NotFound)]
    public async Task What_cannot_be_meant_is_refused_in_words_and_without_a_trace(string address, HttpStatusCode status)
    {
        await using var panel = await shared.OpenAsync(Role.Operator);

        var answer = await panel.Http.GetAsync(address);
        var page = await answer.Content.ReadAsStringAsync();

        answer.StatusCode.ShouldBe(status);
        page.ShouldContain($"<p class=\"status\">{(int)status}</p>");
        page.ShouldNotContain("   at ");
    }

    private static IEnumerable<(HttpMethod, HttpContent?)> Tries() =>
    [
        (HttpMethod.Get, null),
        (HttpMethod.Post, new FormUrlEncodedContent([new("jobs[]", "<script>"), new("metrics[]", "<script>")])),
        (HttpMethod.Head, null), (HttpMethod.Post, null), (HttpMethod.Put, null), (HttpMethod.Delete, null), (HttpMethod.Options, null), (HttpMethod.Patch, null),
        (HttpMethod.Post, new StringContent("{\"jobs\":[1]}", null, "application/json")),
        (HttpMethod.Post, new FormUrlEncodedContent([])),
        (HttpMethod.Post, new FormUrlEncodedContent([new("jobs[]", "99999999999999999999"), new("metrics[]", "tokens:unwell")])),
        (HttpMethod.Post, new FormUrlEncodedContent([new("jobs[]", new('x', 1000))])),
        (HttpMethod.Post, new FormUrlEncodedContent([new("jobs[]", "a\u0000b")])),
    ];

    // Hangfire keeps its routes in a list that nothing public shows; each is a pattern.
    private static IEnumerable<string> Routes() =>
        ((IEnumerable<Tuple<string, IDashboardDispatcher>>)typeof(RouteCollection).GetField("_dispatchers", BindingFlags.NonPublic | BindingFlags.Instance)!.GetValue(DashboardRoutes.Routes)!)
            .Select(route => route.Item1);

    [GeneratedRegex("name=\"__RequestVerificationToken\" type=\"hidden\" value=\"([^\"]+)\"")]
    private static partial Regex Forgery();

    [GeneratedRegex(@"\(\?<[A-Za-z]+>[^)]*\)")]
    private static partial Regex Group();
}
