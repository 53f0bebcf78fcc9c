using TokenRefresh.Jobs.Telemetry;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;

namespace TokenRefresh.Jobs.Refreshing;

/// <summary>The result of a refresh request. Closed: a <c>switch</c> over it visits every case.</summary>
public abstract record RefreshOutcome
{
    private RefreshOutcome()
    {
    }

    /// <summary>The outcome as metrics and traces name it: <c>success</c>, <c>skipped</c>, <c>in_flight</c>, or the kind of the failure.</summary>
    public string Code => this switch
    {
        Refreshed => "success",
        Skipped => "skipped",
        InFlight => TokenMetrics.InFlight,
        Failed failed => failed.Failure.Kind.Code(),
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    /// <summary>A new token is stored.</summary>
    public sealed record Refreshed(DateTimeOffset ExpiresAt, DateTimeOffset DueAt, long Version) : RefreshOutcome;

    /// <summary>The provider was not asked: the token is fresh, or may not be refreshed now. Only the time of the last look, and for some triggers a row in the log, is written.</summary>
    public sealed record Skipped(string Reason) : RefreshOutcome
    {
        /// <summary>When the token is due, where it is only too early.</summary>
        public DateTimeOffset? DueAt { get; init; }

        /// <summary>What the token is, where time alone changes nothing: not configured, or waiting for a person to import it. Else null.</summary>
        public TokenState? Obstacle { get; init; }
    }

    /// <summary>Another refresh of this token is in flight; its attempt answers the request.</summary>
    public sealed record InFlight(string Reason) : RefreshOutcome;

    /// <summary>No token came; the stored one is as it was.</summary>
    /// <param name="Failure">Why.</param>
    /// <param name="NextAttemptAt">When it is tried again by itself; null where that waits for a person or for changed settings.</param>
    public sealed record Failed(ProviderFailure Failure, DateTimeOffset? NextAttemptAt) : RefreshOutcome
    {
        /// <summary>True where the job that carried the request tries it again.</summary>
        public bool IsLeftToJob { get; init; }
    }
}
