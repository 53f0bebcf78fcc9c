using Microsoft.Extensions.Time.Testing;
using Shouldly;
using TokenRefresh.Server.Access;

namespace TokenRefresh.Tests.Server.Access;

public sealed class EvenTimeTests
{
    private static readonly TimeSpan Span = TimeSpan.FromMilliseconds(500);

    [Fact]
    public async Task A_timer_that_comes_early_does_not_end_the_wait_early()
    {
        var clock = new EarlyClock();
        var since = clock.GetTimestamp();
        clock.Advance(TimeSpan.FromMilliseconds(120.7));

        var wait = clock.UntilElapsedAsync(since, Span);
        while (clock.GetElapsedTime(since) < Span)
        {
            wait.IsCompleted.ShouldBeFalse();
            clock.Advance(TimeSpan.FromMilliseconds(0.1));
        }

        while (!wait.IsCompleted)
        {
            clock.Advance(TimeSpan.FromMilliseconds(0.1));
        }
    }

    [Fact]
    public void What_took_longer_than_that_by_itself_is_not_held_back()
    {
        var clock = new EarlyClock();
        var since = clock.GetTimestamp();
        clock.Advance(Span);

        clock.UntilElapsedAsync(since, Span).IsCompleted.ShouldBeTrue();
    }

    /// <summary>Its timers come up to four milliseconds before their time, as those of a coarse system clock do.</summary>
    private sealed class EarlyClock : FakeTimeProvider
    {
        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
            base.CreateTimer(callback, state, dueTime > TimeSpan.FromMilliseconds(4) ? dueTime - TimeSpan.FromMilliseconds(4) : dueTime, period);
    }
}
