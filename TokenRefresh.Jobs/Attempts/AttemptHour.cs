namespace TokenRefresh.Jobs.Attempts;

/// <summary>
/// What the log counts for one hour that is over and holds no running attempt, so that months need not be counted row by row. One row for the
/// attempts of a token that have the same error code, and one for those of all tokens of the provider. A copy: it may be deleted, and is then counted anew.
/// </summary>
internal sealed class AttemptHour
{
    /// <summary>In place of a token's name: all tokens of the provider.</summary>
    public const string AllTokens = "";

    private readonly long[] durations = new long[DurationRanges.Count];

    public DateTimeOffset Hour { get; init; }

    public string Provider { get; init; } = "";

    public string TokenName { get; init; } = "";

    /// <summary>The failures' code; empty for attempts that have none.</summary>
    public string ErrorCode { get; init; } = "";

    public long Attempts { get; init; }

    public long Succeeded { get; init; }

    public long Failed { get; init; }

    public long Skipped { get; init; }

    public long Manual { get; init; }

    public long Forced { get; init; }

    /// <summary>Successes and failures whose duration is known.</summary>
    public long Timed { get; init; }

    /// <summary>The sum of their durations in milliseconds.</summary>
    public long DurationMs { get; init; }

    /// <summary>How many of them took as long as each of <see cref="DurationRanges"/>, in its order.</summary>
    public IReadOnlyList<long> Durations
    {
        get => durations;
        init => value.ToArray().CopyTo(durations, 0);
    }

    /// <summary>The same by column.</summary>
    public long this[string column]
    {
        get => durations[DurationRanges.IndexOf(column)];
        set => durations[DurationRanges.IndexOf(column)] = value;
    }
}

/// <summary>Counted hours of one provider in one piece of the log that have the same error code, added up by the database: a month of them is thousands of rows.</summary>
/// <param name="Piece">Which of the pieces that were asked for.</param>
internal sealed record CountedHours(
    int Piece, string Provider, string ErrorCode, long Attempts, long Succeeded, long Failed, long Skipped, long Manual, long Forced, long Timed, long DurationMs, long[] Durations)
{
    /// <summary>Parameters: the starts of the pieces in order, names, the first start, hours to leave out, and the provider or null.</summary>
    public static readonly string Sql =
        $$"""
          SELECT width_bucket(hour, {0}) - 1 AS piece, provider, error_code, sum(attempts)::bigint AS attempts, sum(succeeded)::bigint AS succeeded, sum(failed)::bigint AS failed,
                 sum(skipped)::bigint AS skipped, sum(manual)::bigint AS manual, sum(forced)::bigint AS forced, sum(timed)::bigint AS timed, sum(duration_ms)::bigint AS duration_ms,
                 ARRAY[{{string.Join(", ", DurationRanges.Columns.Select(column => $"sum({column})"))}}]::bigint[] AS durations
          FROM token_refresh_hours
          WHERE token_name = ANY({1}) AND hour >= {2} AND hour <> ALL({3}) AND ({4}::text IS NULL OR provider = {4})
          GROUP BY 1, 2, 3
          """;
}

/// <summary>
/// The ranges in which durations are counted, each a column of the counted hours. They narrow down where the p95 lies, so that only the rows of that
/// one range are looked at to tell it exactly.
/// </summary>
internal static class DurationRanges
{
    /// <summary>Where each range ends and the next begins, in milliseconds.</summary>
    public static readonly long[] Bounds = [25, 50, 75, 100, 150, 200, 250, 300, 400, 500, 650, 800, 1_000, 1_300, 1_600, 2_000, 2_500, 3_200, 4_000, 5_000, 7_500, 10_000, 15_000, 30_000];

    /// <summary>The column of each range.</summary>
    public static readonly string[] Columns = [.. Bounds.Select(bound => $"under_{bound}_ms"), "longer"];

    /// <summary>One more than there are bounds: the last range has no end.</summary>
    public static int Count => Bounds.Length + 1;

    /// <summary>Which range a column counts.</summary>
    public static int IndexOf(string column) => Array.IndexOf(Columns, column);

    /// <summary>Where a range begins and ends, in milliseconds.</summary>
    public static (long From, long To) Of(int range) => (range == 0 ? 0 : Bounds[range - 1], range == Bounds.Length ? long.MaxValue : Bounds[range]);
}
