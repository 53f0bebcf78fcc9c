using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;

namespace TokenRefresh.Jobs.Health;

/// <summary>What a reason is about.</summary>
public enum DiagnosedPart
{
    /// <summary>A token.</summary>
    Token,

    /// <summary>The workers.</summary>
    Workers,

    /// <summary>The due check, or a recurring job that a person has paused.</summary>
    Schedule,

    /// <summary>The delivery of notifications.</summary>
    Notifications,

    /// <summary>The database.</summary>
    Database,

    /// <summary>A provider.</summary>
    Provider,

    /// <summary>The settings of this node.</summary>
    Settings,
}

/// <summary>One reason why the whole stands as it does.</summary>
/// <param name="Level">How bad it is; <see cref="OverallStatus.Operational"/> for a notice, which changes nothing.</param>
/// <param name="Part">What it is about.</param>
/// <param name="Subject">The token's name or the recurring job's; empty where the part says it all.</param>
/// <param name="Words">What is said of it, as a phrase.</param>
/// <param name="Anonymous">The same without any name, for those who are not signed in.</param>
public sealed record DiagnosisReason(OverallStatus Level, DiagnosedPart Part, string Subject, string Words, string Anonymous)
{
    /// <summary>What has to be set or done, as a sentence; empty where the words say it.</summary>
    public string Remedy { get; init; } = "";

    /// <inheritdoc />
    public override string ToString() => Subject.Length == 0 ? Words : $"{Subject}: {Words}";

    /// <summary>What a token adds; null while nothing is wrong with it.</summary>
    internal static DiagnosisReason? Of(TokenView token)
    {
        OverallStatus? level = token switch
        {
            { State: TokenState.NotConfigured } => null,

            // Whatever it waits for, clients get nothing.
            { State: TokenState.Expired } or { HasExpired: true } => OverallStatus.Outage,
            { State: TokenState.ActionRequired or TokenState.Critical } => OverallStatus.ActionRequired,

            // Nothing failed and nothing came: the queue is stuck, which no retry clears.
            { IsLate: true } => OverallStatus.ActionRequired,
            { State: TokenState.Degraded } => OverallStatus.Degraded,
            _ => null,
        };
        return level is { } found
            ? new(found, DiagnosedPart.Token, token.Name, InWords(token), found == OverallStatus.Degraded ? "a refresh is failing" : "a token needs attention")
            : null;
    }

    /// <summary>What a paused recurring job adds.</summary>
    internal static DiagnosisReason Of(RecurringJobPause pause) => new(
        OverallStatus.ActionRequired, DiagnosedPart.Schedule, pause.Job, $"paused by {pause.PausedBy} until {pause.Until:u} ({pause.Reason})", "the schedule is paused");

    /// <summary>What a stalled part adds.</summary>
    internal static DiagnosisReason Of(StalledComponent stalled) => stalled.Part switch
    {
        SystemStatus.Scheduler => new(OverallStatus.Outage, DiagnosedPart.Schedule, "", stalled.Words, "the schedule is stalled"),
        _ => new(OverallStatus.Outage, DiagnosedPart.Workers, "", stalled.Words, "no worker is alive"),
    };

    private static string InWords(TokenView token)
    {
        var what = token switch
        {
            { State: TokenState.ActionRequired, Settings.NotConfiguredBecause: { } missing } => $"needs action, {missing}",
            { State: TokenState.ActionRequired, Stored.LastErrorCode: { } code } => $"needs action, {FailureWords.InWords(code)}",
            { State: TokenState.ActionRequired } => "needs action, import a token",
            { State: TokenState.Paused or TokenState.Expired, Stored.LastErrorCode: null } => token.State.InWords(),
            { State: TokenState.Paused } => token.State.InWords(),
            { State: TokenState.Expired, Stored.LastErrorCode: { } code } => $"expired, {FailureWords.InWords(code)}",
            { Stored.LastErrorCode: { } code } => $"{(token.State == TokenState.Critical ? "critical, " : "")}refresh failing, {FailureWords.InWords(code)}",
            _ => token.State.InWords(),
        };
        var expired = token is { HasExpired: true, State: not TokenState.Expired } ? ", expired" : "";
        return $"{what}{expired}{(token.IsLate ? ", refresh overdue" : "")}";
    }
}
