namespace TokenRefresh.Jobs.Attempts;

/// <summary>
/// What the log counts for one ended hour, so that months need not be counted row by row. A copy that may be thrown away:
/// the database itself forgets it when any row of that hour is added, changed or deleted.
/// </summary>
internal sealed class AttemptHour
{
    /// <summary>In place of a token's name: all tokens of the provider.</summary>
    public const string AllTokens = "";

    public DateTimeOffset Hour { get; init; }

    public string Provider { get; init; } = "";

    public string TokenName { get; init; } = "";

    /// <summary>An <see cref="AttemptAggregate"/> as it packs itself.</summary>
    public byte[] Tally { get; init; } = [];
}
