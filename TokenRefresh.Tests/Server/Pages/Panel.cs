using System.Net;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.Cookies;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using TokenRefresh.Jobs.Administration;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Server.Access;
using TokenRefresh.Server.Pages;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Server.Pages;

/// <summary>The panel as a browser without script uses it.</summary>
internal sealed partial class Panel : IAsyncDisposable
{
    public const string Password = "a long enough password";

    private readonly HttpClientHandler handler = new() { AllowAutoRedirect = true, CookieContainer = new() };

    private readonly bool isBeside;

    private Panel(RunningServer server, bool isBeside = false)
    {
        this.isBeside = isBeside;
        Server = server;
        Http = new(handler) { BaseAddress = server.Http.BaseAddress };
    }

    public RunningServer Server { get; }

    public HttpClient Http { get; }

    /// <summary>What it has of the server: the sign-in.</summary>
    public IEnumerable<Cookie> Cookies => handler.CookieContainer.GetCookies(Http.BaseAddress!);

    public static async Task<Panel> OpenAsync(PostgresFixture postgres, Role? role = null, ModelProvider? provider = null, string? connectionString = null, bool withSandbox = false, TimeProvider? clock = null, params (string Key, string Value)[] settings)
    {
        var panel = new Panel(await RunningServer.StartAsync(postgres, connectionString, provider, withSandbox, clock, settings));
        if (provider is null)
        {
            await panel.Server.ObtainedAsync("jibit");
        }

        if (role is { } known)
        {
            await panel.AddAsync(known.ToString(), known);
            await panel.EnterAsync(known.ToString());
        }

        return panel;
    }

    /// <summary>A browser at a server that others use too, and that it leaves running.</summary>
    public static Panel At(RunningServer server) => new(server, isBeside: true);

    /// <summary>Another person's browser at the same server.</summary>
    public async Task<Panel> BesideAsync(string name, Role role)
    {
        var other = At(Server);
        await other.AddAsync(name, role);
        await other.EnterAsync(name);
        return other;
    }

    public async Task AddAsync(string name, Role role)
    {
        await using var scope = Server.Services.CreateAsyncScope();
        await scope.ServiceProvider.GetRequiredService<PanelUsers>().AddAsync(name, role, Password, "a test");
    }

    /// <summary>Gives the browser the cookie that the sign-in form gives after the right password. The form has tests of its own.</summary>
    public async Task EnterAsync(string name)
    {
        await using var scope = Server.Services.CreateAsyncScope();
        var person = await scope.ServiceProvider.GetRequiredService<UserManager<PanelUser>>().FindByNameAsync(name);
        var principal = await scope.ServiceProvider.GetRequiredService<IUserClaimsPrincipalFactory<PanelUser>>().CreateAsync(person!);
        var options = scope.ServiceProvider.GetRequiredService<IOptionsMonitor<CookieAuthenticationOptions>>().Get(IdentityConstants.ApplicationScheme);
        var now = scope.ServiceProvider.GetRequiredService<TimeProvider>().GetUtcNow();
        var ticket = new AuthenticationTicket(principal, new() { IssuedUtc = now, ExpiresUtc = now + options.ExpireTimeSpan }, IdentityConstants.ApplicationScheme);
        handler.CookieContainer.Add(Http.BaseAddress!, new Cookie(options.Cookie.Name!, options.TicketDataFormat.Protect(ticket)));
    }

    /// <summary>Signs in by the form.</summary>
    public Task<HttpResponseMessage> SignInAsync(string name, string password = Password) => PostAsync("/account/login", "/account/login", ("Name", name), ("Password", password));

    public async Task<string> ReadAsync(string path) => await (await Http.GetAsync(path)).Content.ReadAsStringAsync();

    /// <summary>Forgets the sign-in, as a browser does whose cookie has run out.</summary>
    public void Expire()
    {
        foreach (var cookie in handler.CookieContainer.GetAllCookies().Where(cookie => cookie.Name == "tokenrefresh"))
        {
            cookie.Expired = true;
        }
    }

    /// <summary>Sends cookies over plain HTTP, too, that were given to what claimed to come over TLS.</summary>
    public void SendSecureCookiesAnyway()
    {
        foreach (var cookie in handler.CookieContainer.GetAllCookies().Cast<Cookie>())
        {
            cookie.Secure = false;
        }
    }

    /// <summary>Sends a form as the page at <paramref name="from"/> would, with that page's token against forgery.</summary>
    public async Task<HttpResponseMessage> PostAsync(string from, string to, params (string Name, string Value)[] fields)
    {
        var token = Antiforgery().Match(await ReadAsync(from)).Groups[1].Value;
        return await Http.PostAsync(to, new FormUrlEncodedContent([.. fields.Select(field => KeyValuePair.Create(field.Name, field.Value)), new("__RequestVerificationToken", token)]));
    }

    /// <summary>Sends a form and reads the page that the browser ends on.</summary>
    public async Task<string> SendAsync(string from, string to, params (string Name, string Value)[] fields) => await (await PostAsync(from, to, fields)).Content.ReadAsStringAsync();

    /// <summary>What people did, newest first.</summary>
    public async Task<IReadOnlyList<AuditEntry>> AuditAsync(int limit = 50) => await Server.Services.GetRequiredService<AuditTrail>().RecentAsync(limit, null, default);

    public static string FlashMessage(string page) => WebUtility.HtmlDecode(Tags().Replace(SaidText().Match(page).Groups[1].Value, ""));

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        if (!isBeside)
        {
            await Server.DisposeAsync();
        }
    }

    [GeneratedRegex("name=\"__RequestVerificationToken\" type=\"hidden\" value=\"([^\"]+)\"")]
    private static partial Regex Antiforgery();

    [GeneratedRegex("<(?:p class=\"said [a-z]+\" role=\"[a-z]+\"[^>]*|div class=\"said [a-z]+\" role=\"status\">\\s*<p dir=\"auto\")>(.*?)</p>")]
    private static partial Regex SaidText();

    [GeneratedRegex("<[^>]*>")]
    private static partial Regex Tags();
}
