using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.Extensions.DependencyInjection;
using Shouldly;
using TokenRefresh.Server.Access;
using TokenRefresh.Server.Hosting;
using TokenRefresh.Tests.Fixtures;
using TokenRefresh.Tests.Server.Api;

namespace TokenRefresh.Tests.Server.Pages;

/// <summary>The program below a path of another site: nothing that it sends leads out of it.</summary>
public sealed partial class SubPathTests(PostgresFixture postgres, SharedServer shared) : IClassFixture<SharedServer>
{
    private const string Prefix = "/tools/token-refresh";

    [Theory]
    [InlineData("", true)]
    [InlineData(Prefix, false)]
    [InlineData(Prefix, true)]
    public async Task Every_page_that_a_person_can_reach_stays_below_the_path(string setting, bool isStripping)
    {
        await using var server = await StartAsync(setting);
        await using var proxy = await StandInProxy.StartAsync(server.Http.BaseAddress!, Prefix, isStripping);
        var cookies = new CookieContainer();
        using var http = new HttpClient(new HttpClientHandler { AllowAutoRedirect = false, CookieContainer = cookies }) { BaseAddress = proxy.Address };
        (await http.GetAsync($"{Prefix}/access/tokens")).Headers.Location!.ToString().ShouldBe($"{Prefix}/account/login?ReturnUrl=%2Faccess%2Ftokens");
        var signedIn = await SignInAsync(http);
        signedIn.Headers.Location!.ToString().ShouldBe($"{Prefix}/access");
        cookies.GetAllCookies().Select(cookie => cookie.Path).Distinct().ShouldBe([Prefix]);

        var (asked, waiting) = (new HashSet<string>(), new Queue<string>([$"{Prefix}/", $"{Prefix}", $"{Prefix}/access/token-refresh-logs/1", $"{Prefix}/access/nothing", $"{Prefix}/hangfire/jobs/details/x"]));
        while (waiting.TryDequeue(out var address))
        {
            if (!asked.Add(Kind(address)))
            {
                continue;
            }

            using var answer = await http.GetAsync(address);
            ((int)answer.StatusCode).ShouldBeLessThan(500, address);
            foreach (var told in await AddressesAsync(answer))
            {
                IsBelow(told).ShouldBeTrue($"{told} on {address}");
                waiting.Enqueue(new Uri(new Uri(proxy.Address, address), told).PathAndQuery);
            }
        }

        string[] reached = ["/access/token-health", "/access/incidents", "/access/users", "/access/clients", "/access/audit", "/access/tokens/jibit", "/hangfire", "/hangfire/servers", "/hangfire/stats", "/site.css", "/site.js", "/icon.svg"];
        asked.Count.ShouldBeGreaterThan(40);
        reached.Where(page => !asked.Any(one => one.Split('?')[0] == Prefix + page)).ShouldBeEmpty();
    }

    [Fact]
    public async Task A_form_goes_and_comes_back_below_the_path_also_after_the_sign_in_has_ended()
    {
        await using var server = await StartAsync(Prefix);
        await using var proxy = await StandInProxy.StartAsync(server.Http.BaseAddress!, Prefix, isStripping: false);
        var cookies = new CookieContainer();
        using var http = new HttpClient(new HttpClientHandler { AllowAutoRedirect = false, CookieContainer = cookies }) { BaseAddress = proxy.Address };
        await SignInAsync(http);

        var done = await PostAsync(http, $"{Prefix}/access/tokens/jibit", $"{Prefix}/access/tokens/jibit?handler=Pause", ("reason", "a test"));
        var fetched = new HttpRequestMessage(HttpMethod.Get, $"{Prefix}/access/tokens") { Headers = { { "X-Requested-With", "XMLHttpRequest" } } };
        foreach (var cookie in cookies.GetAllCookies().Where(cookie => cookie.Name == "tokenrefresh"))
        {
            cookie.Expired = true;
        }

        var ended = await PostAsync(http, $"{Prefix}/account/login", $"{Prefix}/access/tokens/jibit?handler=Resume");
        var again = await (await http.PostAsync(ended.Headers.Location, new FormUrlEncodedContent([new("name", "jibit")]))).Content.ReadAsStringAsync();
        var refused = await http.SendAsync(fetched);

        done.Headers.Location!.ToString().ShouldStartWith($"{Prefix}/access/tokens/jibit");
        ended.StatusCode.ShouldBe(HttpStatusCode.TemporaryRedirect);
        ended.Headers.Location!.ToString().ShouldStartWith($"{Prefix}/account/expired?to=%2Faccess%2Ftokens%2Fjibit");
        again.ShouldContain($"action=\"{Prefix}/account/login\"");
        (refused.StatusCode, refused.Headers.Location!.ToString()).ShouldBe((HttpStatusCode.Unauthorized, $"{Prefix}/account/login?ReturnUrl=%2Faccess%2Ftokens"));
    }

    [Fact]
    public async Task Programs_find_the_api_and_its_description_below_the_path()
    {
        await using var server = await StartAsync("");
        await ApiServer.SignInAsync(server, "jibit");
        await using var proxy = await StandInProxy.StartAsync(server.Http.BaseAddress!, Prefix);
        using var http = new HttpClient { BaseAddress = proxy.Address, DefaultRequestHeaders = { Authorization = server.Http.DefaultRequestHeaders.Authorization } };

        (await http.GetAsync($"{Prefix}/api/tokens/jibit/access-token")).StatusCode.ShouldBe(HttpStatusCode.OK);
        (await http.GetFromJsonAsync<JsonElement>($"{Prefix}/openapi/v1.json")).GetProperty("servers")[0].GetProperty("url").GetString().ShouldBe(Prefix);
        (await (await http.GetAsync($"{Prefix}/api/tokens/none/access-token")).Content.ReadFromJsonAsync<JsonElement>()).GetProperty("code").GetString().ShouldBe("forbidden");
        (await (await http.GetAsync($"{Prefix}/api/nothing")).Content.ReadFromJsonAsync<JsonElement>()).GetProperty("detail").GetString().ShouldStartWith($"{Prefix}/openapi/v1.json");
        (await http.GetAsync($"{Prefix}/health/live")).StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Theory]
    [InlineData("//evil.example")]
    [InlineData("/a/../b")]
    [InlineData("/./a")]
    [InlineData("/a//b")]
    [InlineData("\\evil.example")]
    [InlineData("/\\evil.example")]
    [InlineData("https://evil.example/a")]
    [InlineData("evil")]
    [InlineData("/a\tb")]
    [InlineData("/a%0d%0aX: y")]
    [InlineData("/\"><script>")]
    [InlineData("/a?b=c")]
    [InlineData("/a#b")]
    [InlineData("/a, /b")]
    [InlineData("/")]
    [InlineData("")]
    public async Task A_prefix_that_is_none_changes_nothing(string hostile)
    {
        var server = await shared.Server;

        await ChangesNothingAsync(server, hostile);
        await ChangesNothingAsync(server, "/" + new string('a', 300));
        await ChangesNothingAsync(server, "/a", "/b");
    }

    [Fact]
    public async Task A_prefix_from_somebody_who_is_no_trusted_proxy_changes_nothing()
    {
        await using var server = await StartAsync("", ("Access:TrustedProxies", "10.0.0.5"));

        await ChangesNothingAsync(server, Prefix);
    }

    [Fact]
    public async Task The_setting_counts_whatever_a_request_says()
    {
        await using var server = await StartAsync(Prefix);

        (await AskAsync(server, "/other")).ShouldBe($"{Prefix}/account/login?ReturnUrl=%2Faccess%2Ftokens");
    }

    [Theory]
    [InlineData("tools")]
    [InlineData("//tools")]
    [InlineData("/tools/../x")]
    [InlineData("/to ols")]
    [InlineData("/api")]
    [InlineData("/Access/x")]
    public void A_path_that_cannot_be_one_is_refused_at_the_start(string path)
    {
        using var app = ServerHost.Build(new Dictionary<string, string?> { ["Access:PathBase"] = path, ["environment"] = "Development" }, Roles.All);

        Should.Throw<Exception>(() => StartUp.Validate(app.Services)).Message.ShouldContain($"Access__PathBase = '{path}' is not allowed: a path such as /tokenrefresh");
    }

    [Theory]
    [InlineData("", true)]
    [InlineData("http://localhost:5080", false)]
    [InlineData("https://example.com/tools", false)]
    [InlineData("https://example.com/tools/token-refresh/", true)]
    [InlineData("https://example.com/tools/token-refresh", true)]
    public void Where_people_reach_the_panel_and_the_path_must_agree_because_mails_link_there(string panel, bool isAllowed)
    {
        using var app = ServerHost.Build(
            new Dictionary<string, string?> { ["Access:PathBase"] = Prefix, ["TokenRefresh:Notifications:Email"] = "ops@example.com", ["Access:PublicUrl"] = panel, ["environment"] = "Development" }, Roles.All);

        if (isAllowed)
        {
            StartUp.Validate(app.Services);
        }
        else
        {
            Should.Throw<Exception>(() => StartUp.Validate(app.Services)).Message.ShouldContain($"Access__PublicUrl = '{panel}' is not allowed: with Access__PathBase = '{Prefix}'");
        }
    }

    // Pages that differ by what is asked of them alone are one.
    private static string Kind(string address)
    {
        var parts = address.Split('#')[0].Split('?');
        var asked = parts.Skip(1).SelectMany(query => query.Split('&')).Select(one => one.StartsWith("handler=", StringComparison.Ordinal) ? one : one.Split('=')[0]).Where(one => !one.StartsWith('v')).Order().Distinct();
        return Number().Replace(parts[0], "1") + string.Concat(asked.Take(1).Select(one => $"?{one}"));
    }

    private async Task<RunningServer> StartAsync(string setting, params (string, string)[] settings)
    {
        var server = await RunningServer.StartAsync(postgres, settings: [("Access:PathBase", setting), .. settings]);
        await RunningServer.UntilAsync(async () => (await server.TokenAsync()).Version > 0, "the token is obtained");
        await using var scope = server.Services.CreateAsyncScope();
        await scope.ServiceProvider.GetRequiredService<PanelUsers>().AddAsync("somebody", Role.Admin, Panel.Password, "a test");
        return server;
    }

    private static async Task ChangesNothingAsync(RunningServer server, params string[] prefixes) =>
        (await AskAsync(server, prefixes)).ShouldBe("/account/login?ReturnUrl=%2Faccess%2Ftokens", string.Join(' ', prefixes));

    private static async Task<string> AskAsync(RunningServer server, params string[] prefixes)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/access/tokens");
        foreach (var prefix in prefixes)
        {
            request.Headers.TryAddWithoutValidation("X-Forwarded-Prefix", prefix);
        }

        return (await server.Http.SendAsync(request)).Headers.Location!.ToString();
    }

    private static Task<HttpResponseMessage> SignInAsync(HttpClient http) => PostAsync(http, $"{Prefix}/account/login", $"{Prefix}/account/login", ("Name", "somebody"), ("Password", Panel.Password));

    private static async Task<HttpResponseMessage> PostAsync(HttpClient http, string from, string to, params (string Name, string Value)[] fields)
    {
        var token = Forgery().Match(await http.GetStringAsync(from)).Groups[1].Value;
        return await http.PostAsync(to, new FormUrlEncodedContent([.. fields.Select(field => KeyValuePair.Create(field.Name, field.Value)), new("__RequestVerificationToken", token)]));
    }

    private static async Task<IReadOnlyList<string>> AddressesAsync(HttpResponseMessage answer)
    {
        List<string> told = [.. answer.Headers.Location is { } location ? [location.OriginalString] : Array.Empty<string>()];
        if (answer.Headers.TryGetValues("Set-Cookie", out var cookies))
        {
            told.AddRange(cookies.Select(cookie => $"{CookiePath().Match(cookie).Groups[1].Value}/"));
        }

        if (answer.Content.Headers.ContentType?.MediaType == "text/html")
        {
            told.AddRange(Address().Matches(await answer.Content.ReadAsStringAsync()).Select(match => WebUtility.HtmlDecode(match.Groups[1].Value)).Where(address => address.Length > 0 && address[0] != '#' && !address.StartsWith("https://www.hangfire.io", StringComparison.Ordinal)));
        }

        return told;
    }

    // What is relative to the page stays where the page is.
    private static bool IsBelow(string address) => address.StartsWith('?') || address == Prefix || address.StartsWith($"{Prefix}/", StringComparison.Ordinal);

    [GeneratedRegex("name=\"__RequestVerificationToken\" type=\"hidden\" value=\"([^\"]+)\"")]
    private static partial Regex Forgery();

    [GeneratedRegex("(?:href|src|action|formaction|data-renew|data-pollurl|data-url)=[\"']([^\"']*)[\"']")]
    private static partial Regex Address();

    [GeneratedRegex("; path=([^;]*)", RegexOptions.IgnoreCase)]
    private static partial Regex CookiePath();

    [GeneratedRegex("[0-9]+")]
    private static partial Regex Number();
}
