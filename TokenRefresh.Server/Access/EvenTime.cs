namespace TokenRefresh.Server.Access;

/// <summary>An answer that takes the same time whatever it was that led to it.</summary>
internal static class EvenTime
{
    /// <summary>Ends when <paramref name="span"/> has passed since <paramref name="since"/>, a timestamp of this clock, and never before.</summary>
    public static async Task UntilElapsedAsync(this TimeProvider clock, long since, TimeSpan span)
    {
        // Looked at again after each wait: a timer cuts its time to whole milliseconds and may come a few of them early.
        for (TimeSpan rest; (rest = span - clock.GetElapsedTime(since)) > TimeSpan.Zero;)
        {
            await Task.Delay(rest + TimeSpan.FromMilliseconds(1), clock);
        }
    }
}
