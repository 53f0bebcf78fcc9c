using Microsoft.Extensions.Time.Testing;

namespace TokenRefresh.Tests.Fixtures;

/// <summary>A clock on which every wait is over at once; how long each would have been is kept.</summary>
internal sealed class WaitlessClock : FakeTimeProvider
{
    public WaitlessClock()
        : base(Some.Now) => OnWait = Advance;

    public List<TimeSpan> Waits { get; } = [];

    /// <summary>What happens instead of a wait.</summary>
    public Action<TimeSpan> OnWait { get; set; }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = base.CreateTimer(callback, state, dueTime, period);
        Waits.Add(dueTime);
        OnWait(dueTime);
        return timer;
    }
}
