using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Mvc.RazorPages;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Npgsql;
using Shouldly;
using TokenRefresh.Jobs.Administration;
using TokenRefresh.Server.Access;
using TokenRefresh.Server.Pages;
using TokenRefresh.Tests.Fixtures;
using TokenRefresh.Tests.Server.Pages;

namespace TokenRefresh.Tests.Server.Hosting;

/// <summary>Every address that is mapped, by every verb, with what nobody sends in good faith: it is answered or refused in words, and never breaks.</summary>
public sealed partial class HostileRequestsTests(PostgresFixture postgres)
{
    /// <summary>For each address; many addresses have few parameters, so the seed walks through most of the values.</summary>
    private const int Rounds = 30;

    [Fact]
    public async Task Whoever_has_no_right_changes_no_token_and_breaks_nothing()
    {
        await using var panel = await Panel.OpenAsync(postgres);
        var key = await KeyAsync(panel, "withdrawn", "*");
        await panel.Server.Services.GetRequiredService<ClientKeys>().RevokeAsync("withdrawn", "a test", default);
        var log = Listen(panel);
        var before = await TokensAsync(panel);

        var findings = await TryAllAsync(panel, panel.Server.Http, seed: 1, [], () => [null, new("Bearer", "planted-in-a-request"), new("Basic", "%%%"), new("Bearer", key)], [key, "planted-in-a-request"]);

        findings.Concat(log.Errors).ShouldBeEmpty(string.Join('\n', findings.Concat(log.Errors)));
        (await TokensAsync(panel)).ShouldBe(before);
    }

    [Fact]
    public async Task Even_an_administrator_and_a_program_with_every_right_break_nothing()
    {
        await using var panel = await Panel.OpenAsync(postgres, Role.Admin);
        var key = await KeyAsync(panel, "everything", "*");
        var log = Listen(panel);
        var forgery = ForgeryToken().Match(await panel.ReadAsync("/access/tokens")).Groups[1].Value;

        var findings = await TryAllAsync(panel, panel.Http, seed: 2, [("__RequestVerificationToken", forgery)], () => [null, new("Bearer", key)], [key]);

        findings.Concat(log.Errors).ShouldBeEmpty(string.Join('\n', findings.Concat(log.Errors)));
        (await panel.ReadAsync("/access/tokens")).ShouldContain("jibit", Case.Sensitive, "the sign-in has survived, so the pages were really tried");
    }

    private static async Task<List<string>> TryAllAsync(
        Panel panel, HttpClient http, int seed, (string, string)[] formFields, Func<AuthenticationHeaderValue?[]> credentials, string[] secrets)
    {
        var hostile = new HostileRequest(seed);
        var findings = new List<string>();
        // A stream of events has no end to wait for.
        var routes = Routes(panel).Where(route => route.Pattern.Trim('/') != PanelPaths.Events.Trim('/')).ToList();
        routes.Count.ShouldBeGreaterThan(30);
        foreach (var (pattern, verbs, handlers) in routes)
        {
            for (var round = 0; round < Rounds; round++)
            {
                var address = hostile.Address(pattern, handlers);
                using var message = hostile.Message($"{panel.Server.Http.BaseAddress!.ToString().TrimEnd('/')}{address}", verbs, formFields);
                var choice = credentials();
                // One for each: a connection that the server closes after a refusal must not cost the next request its answer.
                message.Headers.ConnectionClose = true;
                message.Headers.Authorization = choice[round % choice.Length];
                var sent = $"{message.Method} {(address.Length > 200 ? address[..200] : address)} {message.Content?.Headers.ContentType}";
                try
                {
                    using var answer = await http.SendAsync(message);
                    panel.SendSecureCookiesAnyway();
                    findings.AddRange((await FindingsAsync(answer, address, secrets)).Select(finding => $"{sent}: {(int)answer.StatusCode} {finding}"));
                }
                catch (HttpRequestException) when (message.Content?.Headers.ContentLength > 4096 || address.Contains(HostileRequest.Nul, StringComparison.Ordinal))
                {
                    // Refused before it was read to the end; whether the answer still arrives is a race.
                }
                catch (HttpRequestException error)
                {
                    findings.Add($"{sent}: no answer ({error.HttpRequestError})");
                }
            }
        }

        return findings;
    }

    private static async Task<List<string>> FindingsAsync(HttpResponseMessage answer, string address, string[] secrets)
    {
        var findings = new List<string>();
        var text = await answer.Content.ReadAsStringAsync();
        var status = (int)answer.StatusCode;
        if (status >= 500 && status != 503)
        {
            findings.Add("broke");
        }

        if (secrets.Any(secret => text.Contains(secret, StringComparison.Ordinal)) || (text.Contains("access-of-", StringComparison.Ordinal) && !address.Contains("/access-token", StringComparison.OrdinalIgnoreCase)) || text.Contains("refresh-of-", StringComparison.Ordinal))
        {
            findings.Add("tells a secret");
        }

        // The web server refuses these by itself, without a body.
        var isKestrels = text.Length == 0 && status is 400 or 414 or 431 && (address.Split('?')[0].Contains(HostileRequest.Nul, StringComparison.Ordinal) || address.Length > 8000);
        var isApi = address.StartsWith("/api/", StringComparison.OrdinalIgnoreCase) || address.StartsWith("/openapi/", StringComparison.OrdinalIgnoreCase);
        if (isApi && status >= 400 && !isKestrels && answer.RequestMessage!.Method != HttpMethod.Head && !await IsProblemAsync(answer))
        {
            findings.Add($"no problem in words: {text[..Math.Min(text.Length, 100)]}");
        }

        return findings;
    }

    private static async Task<bool> IsProblemAsync(HttpResponseMessage answer) =>
        answer.Content.Headers.ContentType?.MediaType == "application/problem+json"
        && await answer.Content.ReadFromJsonAsync<JsonElement>() is var problem
        && new[] { "title", "detail", "code" }.All(field => problem.TryGetProperty(field, out var words) && !string.IsNullOrWhiteSpace(words.GetString()));

    // What is mapped, from the routes themselves, so that a new address is tried without anybody thinking of it.
    private static IEnumerable<(string Pattern, IReadOnlyList<string> Verbs, IReadOnlyList<string> Handlers)> Routes(Panel panel) => ((IEndpointRouteBuilder)panel.Server.App).DataSources
        .SelectMany(source => source.Endpoints).OfType<RouteEndpoint>()
        .Select(endpoint => (
            Pattern: endpoint.RoutePattern.RawText ?? "",
            Verbs: endpoint.Metadata.GetMetadata<HttpMethodMetadata>()?.HttpMethods ?? [],
            Handlers: Handlers(endpoint.Metadata.GetMetadata<PageActionDescriptor>())))
        // Whoever signs out has no right left to try the rest with.
        .Where(route => !route.Pattern.Contains("logout", StringComparison.OrdinalIgnoreCase))
        .DistinctBy(route => $"{route.Pattern} {string.Join(',', route.Verbs)}");

    private static IReadOnlyList<string> Handlers(PageActionDescriptor? page) => page is null ? [] : [.. typeof(PanelPage).Assembly.GetTypes()
        .Where(type => type.IsSubclassOf(typeof(PageModel)) && type.FullName == $"TokenRefresh.Server.Pages{page.ViewEnginePath.Replace('/', '.')}Model")
        .SelectMany(type => type.GetMethods()).Select(method => HandlerName().Match(method.Name).Groups[1].Value).Where(name => name.Length > 0)];

    private static async Task<string> KeyAsync(Panel panel, string name, string tokens) =>
        await panel.Server.Services.GetRequiredService<ClientKeys>().IssueAsync(name, tokens, "a test", default);

    private static async Task<string> TokensAsync(Panel panel)
    {
        await using var read = panel.Server.Services.GetRequiredService<NpgsqlDataSource>().CreateCommand("SELECT string_agg((to_jsonb(row) - 'last_used_at' - 'last_looked_at')::text, ' ' ORDER BY name) FROM tokens row");
        return (string)(await read.ExecuteScalarAsync())!;
    }

    private static ErrorLog Listen(Panel panel)
    {
        var log = new ErrorLog();
        panel.Server.Services.GetRequiredService<ILoggerFactory>().AddProvider(log);
        return log;
    }

    [GeneratedRegex("name=\"__RequestVerificationToken\" type=\"hidden\" value=\"([^\"]+)\"")]
    private static partial Regex ForgeryToken();

    [GeneratedRegex("^On(?:Get|Post)([A-Za-z]+?)(?:Async)?$")]
    private static partial Regex HandlerName();

    /// <summary>What the server says of its own mistakes.</summary>
    private sealed class ErrorLog : ILoggerProvider, ILogger
    {
        private readonly List<string> errors = [];

        public IReadOnlyList<string> Errors
        {
            get
            {
                lock (errors)
                {
                    return [.. errors];
                }
            }
        }

        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Error;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            lock (errors)
            {
                errors.Add($"logged: {formatter(state, exception)} {exception}");
            }
        }

        public void Dispose()
        {
        }
    }
}
