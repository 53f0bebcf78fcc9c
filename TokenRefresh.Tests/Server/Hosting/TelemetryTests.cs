using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Headers;
using System.Text.RegularExpressions;
using Microsoft.Extensions.DependencyInjection;
using Shouldly;
using TokenRefresh.Jobs.Administration;
using TokenRefresh.Jobs.Refreshing;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;
using TokenRefresh.Server.Hosting;
using TokenRefresh.Tests.Fixtures;
using TokenRefresh.Tests.Providers;

namespace TokenRefresh.Tests.Server.Hosting;

public sealed class TelemetryTests(PostgresFixture postgres)
{
    [Fact]
    public async Task Metrics_are_not_there_unless_they_are_switched_on()
    {
        await using var server = await RunningServer.StartAsync(postgres);

        (await server.Http.GetAsync("/metrics")).StatusCode.ShouldBe(HttpStatusCode.Redirect);
    }

    [Fact]
    public async Task A_verb_beside_a_server_that_tells_them_runs_without_them()
    {
        await using var verb = ServerHost.Build(new Dictionary<string, string?> { ["Metrics:Enabled"] = "true" }, Roles.None);

        StartUp.Validate(verb.Services);
    }

    [Fact]
    public async Task Switched_on_they_tell_lives_refreshes_latency_and_reads_and_no_secret()
    {
        // Of names that no other test has: a listener hears every meter of the process.
        await using var server = await RunningServer.StartAsync(postgres, provider: new() { Name = "metered", TokenNames = ["metered"] }, settings: [("Metrics:Enabled", "true"), ("Providers:Metered:Type", "OAuth2")]);
        await RunningServer.UntilAsync(async () => (await server.Http.GetAsync("/health/fresh")).IsSuccessStatusCode, "the token is fresh");
        var key = await server.Services.GetRequiredService<ClientKeys>().IssueAsync("program", "*", "a test", default);
        using var client = new HttpClient { BaseAddress = server.Http.BaseAddress, DefaultRequestHeaders = { Authorization = new AuthenticationHeaderValue("Bearer", key) } };
        await RunningServer.UntilAsync(async () => (await client.GetAsync("/api/tokens/metered/access-token")).IsSuccessStatusCode, "the token is served");
        server.Provider.Before = ModelProvider.Failing(FailureKind.RateLimited);
        await server.Services.GetRequiredService<TokenRefresher>().RefreshAsync(new("metered", RefreshTrigger.Forced, "a test"), default);

        await CollideAsync(server);

        var text = await server.Http.GetStringAsync("/metrics");

        Value(text, "tokenrefresh_token_valid{", "token=\"metered\"", "provider=\"metered\"").ShouldBe(1);
        Value(text, "tokenrefresh_token_remaining_life_seconds{", "token=\"metered\"").ShouldBeInRange(86_000, 86_400);
        Value(text, "tokenrefresh_token_overdue_seconds{", "token=\"metered\"").ShouldBe(0);
        Value(text, "tokenrefresh_token_freshness_burn_rate{", "token=\"metered\"", "provider=\"metered\"").ShouldBeGreaterThanOrEqualTo(0);
        Value(text, "tokenrefresh_refreshes_total{", "provider=\"metered\"", "trigger=\"due\"", "outcome=\"success\"").ShouldBe(1);
        Value(text, "tokenrefresh_refreshes_total{", "provider=\"metered\"", "trigger=\"forced\"", "outcome=\"rate_limited\"").ShouldBe(1);
        Value(text, "tokenrefresh_provider_call_duration_seconds_count{", "provider=\"metered\"", "call=\"acquire\"", "outcome=\"issued\"").ShouldBe(1);

        // Reads do not tell of which token they were, so those of other tests are counted, too.
        Values(text, "tokenrefresh_reads_total{", "outcome=\"served\"", "reason=\"none\"").Sum().ShouldBeGreaterThanOrEqualTo(1);
        Measured("prometheus-alerts.yml").Concat(Measured("grafana-dashboard.json")).Distinct().ShouldAllBe(name => text.Contains(name, StringComparison.Ordinal));
        text.ShouldNotContain("access-of-metered");
        text.ShouldNotContain(key[..16]);
    }

    [Fact]
    public async Task Metrics_and_traces_are_pushed_where_the_standard_variables_say()
    {
        var pushed = new ConcurrentQueue<string>();
        await using var collector = await LoopbackServer.StartAsync(context =>
        {
            pushed.Enqueue(context.Request.Path);
            return Task.CompletedTask;
        });
        await using var server = await RunningServer.StartAsync(
            postgres,
            settings: [("OTEL_EXPORTER_OTLP_ENDPOINT", collector.Address), ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"), ("OTEL_METRIC_EXPORT_INTERVAL", "200"), ("OTEL_BSP_SCHEDULE_DELAY", "200")]);

        await RunningServer.UntilAsync(() => Task.FromResult(pushed.Contains("/v1/metrics") && pushed.Contains("/v1/traces")), "both arrive");
    }

    [Fact]
    public async Task The_standard_variables_name_the_service_and_its_resource()
    {
        var pushed = new ConcurrentQueue<string>();
        await using var collector = await LoopbackServer.StartAsync(async context =>
        {
            using var body = new MemoryStream();
            await context.Request.Body.CopyToAsync(body);
            pushed.Enqueue(System.Text.Encoding.Latin1.GetString(body.ToArray()));
        });
        await using var server = await RunningServer.StartAsync(
            postgres,
            settings:
            [
                ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.Address), ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"), ("OTEL_METRIC_EXPORT_INTERVAL", "200"),
                ("OTEL_SERVICE_NAME", "tokens-of-billing"), ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment=staging"),
            ]);

        await RunningServer.UntilAsync(() => Task.FromResult(!pushed.IsEmpty), "something arrives");

        pushed.First().ShouldSatisfyAllConditions(text => text.ShouldContain("tokens-of-billing"), text => text.ShouldContain("staging"));
    }

    /// <summary>The metrics that a file of the deploy folder speaks of.</summary>
    private static IEnumerable<string> Measured(string file) =>
        Regex.Matches(File.ReadAllText(Path.Combine(HostPaths.Current.RepositoryRoot!, "deploy", file)), "tokenrefresh_[a-z_]+").Select(match => match.Value);

    /// <summary>Two refreshes of one token at once.</summary>
    private static async Task CollideAsync(RunningServer server)
    {
        var door = server.Services.GetRequiredService<TokenRefresher>();
        server.Provider.Before = async (_, _) =>
        {
            await door.RefreshAsync(new("metered", RefreshTrigger.Forced, "another"), default);
            return null;
        };
        await door.RefreshAsync(new("metered", RefreshTrigger.Forced, "a test"), default);
    }

    private static double Value(string text, string name, params string[] tags) => Values(text, name, tags).ShouldHaveSingleItem($"{name} {string.Join(' ', tags)} in:\n{text}");

    private static IEnumerable<double> Values(string text, string name, params string[] tags) => text.Split('\n')
        .Where(line => line.StartsWith(name, StringComparison.Ordinal) && tags.All(tag => line.Contains(tag, StringComparison.Ordinal)))
        .Select(line => double.Parse(line[(line.IndexOf('}', StringComparison.Ordinal) + 1)..].Trim().Split(' ')[0], System.Globalization.CultureInfo.InvariantCulture));
}
