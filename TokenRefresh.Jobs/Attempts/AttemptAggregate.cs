namespace TokenRefresh.Jobs.Attempts;

/// <summary>The figures of a stretch of the log. Skips are not failures, and no attempts mean no rate.</summary>
/// <param name="SuccessRate">Successes over successes and failures, in percent with one decimal; null when there were none.</param>
/// <param name="AvgDurationMs">Mean duration of successes and failures in milliseconds; null when there were none.</param>
/// <param name="P95DurationMs">
/// The duration that 95 of 100 successes and failures stayed within; null when there were none. Exact up to
/// <see cref="AttemptHours.ExactUpTo"/> of them, beyond that within 2.5 %.
/// </param>
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

/// <summary>Counts of attempts that can be added up: everything exact but the spread of durations, which is kept in steps of 5 %.</summary>
public sealed class AttemptAggregate
{
    /// <summary>Each step of durations ends at this many times its beginning.</summary>
    internal const double StepRatio = 1.05;

    /// <summary>Longer than ten days falls into the last step.</summary>
    internal const int Steps = 425;

    // How many durations fell into each step; the first step is for less than a millisecond.
    private long[] durations = [];

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

    /// <summary>The duration that 95 of 100 stayed within, taken from the middle of its step: within 2.5 % of the truth.</summary>
    public double? AboutP95Ms
    {
        get
        {
            var left = (long)Math.Ceiling(0.95m * Timed);
            for (var step = 0; step < durations.Length && left > 0; step++)
            {
                left -= durations[step];
                if (left <= 0)
                {
                    return step == 0 ? 0 : Math.Round(Math.Pow(StepRatio, step - 0.5));
                }
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

        for (var step = 0; step < other.durations.Length; step++)
        {
            Time(step, other.durations[step]);
        }
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

        if (alike.Step is { } step)
        {
            Timed += alike.Attempts;
            DurationMs += alike.DurationMs;
            Time(step, alike.Attempts);
        }
    }

    /// <summary>Adds a tally that was packed. A month is more than a thousand of these, so nothing is made on the way.</summary>
    internal void Add(byte[] packed)
    {
        using var reader = new BinaryReader(new MemoryStream(packed));
        Total += reader.Read7BitEncodedInt64();
        Successful += reader.Read7BitEncodedInt64();
        Failed += reader.Read7BitEncodedInt64();
        Skipped += reader.Read7BitEncodedInt64();
        Manual += reader.Read7BitEncodedInt64();
        Forced += reader.Read7BitEncodedInt64();
        Timed += reader.Read7BitEncodedInt64();
        DurationMs += reader.Read7BitEncodedInt64();
        for (var codes = reader.Read7BitEncodedInt(); codes > 0; codes--)
        {
            Fail(reader.ReadString(), reader.Read7BitEncodedInt64());
        }

        var first = reader.Read7BitEncodedInt();
        for (int step = first, end = first + reader.Read7BitEncodedInt(); step < end; step++)
        {
            Time(step, reader.Read7BitEncodedInt64());
        }
    }

    /// <summary>As it is stored: numbers of seven bits a byte, and of the steps only those between the shortest and the longest.</summary>
    internal byte[] Pack()
    {
        var packed = new MemoryStream();
        using var writer = new BinaryWriter(packed);
        foreach (var count in new[] { Total, Successful, Failed, Skipped, Manual, Forced, Timed, DurationMs })
        {
            writer.Write7BitEncodedInt64(count);
        }

        writer.Write7BitEncodedInt(Failures.Count);
        foreach (var (code, count) in Failures)
        {
            writer.Write(code);
            writer.Write7BitEncodedInt64(count);
        }

        var first = Math.Max(0, Array.FindIndex(durations, count => count > 0));
        writer.Write7BitEncodedInt(first);
        writer.Write7BitEncodedInt(durations.Length - first);
        foreach (var count in durations.AsSpan(first))
        {
            writer.Write7BitEncodedInt64(count);
        }

        writer.Flush();
        return packed.ToArray();
    }

    /// <summary>The figures that pages and programs see.</summary>
    internal AttemptStatistics ToStatistics(double? p95) =>
        new(Total, Successful, Failed, Skipped, Total - Manual - Forced, Manual, Forced, SuccessRate, AverageMs, p95);

    private void Fail(string code, long count) => Failures[code] = Failures.GetValueOrDefault(code) + count;

    private void Time(int step, long count)
    {
        if (durations.Length <= step)
        {
            Array.Resize(ref durations, step + 1);
        }

        durations[step] += count;
    }
}

/// <summary>Rows of one hour, or of a part of it, that differ in nothing that is counted.</summary>
/// <param name="Start">Where the hour, or its part, begins.</param>
/// <param name="Step">The step of durations; null where the duration is unknown.</param>
internal sealed record AttemptGroup(
    DateTimeOffset Start, string Provider, string TokenName, string Status, string TriggerType, string? ErrorCode, int? Step, long Attempts, long DurationMs);
