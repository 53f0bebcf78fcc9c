using TokenRefresh.Jobs.Alerts;
using TokenRefresh.Jobs.Scheduling;
using TokenRefresh.Jobs.Tokens;

namespace TokenRefresh.Jobs.Health;

/// <summary>How the whole stands, from well to worst.</summary>
public enum OverallStatus
{
    /// <summary>All systems operational</summary>
    Operational,

    /// <summary>Some token's refresh fails; all that programs read is valid.</summary>
    Degraded,

    /// <summary>A person must act, now or soon.</summary>
    ActionRequired,

    /// <summary>Some token is not valid, or nothing is refreshed any more.</summary>
    Outage,
}

/// <summary>What a reason is about.</summary>
public enum DiagnosedPart
{
    /// <summary>A token.</summary>
    Token,

    /// <summary>The workers.</summary>
    Workers,

    /// <summary>The due check, or a job that a person has paused.</summary>
    Schedule,

    /// <summary>The delivery of messages.</summary>
    Notifications,

    /// <summary>The database.</summary>
    Database,
}

/// <summary>One reason why the whole stands as it does.</summary>
/// <param name="Level">How bad it is; <see cref="OverallStatus.Operational"/> for a notice, which changes nothing.</param>
/// <param name="Part">What it is about.</param>
/// <param name="Subject">The token's name or the job's; empty where the part says it all.</param>
/// <param name="Words">What is said of it, as a phrase.</param>
/// <param name="Anonymous">The same without any name, for those who are not signed in.</param>
public sealed record DiagnosisReason(OverallStatus Level, DiagnosedPart Part, string Subject, string Words, string Anonymous)
{
    /// <inheritdoc />
    public override string ToString() => Subject.Length == 0 ? Words : $"{Subject}: {Words}";
}

/// <summary>
/// Is anything wrong? The one judgement of all tokens and of the whole, made of what was read at one instant; pages, API, verbs, probes, messages
/// and the heartbeat repeat it. Pure.
/// </summary>
/// <param name="AsOf">When it was made.</param>
/// <param name="Tokens">The tokens, most urgent first.</param>
/// <param name="Reasons">Everything that keeps it from being operational, and notices; the worst first.</param>
public sealed record SystemDiagnosis(DateTimeOffset AsOf, IReadOnlyList<TokenView> Tokens, IReadOnlyList<DiagnosisReason> Reasons)
{
    /// <summary>The diagnosis while the database is unreachable: the state of the tokens is unknown, and nothing is refreshed.</summary>
    public static SystemDiagnosis WithoutDatabase(DateTimeOffset now) =>
        new(now, [], [new(OverallStatus.Outage, DiagnosedPart.Database, "", "the database is unreachable", "database is unreachable")]);

    /// <summary>How the whole stands: as its worst reason.</summary>
    public OverallStatus Overall => Reasons.Select(reason => reason.Level).DefaultIfEmpty(OverallStatus.Operational).Max();

    /// <summary>True if clients get valid tokens and no one must act: used by probes and the heartbeat.</summary>
    public bool IsFresh => Overall is OverallStatus.Operational or OverallStatus.Degraded;

    /// <summary>True while some token was never obtained and its first attempt has not ended, as for a moment after the first start.</summary>
    public bool AwaitsFirstTokens => Tokens.Any(token => token.State == TokenState.Pending);

    /// <summary>What is wrong, worst first, without notices.</summary>
    public IEnumerable<DiagnosisReason> Wrong => Reasons.Where(reason => reason.Level > OverallStatus.Operational);

    /// <summary>What is wrong in words that name no token; empty where nothing is.</summary>
    public string WrongWithoutNames => string.Join(", ", Wrong.Select(reason => reason.Anonymous).Distinct());

    /// <summary>The tokens that count: not those that are not configured, nor those that are paused while they are valid.</summary>
    public IEnumerable<TokenView> Counted => Tokens.Where(token => token.State is not (TokenState.NotConfigured or TokenState.Paused) || !token.IsWell);

    /// <summary>The same judgement of some of the tokens; what concerns all of them stays.</summary>
    public SystemDiagnosis For(Func<TokenView, bool> isAsked)
    {
        var asked = Tokens.Where(isAsked).ToList();
        var names = asked.Select(token => token.Name).ToHashSet(StringComparer.Ordinal);
        return this with { Tokens = asked, Reasons = [.. Reasons.Where(reason => reason.Part != DiagnosedPart.Token || names.Contains(reason.Subject))] };
    }

    /// <summary>Judges.</summary>
    /// <param name="tokens">The tokens, most urgent first.</param>
    /// <param name="pulse">Which components of this program are alive.</param>
    /// <param name="notifications">Whether anyone can be notified.</param>
    /// <param name="pauses">The jobs that people have paused.</param>
    /// <param name="now">The instant of all of it.</param>
    public static SystemDiagnosis Of(IReadOnlyList<TokenView> tokens, SystemStatus pulse, NotificationReadiness notifications, IEnumerable<RecurringJobPause> pauses, DateTimeOffset now)
    {
        var reasons = tokens.Select(OfToken).OfType<DiagnosisReason>()
            .Concat(pulse.StalledComponents(now).Where(silence => silence.Part != SystemStatus.Outbox).Select(OfSilence))
            .Concat(OfNotifications(notifications) is { } undelivered ? [undelivered] : [])
            .Concat(pauses.Where(pause => pause.Job is RecurringJobs.DueTokenRefresh or RecurringJobs.AutomaticTokenRefresh).Select(OfPause));
        return new(now, tokens, [.. reasons.OrderByDescending(reason => reason.Level)]);
    }

    private static DiagnosisReason? OfToken(TokenView token)
    {
        OverallStatus? level = token switch
        {
            { State: TokenState.NotConfigured } => null,

            // Whatever it waits for, programs get nothing.
            { State: TokenState.Expired } or { HasExpired: true } => OverallStatus.Outage,
            { State: TokenState.ActionRequired or TokenState.Critical } => OverallStatus.ActionRequired,

            // Nothing failed and nothing came: the queue is stuck, which no retry clears.
            { IsLate: true } => OverallStatus.ActionRequired,
            { State: TokenState.Degraded } => OverallStatus.Degraded,
            _ => null,
        };
        return level is { } found
            ? new(found, DiagnosedPart.Token, token.Name, Words(token), found == OverallStatus.Degraded ? "a refresh is failing" : "a token needs attention")
            : null;
    }

    private static string Words(TokenView token) => token switch
    {
        { IsLate: true } => $"{token.State.InWords()}, refresh overdue",
        { HasExpired: true, State: not TokenState.Expired } => $"{token.State.InWords()}, expired",
        { State: TokenState.Degraded, Stored.LastErrorCode: { } code } => $"refresh failing, {FailureWords.InWords(code)}",
        { State: TokenState.Critical, Stored.LastErrorCode: { } code } => $"critical, refresh failing, {FailureWords.InWords(code)}",
        { State: TokenState.ActionRequired or TokenState.Expired, Stored.LastErrorCode: { } code } => $"{token.State.InWords()}, {FailureWords.InWords(code)}",
        _ => token.State.InWords(),
    };

    // That nothing is configured is a notice; that what is configured does not deliver is a fault.
    private static DiagnosisReason? OfNotifications(NotificationReadiness notifications) => !notifications.IsFault ? null : new(
        notifications.IsFailing ? OverallStatus.ActionRequired : OverallStatus.Operational, DiagnosedPart.Notifications, "", notifications.Words.TrimEnd('.'), "notifications cannot be delivered");

    private static DiagnosisReason OfSilence(StalledComponent silence) => silence.Part switch
    {
        SystemStatus.Scheduler => new(OverallStatus.Outage, DiagnosedPart.Schedule, "", silence.Words, "the schedule is stalled"),
        _ => new(OverallStatus.Outage, DiagnosedPart.Workers, "", silence.Words, "no worker is alive"),
    };

    private static DiagnosisReason OfPause(RecurringJobPause pause) => new(
        OverallStatus.ActionRequired, DiagnosedPart.Schedule, pause.Job, $"paused by {pause.PausedBy} until {pause.Until:u} ({pause.Reason})", "the schedule is paused");
}

/// <summary>The words of <see cref="OverallStatus"/>.</summary>
public static class OverallStatuses
{
    /// <summary>As a stable word: <c>action_required</c>.</summary>
    public static string Code(this OverallStatus status) => status == OverallStatus.ActionRequired ? "action_required" : status.ToString().ToLowerInvariant();

    /// <summary>In words, as a sentence begins: <c>Action required</c>.</summary>
    public static string InWords(this OverallStatus status) => status == OverallStatus.ActionRequired ? "Action required" : status.ToString();

    /// <summary>The seed's word for it: <c>healthy</c>, <c>partial</c> or <c>unhealthy</c>.</summary>
    public static string SeedCode(this OverallStatus status) => status switch
    {
        OverallStatus.Operational => "healthy",
        OverallStatus.Outage => "unhealthy",
        _ => "partial",
    };
}

/// <summary>Reads what the diagnosis is made of.</summary>
public sealed class DiagnosisReader(TokenOverview overview, NotificationReadinessReader notifications, RecurringJobPauses pauses, TimeProvider clock)
{
    /// <summary>How things stand now.</summary>
    /// <param name="pulse">The system status, as it was just read.</param>
    public async Task<SystemDiagnosis> ReadAsync(SystemStatus pulse, CancellationToken cancellationToken) => SystemDiagnosis.Of(
        await overview.ListAsync(null, cancellationToken), pulse, await notifications.ReadAsync(cancellationToken), (await pauses.ListAsync(cancellationToken)).Values, clock.GetUtcNow());
}
