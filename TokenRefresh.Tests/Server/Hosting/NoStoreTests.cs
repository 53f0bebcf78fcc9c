using System.Net;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Logging;
using Shouldly;
using TokenRefresh.Server.Access;
using TokenRefresh.Server.Hosting;
using TokenRefresh.Tests.Fixtures;
using TokenRefresh.Tests.Server.Api;
using TokenRefresh.Tests.Server.Pages;

namespace TokenRefresh.Tests.Server.Hosting;

/// <summary>No cache on the way keeps what somebody got for a key or a sign-in.</summary>
public sealed partial class NoStoreTests(PostgresFixture postgres, SharedServer shared) : IClassFixture<SharedServer>
{
    private static readonly string[] Unmapped =
        ["/nothing", "/api", "/api/nothing", "/api/tokens/none/access-token", "/api/tokens?limit=x", "/openapi", "/hangfire/nothing", "/hangfire/jobs/enqueued/tokens", "/hangfire/js1", "/hangfire/css1",
         "/access/nothing", "/access/audit?handler=Export", "/access/audit?handler=Export&format=json", "/access/token-refresh-logs?handler=Export&format=csv", "/access/token-refresh-logs?handler=Export&format=json", "/access/token-refresh-logs/x"];

    [Fact]
    public async Task Every_address_says_no_store_to_everybody_but_the_call_that_names_how_long_a_token_may_be_kept()
    {
        await using var panel = await Panel.OpenAsync(postgres, Role.Admin, settings: [("Metrics:Enabled", "true")]);
        await ApiServer.SignInAsync(panel.Server, "jibit");
        using var stranger = new HttpClient(new HttpClientHandler { AllowAutoRedirect = false }) { BaseAddress = panel.Server.Http.BaseAddress };
        var addresses = ((IEndpointRouteBuilder)panel.Server.App).DataSources.SelectMany(source => source.Endpoints).OfType<RouteEndpoint>()
            .Select(endpoint => $"/{Parameter().Replace(endpoint.RoutePattern.RawText!.TrimStart('/'), Sample)}").Concat(Unmapped).Distinct().ToList();
        addresses.Count.ShouldBeGreaterThan(35);
        var excepted = new HashSet<string>();
        var seen = new HashSet<int>();

        foreach (var address in addresses)
        {
            foreach (var method in new[] { HttpMethod.Get, HttpMethod.Head, HttpMethod.Post, HttpMethod.Put, HttpMethod.Options })
            {
                foreach (var client in new[] { stranger, panel.Server.Http, panel.Http })
                {
                    using var answer = await client.SendAsync(new(method, address), HttpCompletionOption.ResponseHeadersRead);
                    seen.Add((int)answer.StatusCode);
                    if (answer.Headers.CacheControl is not { NoStore: true })
                    {
                        answer.Headers.CacheControl!.Private.ShouldBeTrue($"{method} {address} {answer.StatusCode}");
                        excepted.Add($"{method} {address} {(int)answer.StatusCode}");
                    }

                    (answer.Content.Headers.Expires ?? DateTimeOffset.UnixEpoch).ShouldBeLessThan(DateTimeOffset.UnixEpoch.AddYears(1), address);
                }
            }
        }

        excepted.ShouldBe(["GET /api/tokens/jibit/access-token 200"]);
        seen.ShouldBeSubsetOf([200, 202, 204, 302, 307, 400, 401, 403, 404, 405, 415, 422]);
        new[] { 200, 302, 400, 401, 403, 404, 405 }.ShouldBeSubsetOf(seen);
    }

    [Fact]
    public async Task Out_of_a_cache_a_stranger_gets_nothing_that_was_fetched_with_a_key_or_a_sign_in()
    {
        await using var panel = await Panel.OpenAsync(postgres, Role.Admin);
        await ApiServer.SignInAsync(panel.Server, "jibit");
        await using var proxy = await StandInProxy.StartAsync(panel.Http.BaseAddress!);
        using var stranger = new HttpClient(new HttpClientHandler { AllowAutoRedirect = false });
        string[] behindKey =
            ["/api/tokens", "/api/tokens/health", "/api/tokens/needs-refresh", "/api/token-refresh-logs", "/api/token-refresh-logs/statistics", "/api/tokens/jibit/access-token", "/openapi/v1.json"];
        string[] behindSignIn =
            ["/access/tokens", "/access/tokens/jibit", "/access/token-health", "/access/clients", "/access/users", "/access/audit?handler=Export", "/access/token-refresh-logs?handler=Export&format=csv", "/hangfire", "/hangfire/css1"];

        foreach (var (client, addresses) in new[] { (panel.Server.Http, behindKey), (panel.Http, behindSignIn) })
        {
            foreach (var address in addresses)
            {
                (await client.GetAsync(new Uri(proxy.Address, address))).StatusCode.ShouldBe(HttpStatusCode.OK, address);
                ((int)(await stranger.GetAsync(new Uri(proxy.Address, address))).StatusCode).ShouldBeOneOf([401, 302], address);
            }
        }

        // The cache works: what anybody may have comes out of it.
        proxy.Hits.ShouldBe(0);
        var sheet = Sheet().Match(await (await stranger.GetAsync(new Uri(proxy.Address, "/account/login"))).Content.ReadAsStringAsync()).Groups[1].Value;
        (await stranger.GetAsync(new Uri(proxy.Address, sheet))).Headers.CacheControl!.ToString().ShouldBe("public, max-age=31536000, immutable");
        (await stranger.GetAsync(new Uri(proxy.Address, sheet))).StatusCode.ShouldBe(HttpStatusCode.OK);
        proxy.Hits.ShouldBe(1);
    }

    [Theory]
    [InlineData("/site.css")]
    [InlineData("/site.css?v=000000000000")]
    [InlineData("/icon.svg")]
    public async Task A_file_under_an_address_without_its_mark_is_kept_only_to_ask_again(string address)
    {
        var server = await shared.Server;

        (await server.Http.GetAsync(address)).Headers.CacheControl!.ToString().ShouldBe("public, no-cache");
    }

    [Fact]
    public async Task It_holds_where_an_error_takes_all_headers_away()
    {
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelCore().UseUrls("http://127.0.0.1:0");
        await using var app = builder.Build();
        app.UseNoStore();
        app.Run(context =>
        {
            context.Response.Headers.Expires = "Thu, 01 Jan 2099 00:00:00 GMT";
            context.Response.Clear();
            context.Response.Headers.Expires = "Thu, 01 Jan 2099 00:00:00 GMT";
            context.Response.StatusCode = StatusCodes.Status500InternalServerError;
            return Task.CompletedTask;
        });
        await app.StartAsync(TestContext.Current.CancellationToken);
        using var http = new HttpClient();

        var answer = await http.GetAsync(app.Urls.First(), TestContext.Current.CancellationToken);

        answer.Headers.CacheControl!.ToString().ShouldBe("no-store");
        answer.Content.Headers.Contains("Expires").ShouldBeFalse();
    }

    private static string Sample(Match parameter) => parameter.Value switch
    {
        "{name}" => "jibit",
        "{documentName}" => "v1",
        "{**rest}" => "",
        _ => "1",
    };

    [GeneratedRegex(@"\{[^}]+\}")]
    private static partial Regex Parameter();

    [GeneratedRegex("href=\"(/site\\.css[^\"]*)\"")]
    private static partial Regex Sheet();
}
