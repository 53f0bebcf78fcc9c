namespace TokenRefresh.Tests.Fixtures;

/// <summary>The clock of a machine that is set wrong: it runs as it should, and is off by a constant.</summary>
internal sealed class ShiftedClock(TimeSpan by) : TimeProvider
{
    public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + by;
}
