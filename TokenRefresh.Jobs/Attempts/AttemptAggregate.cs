namespace TokenRefresh.Jobs.Attempts;

/// <summary>The figures of a stretch of the log. Skips are not failures, and no attempts mean no rate.</summary>
/// <param name="SuccessRate">Successes over successes and failures, in percent with one decimal; null when there were none.</param>
/// <param name="AvgDurationMs">Mean duration of successes and failures in milliseconds; null when there were none.</param>
/// <param name="P95DurationMs">The duration that 95 of 100 successes and failures stayed within; null when there were none.</param>
public sealed record AttemptStatistics(
    long TotalAttempts,
    long SuccessfulAttempts,
    long FailedAttempts,
    long SkippedAttempts,
    long AutomaticAttempts,
    long ManualAttempts,
    long ForcedAttempts,
    double? SuccessRate,
    double? AvgDurationMs,
    double? P95DurationMs);

/// <summary>Counts of attempts that can be added up; durations are counted in ranges.</summary>
public sealed class AttemptAggregate
{
    private readonly long[] durations = new long[DurationRanges.Count];

    /// <summary>All attempts, those that still run included.</summary>
    public long Total { get; private set; }

    /// <summary>A token was issued and saved.</summary>
    public long Successful { get; private set; }

    /// <summary>No token came of it.</summary>
    public long Failed { get; private set; }

    /// <summary>Nothing was to be done.</summary>
    public long Skipped { get; private set; }

    /// <summary>Set off by a person who respected what is due.</summary>
    public long Manual { get; private set; }

    /// <summary>Set off by a person, due or not.</summary>
    public long Forced { get; private set; }

    /// <summary>Successes and failures whose duration is known.</summary>
    public long Timed { get; private set; }

    /// <summary>The sum of their durations in milliseconds.</summary>
    public long DurationMs { get; private set; }

    /// <summary>Successes and failures.</summary>
    public long Finished => Successful + Failed;

    /// <summary>Failures by error code.</summary>
    public Dictionary<string, long> Failures { get; } = [];

    /// <summary>Mean duration of successes and failures in milliseconds; null when there were none.</summary>
    public double? AverageMs => Timed == 0 ? null : (double)Math.Round((decimal)DurationMs / Timed, 1, MidpointRounding.AwayFromZero);

    /// <summary>Successes over successes and failures, in percent with one decimal; null when there were none.</summary>
    public double? SuccessRate => Finished == 0 ? null : (double)Math.Round(100m * Successful / Finished, 1, MidpointRounding.AwayFromZero);

    /// <summary>Where the p95 lies: a range of durations, and which one in it, counted from its shortest; null when there are no durations.</summary>
    internal (long FromMs, long ToMs, long Rank)? P95
    {
        get
        {
            var left = (long)Math.Ceiling(0.95m * Timed);
            for (var range = 0; range < durations.Length && left > 0; range++)
            {
                if (left <= durations[range])
                {
                    var (from, to) = DurationRanges.Of(range);
                    return (from, to, left);
                }

                left -= durations[range];
            }

            return null;
        }
    }

    /// <summary>Adds another tally.</summary>
    public void Add(AttemptAggregate other)
    {
        Total += other.Total;
        Successful += other.Successful;
        Failed += other.Failed;
        Skipped += other.Skipped;
        Manual += other.Manual;
        Forced += other.Forced;
        Timed += other.Timed;
        DurationMs += other.DurationMs;
        foreach (var (code, count) in other.Failures)
        {
            Fail(code, count);
        }

        Time(other.durations);
    }

    /// <summary>Adds rows that are alike.</summary>
    internal void Add(AttemptGroup alike)
    {
        Total += alike.Attempts;
        Manual += alike.TriggerType == "manual" ? alike.Attempts : 0;
        Forced += alike.TriggerType == "forced" ? alike.Attempts : 0;
        switch (alike.Status)
        {
            case "success":
                Successful += alike.Attempts;
                break;
            case "failed":
                Failed += alike.Attempts;
                Fail(alike.ErrorCode ?? "", alike.Attempts);
                break;
            case "skipped":
                Skipped += alike.Attempts;
                return;
            default:
                return;
        }

        if (alike.DurationRange is { } range)
        {
            Timed += alike.Attempts;
            DurationMs += alike.DurationMs;
            durations[range] += alike.Attempts;
        }
    }

    /// <summary>Adds counted hours.</summary>
    internal void Add(CountedHours hour)
    {
        Total += hour.Attempts;
        Successful += hour.Succeeded;
        Failed += hour.Failed;
        Skipped += hour.Skipped;
        Manual += hour.Manual;
        Forced += hour.Forced;
        Timed += hour.Timed;
        DurationMs += hour.DurationMs;
        if (hour.Failed > 0)
        {
            Fail(hour.ErrorCode, hour.Failed);
        }

        Time(hour.Durations);
    }

    /// <summary>As it is stored for an hour.</summary>
    internal AttemptHour Of(DateTimeOffset hour, string provider, string token, string errorCode) => new()
    {
        Hour = hour,
        Provider = provider,
        TokenName = token,
        ErrorCode = errorCode,
        Attempts = Total,
        Succeeded = Successful,
        Failed = Failed,
        Skipped = Skipped,
        Manual = Manual,
        Forced = Forced,
        Timed = Timed,
        DurationMs = DurationMs,
        Durations = durations,
    };

    /// <summary>The figures that pages and programs see.</summary>
    internal AttemptStatistics ToStatistics(double? p95) =>
        new(Total, Successful, Failed, Skipped, Total - Manual - Forced, Manual, Forced, SuccessRate, AverageMs, p95);

    private void Fail(string code, long count) => Failures[code] = Failures.GetValueOrDefault(code) + count;

    private void Time(long[] more)
    {
        for (var range = 0; range < durations.Length; range++)
        {
            durations[range] += more[range];
        }
    }
}

/// <summary>Rows of one piece of the log that differ in nothing that is counted.</summary>
/// <param name="Piece">Which of the pieces that were asked for.</param>
/// <param name="DurationRange">Which of <see cref="DurationRanges"/>; null where the duration is unknown.</param>
internal sealed record AttemptGroup(
    int Piece, string Provider, string TokenName, string Status, string TriggerType, string? ErrorCode, int? DurationRange, long Attempts, long DurationMs);
