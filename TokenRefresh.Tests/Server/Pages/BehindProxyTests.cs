using System.Net;
using System.Text.RegularExpressions;
using Microsoft.Extensions.DependencyInjection;
using Shouldly;
using TokenRefresh.Server.Access;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Server.Pages;

/// <summary>The panel as it is meant to run: in Production, with a proxy before it that speaks TLS.</summary>
public sealed class BehindProxyTests(PostgresFixture postgres)
{
    [Fact]
    public async Task A_person_signs_in_through_a_proxy_of_this_machine_and_every_cookie_is_for_tls_only()
    {
        await using var server = await StartAsync();
        await using (var scope = server.Services.CreateAsyncScope())
        {
            await scope.ServiceProvider.GetRequiredService<PanelUsers>().AddAsync("somebody", Role.Viewer, Panel.Password, "a test");
        }

        var stranger = await SendAsync(server, HttpMethod.Get, "/access/tokens");
        stranger.Headers.Location!.ToString().ShouldStartWith("/account/login?ReturnUrl=");
        stranger.Headers.GetValues("Strict-Transport-Security").ShouldHaveSingleItem().ShouldStartWith("max-age=");

        var form = await SendAsync(server, HttpMethod.Get, "/account/login");
        var cookies = form.Headers.GetValues("Set-Cookie").ToList();
        var token = Regex.Match(await form.Content.ReadAsStringAsync(), "name=\"__RequestVerificationToken\" type=\"hidden\" value=\"([^\"]+)\"").Groups[1].Value;
        var signedIn = await SendAsync(server, HttpMethod.Post, "/account/login", cookies[0].Split(';')[0], ("Name", "somebody"), ("Password", Panel.Password), ("__RequestVerificationToken", token));
        cookies.AddRange(signedIn.Headers.GetValues("Set-Cookie"));

        signedIn.StatusCode.ShouldBe(HttpStatusCode.Redirect);
        cookies.ShouldContain(cookie => cookie.StartsWith("tokenrefresh=", StringComparison.Ordinal));
        cookies.ShouldAllBe(cookie => cookie.Contains("; secure", StringComparison.OrdinalIgnoreCase) && cookie.Contains("; httponly", StringComparison.OrdinalIgnoreCase) && cookie.Contains("; samesite=", StringComparison.OrdinalIgnoreCase));
    }

    [Theory]
    [InlineData("")]
    [InlineData("10.0.0.5,172.18.0.0/16")]
    public async Task A_proxy_that_is_not_named_is_not_believed_and_the_page_says_what_to_do(string trusted)
    {
        await using var server = await StartAsync(("Access:TrustedProxies", trusted));

        var answer = await SendAsync(server, HttpMethod.Get, "/account/login");

        answer.StatusCode.ShouldBe(HttpStatusCode.UpgradeRequired);
        (await answer.Content.ReadAsStringAsync()).ShouldContain("Access__TrustedProxies");
        answer.Headers.Contains("Set-Cookie").ShouldBeFalse();
        (await SendAsync(server, HttpMethod.Get, "/health/live")).StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task Each_person_behind_a_proxy_has_tries_of_their_own_and_none_more_by_naming_others()
    {
        await using var server = await StartAsync(("Access:TrustedProxies", "127.0.0.1,::1"));

        (await TriesAsync("203.0.113.1")).ShouldBe((20, 5));
        (await TriesAsync("198.51.100.7, 203.0.113.1")).ShouldBe((0, 25));
        (await TriesAsync("203.0.113.2")).ShouldBe((20, 5));
        (await TriesAsync("2001:db8:1:2::1")).ShouldBe((20, 5));
        (await TriesAsync("2001:db8:1:2:3::4")).ShouldBe((0, 25));

        // Without the form's token each is refused, after it was counted.
        async Task<(int Tried, int Limited)> TriesAsync(string from)
        {
            var statuses = new List<HttpStatusCode>();
            for (var tries = 0; tries < 25; tries++)
            {
                statuses.Add((await SendAsync(server, HttpMethod.Post, "/account/login", from, null, ("Name", "nobody"))).StatusCode);
            }

            return (statuses.Count(status => status == HttpStatusCode.BadRequest), statuses.Count(status => status == HttpStatusCode.TooManyRequests));
        }
    }

    [Fact]
    public async Task The_sign_in_form_is_shown_to_whoever_has_used_up_the_tries()
    {
        await using var server = await StartAsync(("Access:TrustedProxies", "127.0.0.1,::1"));
        for (var tries = 0; tries < 21; tries++)
        {
            await SendAsync(server, HttpMethod.Post, "/account/login", cookie: null, ("Name", "nobody"));
        }

        (await SendAsync(server, HttpMethod.Post, "/account/login", cookie: null, ("Name", "nobody"))).StatusCode.ShouldBe(HttpStatusCode.TooManyRequests);
        for (var looks = 0; looks < 25; looks++)
        {
            (await SendAsync(server, HttpMethod.Get, "/account/login")).StatusCode.ShouldBe(HttpStatusCode.OK);
        }
    }

    private Task<RunningServer> StartAsync(params (string, string)[] settings) => RunningServer.StartAsync(postgres, settings: [("environment", "Production"), .. settings]);

    private static Task<HttpResponseMessage> SendAsync(RunningServer server, HttpMethod method, string path, string? cookie = null, params (string Name, string Value)[] fields) =>
        SendAsync(server, method, path, "203.0.113.9", cookie, fields);

    private static Task<HttpResponseMessage> SendAsync(RunningServer server, HttpMethod method, string path, string from, string? cookie, params (string Name, string Value)[] fields)
    {
        var request = new HttpRequestMessage(method, path) { Headers = { { "X-Forwarded-Proto", "https" }, { "X-Forwarded-For", from }, { "Host", "panel.example.com" } } };
        if (cookie is not null)
        {
            request.Headers.Add("Cookie", cookie);
        }

        if (method == HttpMethod.Post)
        {
            request.Content = new FormUrlEncodedContent(fields.Select(field => KeyValuePair.Create(field.Name, field.Value)));
        }

        return server.Http.SendAsync(request);
    }
}
