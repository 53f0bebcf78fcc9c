using System.Diagnostics;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using Shouldly;
using TokenRefresh.Jobs.Telemetry;
using TokenRefresh.Jobs.TokenCache;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Jobs.Telemetry;

public sealed class TokenMetricsTests(PostgresFixture postgres)
{
    [Fact]
    public async Task Whoever_finds_a_refresh_in_flight_is_counted_as_a_contention()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        using var heard = new Heard(world);
        var release = new TaskCompletionSource<ProviderResult?>(TaskCreationOptions.RunContinuationsAsynchronously);
        var arrived = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        world.Provider.Before = (_, _) =>
        {
            arrived.SetResult();
            return release.Task;
        };

        var first = world.RefreshAsync();
        await arrived.Task;
        await world.RefreshAsync();
        release.SetResult(null);
        await first;

        heard.Sum("tokenrefresh.lease.contentions").ShouldBe(1);
        heard.Sum("tokenrefresh.refreshes", ("outcome", "in_flight")).ShouldBe(1);
        heard.Sum("tokenrefresh.refreshes", ("outcome", "success")).ShouldBe(1);
    }

    [Fact]
    public async Task How_long_a_provider_took_is_measured_call_by_call()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        await world.RefreshAsync();
        using var heard = new Heard(world);
        world.Provider.Before = (call, _) =>
        {
            world.Clock.Advance(TimeSpan.FromSeconds(call == "renew" ? 2 : 3));
            return Task.FromResult<ProviderResult?>(call == "renew" ? new ProviderResult.Failed(new(FailureKind.CredentialRejected, "HTTP 401")) : null);
        };

        await world.RefreshAsync(RefreshTrigger.Forced);

        heard.Sum("tokenrefresh.provider.call.duration", ("call", "renew"), ("outcome", "credential_rejected")).ShouldBe(2);
        heard.Sum("tokenrefresh.provider.call.duration", ("call", "acquire"), ("outcome", "issued")).ShouldBe(3);
    }

    [Fact]
    public async Task The_outbox_has_an_age_once_somebody_has_looked_and_none_while_nothing_waits()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        var metrics = world.Node.GetRequiredService<TokenMetrics>();
        using var heard = new Heard(world);

        heard.Look();
        heard.Has("tokenrefresh.outbox.age").ShouldBeFalse();
        metrics.Unsent(world.Clock.GetUtcNow());
        world.Clock.Advance(TimeSpan.FromMinutes(5));
        heard.Look();
        heard.Last("tokenrefresh.outbox.age").ShouldBe(300);
        metrics.Unsent(null);
        heard.Look();
        heard.Last("tokenrefresh.outbox.age").ShouldBe(0);
    }

    [Fact]
    public async Task The_gauges_follow_the_clock_through_due_and_death()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        var vault = world.Node.GetRequiredService<TokenCache>();
        using var heard = new Heard(world);
        world.Node.GetRequiredService<TokenMetrics>().Observe(() => vault.Lives);
        await vault.ReloadAsync(default);

        heard.Look();
        heard.Last("tokenrefresh.token.valid").ShouldBe(0);
        heard.Has("tokenrefresh.token.remaining_life").ShouldBeFalse();

        await world.RefreshAsync();
        await vault.ReloadAsync(default);
        world.Clock.Advance(TimeSpan.FromHours(1));
        heard.Look();
        heard.Last("tokenrefresh.token.valid").ShouldBe(1);
        heard.Last("tokenrefresh.token.remaining_life").ShouldBe(23 * 3600);
        heard.Last("tokenrefresh.token.overdue").ShouldBe(0);

        world.Clock.Advance(TimeSpan.FromHours(24));
        heard.Look();
        heard.Last("tokenrefresh.token.valid").ShouldBe(0);
        heard.Last("tokenrefresh.token.remaining_life").ShouldBe(-3600);
        heard.Last("tokenrefresh.token.overdue").ShouldBeGreaterThan(8 * 3600);
    }

    [Fact]
    public async Task A_refresh_is_a_span_with_what_was_asked_and_what_came_of_it()
    {
        await using var world = await TokenWorld.CreateAsync(postgres, ("Tokens:traced:Provider", "jibit"));
        var spans = new List<Activity>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == TokenMetrics.Name,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = span =>
            {
                lock (spans)
                {
                    spans.Add(span);
                }
            },
        };
        ActivitySource.AddActivityListener(listener);
        world.Provider.Before = ModelProvider.Failing(FailureKind.ProviderDown);

        await world.RefreshAsync(RefreshTrigger.Manual, "traced");

        // Other tests run beside this one, and all share the source.
        var span = spans.ToArray().Single(span => span.GetTagItem("tokenrefresh.token") as string == "traced");
        span.GetTagItem("tokenrefresh.trigger").ShouldBe("manual");
        span.GetTagItem("tokenrefresh.outcome").ShouldBe("provider_down");
        span.Status.ShouldBe(ActivityStatusCode.Error);
    }

    /// <summary>Hears the instruments of one world only.</summary>
    private sealed class Heard : IDisposable
    {
        private readonly MeterListener listener = new();
        private readonly List<(string Name, double Value, Dictionary<string, object?> Tags)> measured = [];

        public Heard(TokenWorld world)
        {
            var meters = world.Node.GetRequiredService<IMeterFactory>();
            listener.InstrumentPublished = (instrument, mine) =>
            {
                if (instrument.Meter.Name == TokenMetrics.Name && ReferenceEquals(instrument.Meter.Scope, meters))
                {
                    mine.EnableMeasurementEvents(instrument);
                }
            };
            listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Note(instrument, value, tags));
            listener.SetMeasurementEventCallback<int>((instrument, value, tags, _) => Note(instrument, value, tags));
            listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Note(instrument, value, tags));
            listener.Start();
        }

        public void Look()
        {
            lock (measured)
            {
                measured.Clear();
            }

            listener.RecordObservableInstruments();
        }

        public double Sum(string name, params (string Key, string Value)[] tags) => measured
            .Where(one => one.Name == name && tags.All(tag => one.Tags[tag.Key] as string == tag.Value)).Sum(one => one.Value);

        public double Last(string name) => measured.Last(one => one.Name == name).Value;

        public bool Has(string name) => measured.Any(one => one.Name == name);

        public void Dispose() => listener.Dispose();

        private void Note(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            lock (measured)
            {
                measured.Add((instrument.Name, value, new(tags.ToArray())));
            }
        }
    }
}
