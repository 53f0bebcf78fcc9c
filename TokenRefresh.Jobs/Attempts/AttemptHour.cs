namespace TokenRefresh.Jobs.Attempts;

/// <summary>
/// What the log counts for one ended hour, so that months need not be counted row by row. A copy that may be thrown away:
/// the database itself forgets it when any row of that hour is added, changed or deleted.
/// </summary>
internal sealed class AttemptHour
{
    /// <summary>In place of a token's name: all tokens of the provider.</summary>
    public const string AllTokens = "";

    private AttemptHour()
    {
    }

    public DateTimeOffset Hour { get; private set; }

    public string Provider { get; private set; } = "";

    public string TokenName { get; private set; } = "";

    public int Total { get; private set; }

    public int Successful { get; private set; }

    public int Failed { get; private set; }

    public int Skipped { get; private set; }

    public int Manual { get; private set; }

    public int Forced { get; private set; }

    public int Timed { get; private set; }

    public long DurationMs { get; private set; }

    /// <summary>Counts by steps of <see cref="AttemptTally.StepRatio"/>.</summary>
    public int[] Durations { get; private set; } = [];

    public string[] FailureCodes { get; private set; } = [];

    /// <summary>Beside <see cref="FailureCodes"/>.</summary>
    public int[] FailureCounts { get; private set; } = [];

    public static AttemptHour Of(DateTimeOffset hour, string provider, string tokenName, AttemptTally tally) => new()
    {
        Hour = hour,
        Provider = provider,
        TokenName = tokenName,
        Total = (int)tally.Total,
        Successful = (int)tally.Successful,
        Failed = (int)tally.Failed,
        Skipped = (int)tally.Skipped,
        Manual = (int)tally.Manual,
        Forced = (int)tally.Forced,
        Timed = (int)tally.Timed,
        DurationMs = tally.DurationMs,
        Durations = [.. tally.Durations.Select(count => (int)count)],
        FailureCodes = [.. tally.Failures.Keys],
        FailureCounts = [.. tally.Failures.Values.Select(count => (int)count)],
    };
}
