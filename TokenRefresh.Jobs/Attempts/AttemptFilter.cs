using System.Globalization;
using TokenRefresh.Jobs.Tokens;

namespace TokenRefresh.Jobs.Attempts;

/// <summary>Which rows of the log are asked for; what is null is not asked.</summary>
public sealed record AttemptFilter
{
    /// <summary>Rows that began at or after this.</summary>
    public DateTimeOffset? Since { get; init; }

    /// <summary>Rows that began before this.</summary>
    public DateTimeOffset? Until { get; init; }

    /// <summary>Only this provider's.</summary>
    public string? Provider { get; init; }

    /// <summary>Only this token's.</summary>
    public string? Token { get; init; }

    /// <summary>Only these tokens' rows.</summary>
    public IReadOnlyCollection<string>? Tokens { get; init; }

    /// <summary>Only in this state.</summary>
    public AttemptStatus? Status { get; init; }

    /// <summary>True to leave out attempts that found nothing to do.</summary>
    public bool HidesSkips { get; init; }

    /// <summary>Only by this trigger.</summary>
    public RefreshTrigger? Trigger { get; init; }

    /// <summary>Only with this error code.</summary>
    public string? ErrorCode { get; init; }

    /// <summary>Only those of this Hangfire job.</summary>
    public string? JobId { get; init; }

    /// <summary>Only attempts whose message or initiator contains this, ignoring case.</summary>
    public string? Text { get; init; }
}

/// <summary>The orders in which rows can be read from an index, however many there are.</summary>
public enum AttemptOrder
{
    /// <summary>By beginning, the last first.</summary>
    Newest,

    /// <summary>By beginning, the first first.</summary>
    Oldest,

    /// <summary>By duration, the longest first. Only of successes and failures: what was skipped took no time.</summary>
    Longest,

    /// <summary>By duration, the shortest first; as <see cref="Longest"/>.</summary>
    Shortest,
}

/// <summary>Where a page of rows ended, so that the next begins after it: the value that the order goes by, and the row's id.</summary>
/// <param name="Value">Ticks of the beginning, or milliseconds.</param>
/// <param name="Id">The row.</param>
public readonly record struct AttemptKey(long Value, long Id)
{
    /// <summary>The key of a row in an order.</summary>
    public static AttemptKey Of(RefreshAttempt row, AttemptOrder order) =>
        new(order is AttemptOrder.Newest or AttemptOrder.Oldest ? row.StartedAt.UtcTicks : row.DurationMs ?? 0, row.Id);

    /// <summary>Reads what <see cref="ToString"/> wrote; null for anything else.</summary>
    public static AttemptKey? Parse(string? text) =>
        text?.Split('.') is [var value, var id]
        && long.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number <= DateTimeOffset.MaxValue.UtcTicks
        && long.TryParse(id, NumberStyles.None, CultureInfo.InvariantCulture, out var row)
            ? new(number, row)
            : null;

    /// <inheritdoc />
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Value}.{Id}");
}

/// <summary>One page of rows.</summary>
/// <param name="Rows">The rows, in the order that was asked for.</param>
/// <param name="Next">Where the next page begins; null at the end.</param>
/// <param name="SearchedBackTo">Where a search for text stopped before the end, because it had looked at enough rows; null otherwise.</param>
public sealed record AttemptPage(IReadOnlyList<RefreshAttempt> Rows, AttemptKey? Next, DateTimeOffset? SearchedBackTo);
