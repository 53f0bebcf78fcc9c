namespace TokenRefresh.Jobs.Tokens;

/// <summary>What set a refresh off. Stored in snake case.</summary>
public enum RefreshTrigger
{
    /// <summary>The twelve-hourly sweep.</summary>
    Automatic,

    /// <summary>A person, respecting what is due.</summary>
    Manual,

    /// <summary>A person, whatever is due.</summary>
    Forced,

    /// <summary>The due check.</summary>
    Due,

    /// <summary>The backup job: acquires a new token instead of renewing.</summary>
    Backup,

    /// <summary>A reader that found too little life left.</summary>
    OnDemand,

    /// <summary>A program whose call was refused with the token.</summary>
    Rejected,
}

/// <summary>One request to refresh one token.</summary>
/// <param name="Token">The token's name.</param>
/// <param name="Trigger">What set it off.</param>
/// <param name="TriggeredBy">Who, for the log.</param>
public sealed record RefreshRequest(string Token, RefreshTrigger Trigger, string TriggeredBy)
{
    /// <summary>The Hangfire job that carries the request; null outside one.</summary>
    public string? JobId { get; init; }

    /// <summary>1 for the first run, 2 for the first retry, and so on.</summary>
    public int Attempt { get; init; } = 1;

    /// <summary>The retries that its job has left after this attempt.</summary>
    public int RetriesLeft { get; init; }

    /// <summary>When it was asked for; a token issued later already answers it. Null where that does not matter.</summary>
    public DateTimeOffset? RequestedAt { get; init; }

    /// <summary>For <see cref="RefreshTrigger.OnDemand"/>: the life that the reader needs.</summary>
    public TimeSpan MinValidity { get; init; }

    /// <summary>For <see cref="RefreshTrigger.Rejected"/>: the version that was refused; a newer stored one already answers it.</summary>
    public long? RejectedVersion { get; init; }

    /// <summary>Ends the provider's call early, for example at the job's time limit. Never ends the save after it.</summary>
    public CancellationToken Limit { get; init; }
}

/// <summary>The stored names of the triggers.</summary>
public static class RefreshTriggers
{
    /// <summary>As stored in <c>trigger_type</c>, for example <c>on_demand</c>.</summary>
    public static string Code(this RefreshTrigger trigger) => trigger == RefreshTrigger.OnDemand ? "on_demand" : trigger.ToString().ToLowerInvariant();

    /// <summary>The trigger of a stored name, or null.</summary>
    public static RefreshTrigger? Parse(string code) =>
        Enum.GetValues<RefreshTrigger>().Where(trigger => trigger.Code() == code).Select(trigger => (RefreshTrigger?)trigger).FirstOrDefault();
}
