using System.Diagnostics;

namespace TokenRefresh.Bench;

internal static class WaitFor
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    /// <summary>Asks each few milliseconds; gives how long it took.</summary>
    public static async Task<TimeSpan> TrueAsync(Func<Task<bool>> condition, string what)
    {
        for (var since = Stopwatch.GetTimestamp(); ; await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System))
        {
            try
            {
                if (await condition())
                {
                    return Stopwatch.GetElapsedTime(since);
                }
            }
            catch (HttpRequestException)
            {
                // Nobody listens yet.
            }

            if (Stopwatch.GetElapsedTime(since) > Patience)
            {
                throw new TimeoutException($"{what}: not within {Patience}");
            }
        }
    }
}
