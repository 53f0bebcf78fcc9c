using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Shouldly;
using TokenRefresh.Jobs.Telemetry;

namespace TokenRefresh.Tests.Jobs.Telemetry;

public sealed class ClockDifferencesTests : IDisposable
{
    private readonly LoggedLines log = new();
    private readonly ServiceProvider services = new ServiceCollection().AddMetrics().BuildServiceProvider();
    private readonly ClockDifferences clocks;

    public ClockDifferencesTests() => clocks = new(services.GetRequiredService<IMeterFactory>(), log);

    public void Dispose() => services.Dispose();

    [Theory]
    [InlineData(36, "this node's clock is 36 s ahead of the clock of the database")]
    [InlineData(-4200, "this node's clock is 1 h 10 min behind the clock of the database")]
    public void A_difference_of_more_than_some_seconds_is_named_either_way(int seconds, string words)
    {
        Note(seconds);

        clocks.Named.ShouldHaveSingleItem().Words.ShouldBe(words);
        log.Lines.ShouldHaveSingleItem().ShouldContain(words);
    }

    [Fact]
    public void One_that_is_tolerated_is_not_named()
    {
        Note(5);
        Note(-5);

        clocks.Named.ShouldBeEmpty();
        log.Lines.ShouldBeEmpty();
    }

    [Fact]
    public void A_slow_look_that_proves_nothing_names_nothing()
    {
        clocks.Note(ClockDifferences.Database, TimeSpan.FromSeconds(30), TimeSpan.FromSeconds(30));

        clocks.Named.ShouldBeEmpty();
    }

    [Fact]
    public void It_is_logged_once_while_it_stays_again_when_it_changes_and_once_more_when_it_is_over()
    {
        foreach (var seconds in new[] { 36, 36, 37, 600, 601, 0, 0 })
        {
            Note(seconds);
        }

        log.Lines.Count.ShouldBe(3);
        log.Lines[0].ShouldContain("36 s ahead");
        log.Lines[1].ShouldContain("10 min ahead");
        log.Lines[2].ShouldContain("matches");
        clocks.Named.ShouldBeEmpty();
    }

    [Fact]
    public void One_that_lies_at_the_limit_is_not_logged_at_each_look()
    {
        foreach (var seconds in new[] { 6, 4, 6, 4, 6 })
        {
            Note(seconds);
        }

        log.Lines.ShouldHaveSingleItem();
    }

    [Fact]
    public void Each_clock_is_judged_by_itself_and_measured_with_its_name()
    {
        Note(36);
        clocks.Note("jibit", TimeSpan.FromSeconds(-600), TimeSpan.Zero);
        clocks.Note("finnotech", TimeSpan.FromSeconds(1), TimeSpan.Zero);
        var measured = new Dictionary<string, double>();
        using var listener = new MeterListener { InstrumentPublished = (instrument, it) => Listen(instrument, it) };
        listener.SetMeasurementEventCallback<double>((_, value, tags, _) => measured[(string)tags[0].Value!] = value);
        listener.Start();

        listener.RecordObservableInstruments();

        clocks.Named.Select(each => each.Other).ShouldBe(["jibit", ClockDifferences.Database]);
        measured.ShouldBe(new Dictionary<string, double> { [ClockDifferences.Database] = 36, ["jibit"] = -600, ["finnotech"] = 1 }, ignoreOrder: true);

        // Other tests of the process have meters of the same name.
        void Listen(Instrument instrument, MeterListener it)
        {
            if (instrument.Name == "tokenrefresh.clock.difference" && ReferenceEquals(instrument.Meter.Scope, services.GetRequiredService<IMeterFactory>()))
            {
                it.EnableMeasurementEvents(instrument);
            }
        }
    }

    private void Note(int seconds) => clocks.Note(ClockDifferences.Database, TimeSpan.FromSeconds(seconds), TimeSpan.FromMilliseconds(1));

    private sealed class LoggedLines : ILogger<ClockDifferences>
    {
        public List<string> Lines { get; } = [];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) => Lines.Add(formatter(state, exception));
    }
}
