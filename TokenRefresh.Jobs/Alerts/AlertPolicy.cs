using System.Globalization;
using TokenRefresh.Jobs.Health;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;

namespace TokenRefresh.Jobs.Alerts;

/// <summary>One thing that is wrong with one subject now.</summary>
/// <param name="Scope">The provider's name; empty for what is no provider's.</param>
/// <param name="Group">Complaints of one kind, scope and group are one incident.</param>
/// <param name="Cause">The error code, or a word of ours.</param>
/// <param name="Subject">A token's name, or the part of this program that is silent.</param>
/// <param name="Stage">1, 2, 3 as the lead times of seven, three and one days are reached; else 0.</param>
/// <param name="IsCritical">Little life is left, or none.</param>
/// <param name="Detail">The cause in the provider's own words, or ours.</param>
/// <param name="IsExpired">No life is left: programs get no valid token.</param>
public sealed record Finding(
    IncidentKind Kind, string Scope, string Group, string Cause, string Subject, bool IsCritical, int Stage, string Detail, bool IsExpired = false)
{
    /// <summary>What makes two complaints the same incident.</summary>
    public string Key => $"{Kind.Code()}:{Scope}:{Group}";
}

/// <summary>A provider's successes and failures within the window.</summary>
public sealed record ProviderRate(string Provider, long Successes, long Failures)
{
    /// <summary>In percent; meaningless without attempts.</summary>
    public double Percent => 100.0 * Successes / Math.Max(1, Successes + Failures);
}

/// <summary>By which measures something is wrong.</summary>
/// <param name="RunsOfAJob">A job's first run and its retries.</param>
/// <param name="ConsecutiveFailures">As <see cref="HealthOptions.AlertOnConsecutiveFailures"/>.</param>
/// <param name="SuccessRate">As <see cref="HealthOptions.SuccessRateThreshold"/>.</param>
public sealed record AlertRules(int RunsOfAJob, int ConsecutiveFailures, int SuccessRate);

/// <summary>Everything that the policy judges.</summary>
/// <param name="Ill">The tokens of which an open incident says that they fail.</param>
public sealed record AlertInput(
    DateTimeOffset Now, IReadOnlyList<TokenView> Tokens, IReadOnlyList<ProviderRate> Rates, SystemStatus SystemStatus, AlertRules Rules, IReadOnlySet<string> Ill)
{
    /// <summary>The machines whose clocks differ from a provider's.</summary>
    public IReadOnlyList<MachineClock> Clocks { get; init; } = [];

    /// <summary>The freshness objective and how fast its budget is used.</summary>
    public FreshnessReport? Freshness { get; init; }

    /// <summary>The tokens whose failure is reported, or was until an hour ago.</summary>
    public IReadOnlySet<string> Heard { get; init; } = new HashSet<string>();

    /// <summary>Tokens that the database had in an older version than was served, within the last hour.</summary>
    public IReadOnlyList<string> Restored { get; init; } = [];
}

/// <summary>How far a machine's clock was ahead of a provider's when that last issued a token there; negative when it was behind.</summary>
public sealed record MachineClock(string Machine, string Provider, double AheadSeconds)
{
    /// <summary>As people read it.</summary>
    public string Words =>
        $"the clock of {Machine} is {DurationFormat.InWords(TimeSpan.FromSeconds(Math.Round(Math.Abs(AheadSeconds))))} {(AheadSeconds > 0 ? "ahead of" : "behind")} the clock of {Provider}";
}

/// <summary>Decides which problems exist now and what to report next. Pure: state and clock are arguments.</summary>
public static class AlertPolicy
{
    /// <summary>One that is back sooner than this comes and goes: while programs are served all the same, people hear of it ever more slowly.</summary>
    public static readonly TimeSpan FlapWindow = TimeSpan.FromHours(1);

    /// <summary>Tokens that fail together are reported together: once none has joined for this long,</summary>
    private static readonly TimeSpan Settled = TimeSpan.FromSeconds(20);

    /// <summary>but no later than this; and as long lies between two messages that further tokens have become urgent.</summary>
    private static readonly TimeSpan SettledAtLast = TimeSpan.FromMinutes(2);

    /// <summary>A pause at a start or a restart does not count as stalled.</summary>
    private static readonly TimeSpan Silent = TimeSpan.FromMinutes(1);

    private static readonly TimeSpan FirstFlapPause = TimeSpan.FromMinutes(5);

    /// <summary>News of further tokens are gathered for this long.</summary>
    private static readonly TimeSpan BetweenNews = TimeSpan.FromMinutes(30);

    private static readonly TimeSpan[] ReminderPauses =
        [TimeSpan.FromHours(1), TimeSpan.FromHours(3), TimeSpan.FromHours(6), TimeSpan.FromHours(12), TimeSpan.FromDays(1)];

    /// <summary>Fewer attempts mean no rate.</summary>
    private const int LeastAttempts = 10;

    private const string Passing = "passing", Late = "late";

    /// <summary>Everything that is wrong.</summary>
    public static IReadOnlyList<Finding> Findings(AlertInput situation)
    {
        var stalledParts = situation.SystemStatus.StalledComponents(situation.Now).Select(stalled =>
            new Finding(IncidentKind.StalledComponent, "", "silence", "silence", stalled.Part, false, 0, stalled.Words)).ToList();
        var tokens = situation.Tokens.Select(token => OfToken(token, situation, stalledParts.Any(stalled => stalled.Subject != SystemStatus.Outbox))).OfType<Finding>().ToList();
        var rates = situation.Rates
            .Where(rate => rate.Successes + rate.Failures >= LeastAttempts && rate.Percent < situation.Rules.SuccessRate)
            .Where(rate => tokens.All(complaint => complaint.Scope != rate.Provider))
            .Select(rate => new Finding(IncidentKind.SuccessRate, rate.Provider, "rate", "success_rate", rate.Provider, false, 0, string.Create(
                CultureInfo.InvariantCulture, $"{rate.Percent:0.#} % of {rate.Successes + rate.Failures} attempts succeeded")));
        var clocks = situation.Clocks.GroupBy(clock => clock.Machine).Select(machine => machine.MaxBy(clock => Math.Abs(clock.AheadSeconds))!)
            .Select(clock => new Finding(IncidentKind.Clock, "", "clock", "clock", clock.Machine, false, 0, clock.Words));
        return [.. stalledParts, .. WentBack(situation.Restored), .. tokens, .. rates, .. clocks, .. Burning(situation, tokens)];
    }

    // People have heard of a token that failed within the hour, and of how long it was without a value.
    private static IEnumerable<Finding> Burning(AlertInput situation, List<Finding> failing) => situation.Freshness is not { } freshness ? [] :
        from token in situation.Tokens
        let own = freshness.Of(token.Name)
        where freshness.BurnRate(own) >= FreshnessReport.FastBurn && !situation.Heard.Contains(token.Name) && failing.TrueForAll(finding => finding.Subject != token.Name)
        select new Finding(IncidentKind.Objective, token.Settings.Provider.Name, token.Name, "objective", token.Name, false, 0, string.Create(
            CultureInfo.InvariantCulture,
            $"{token.Name} had no valid token for {DurationFormat.InWords(own.LastHour)} of the last hour, {freshness.BurnRate(own):0} times what its objective of {freshness.Target:0.####} % allows; {Left(freshness.Left(own))}"));

    private static string Left(TimeSpan budget) => budget > TimeSpan.Zero ? $"{DurationFormat.InWords(budget)} of its budget are left" : "its budget is used up";

    private static IEnumerable<Finding> WentBack(IReadOnlyList<string> restored) => restored.Count == 0 ? [] :
        [new(IncidentKind.WentBack, "", "database", "went_back", "database", false, 0,
            $"the database stored {(restored.Count == 1 ? $"an older version of {restored[0]}" : $"older versions of {restored.Count} tokens")} than the one served")];

    /// <summary>What to report about an incident now; null for nothing.</summary>
    /// <param name="complaints">What is said of it now; empty once it is over.</param>
    public static IncidentEvent? Next(Incident incident, IReadOnlyList<Finding> complaints, DateTimeOffset now)
    {
        if (!incident.IsOpen)
        {
            return incident is { ToldAt: not null, RecoveryToldAt: null } ? IncidentEvent.Recovered : null;
        }

        if (incident.ToldAt is null)
        {
            var word = Urgent(incident, complaints, SettledAtLast);
            return now < TellAt(incident, isUrgent: word is not null) ? null : word ?? (incident.CriticalAt is null ? IncidentEvent.Opened : IncidentEvent.Critical);
        }

        // A clock that was put back must not multiply what is told, only delay it.
        var since = now - incident.LastToldAt!.Value;
        if (Urgent(incident, complaints, since) is { } urgent)
        {
            return urgent;
        }

        var stage = complaints.Select(complaint => complaint.Stage).DefaultIfEmpty(0).Max();
        return incident switch
        {
            _ when stage > incident.ToldStage => IncidentEvent.Reminder,
            { SnoozedUntil: { } until } when until > now => null,
            _ when complaints.Select(complaint => complaint.Subject).Except(incident.ToldSubjects).Any() && since >= BetweenNews => IncidentEvent.Joined,

            // A known expiry is reported at its lead times, and not in between.
            // A clock costs no token anything, so that it is wrong is told once.
            { AcknowledgedAt: null, Kind: not IncidentKind.Clock } when stage == 0 && since >= ReminderPauses[Math.Min(incident.Reminders, ReminderPauses.Length - 1)] => IncidentEvent.Reminder,
            _ => null,
        };
    }

    // Regardless of earlier reports and snoozes. Tokens that become urgent one after another are reported together.
    private static IncidentEvent? Urgent(Incident incident, IReadOnlyList<Finding> complaints, TimeSpan since)
    {
        return IsNews(complaint => complaint.IsExpired, incident.ToldExpired) ? IncidentEvent.Expired
            : IsNews(complaint => complaint.IsCritical, incident.ToldCritical) ? IncidentEvent.Critical
            : null;

        bool IsNews(Func<Finding, bool> isSo, List<string> told) =>
            complaints.Where(isSo).Select(complaint => complaint.Subject).Except(told).Any() && (told.Count == 0 || since >= SettledAtLast);
    }

    private static DateTimeOffset TellAt(Incident incident, bool isUrgent)
    {
        if (incident.Flaps > 0 && !isUrgent)
        {
            var pause = FirstFlapPause * Math.Pow(2, Math.Min(incident.Flaps - 1, 10));
            return incident.OpenedAt + (pause < FlapWindow ? pause : FlapWindow);
        }

        if (incident.Kind == IncidentKind.StalledComponent)
        {
            return incident.OpenedAt + Silent;
        }

        var settled = incident.JoinedAt + Settled;
        var atLast = incident.OpenedAt + SettledAtLast;
        return settled < atLast ? settled : atLast;
    }

    private static Finding? OfToken(TokenView token, AlertInput situation, bool isSilent)
    {
        if (token.State is TokenState.NotConfigured or TokenState.Paused || token.Stored is not { } stored)
        {
            return null;
        }

        var isExpired = token.State == TokenState.Expired || (token.State == TokenState.ActionRequired && !token.IsValid);
        var isCritical = isExpired || token.State == TokenState.Critical || (token.State == TokenState.ActionRequired && token.TimeLeft < token.Settings.CriticalThreshold);
        var isToBeImported = isExpired && token is { State: TokenState.ActionRequired, Settings.Order.Grant: Grant.Imported, Stored.RefreshToken: null };
        if (isToBeImported || stored.LastFailure == FailureKind.GrantRevoked)
        {
            return stored.AccessToken is null
                ? Of(IncidentKind.NeedsPerson, "not_imported", "not_imported", 0, "It has not been imported yet.")
                : Of(IncidentKind.NeedsPerson, "grant_revoked", stored.LastErrorCode ?? "grant_revoked", 0, stored.LastError ?? "It has expired, and only a person can start the grant again.");
        }

        if (stored.LastFailure is { } kind && IsFailing(token, stored, kind, situation))
        {
            return Of(IncidentKind.Failed, kind.IsRetryable() ? Passing : kind.Code(), kind.Code(), 0, stored.LastError ?? kind.Code());
        }

        // With nothing running every token is overdue; the stalled component is enough to report until one expires.
        if (stored.LastFailure is null && (token.State is TokenState.Expired or TokenState.ActionRequired || (token.State == TokenState.Degraded && !isSilent)))
        {
            return Of(IncidentKind.Failed, Late, "overdue", 0, token.Settings.NotConfiguredBecause is { } missing
                ? $"The refresh is overdue: {missing}."
                : "The refresh is overdue, and no attempt failed: check the workers and the queue.");
        }

        return StageOf(token, situation.Now) is > 0 and var stage
            ? Of(IncidentKind.NeedsPerson, "expires_soon", "expires_soon", stage, "It cannot be renewed without a person.")
            : null;

        Finding Of(IncidentKind incident, string group, string cause, int stage, string detail) =>
            new(incident, token.Settings.Provider.Name, group, cause, token.Name, isCritical, stage, detail, isExpired);
    }

    // After the last retry; at once if a retry is pointless or the token has expired; and not for a single failed read.
    private static bool IsFailing(TokenView token, Token stored, FailureKind kind, AlertInput situation)
    {
        var isRetryPending = stored.RetryJobId is not null && stored.LeftAloneUntil > situation.Now;
        var enough = situation.Rules.ConsecutiveFailures is > 0 and var failures ? Math.Min(failures, situation.Rules.RunsOfAJob) : situation.Rules.RunsOfAJob;
        return !kind.IsRetryable()
            || token.State == TokenState.Expired

            // What is open ends with a success, not with another job's first failure.
            || situation.Ill.Contains(token.Name)

            // Hardly anything is tried any more while it lives, because the provider asked for so long a pause.
            || (!isRetryPending && RenewalPolicy.IsLeftAloneToItsEnd(stored.IssuedAt, stored.ExpiresAt, stored.LastAttemptAt, stored.NextAttemptAt))
            || (!isRetryPending && stored.ConsecutiveFailures >= (kind == FailureKind.Abandoned ? Math.Min(2, enough) : enough));
    }

    private static int StageOf(TokenView token, DateTimeOffset now)
    {
        // A token that renews itself needs no one; one without a refresh token ends at its expiry.
        if (token.Settings.Order.Grant != Grant.Imported || token.Stored is not { RefreshToken: null, ExpiresAt: { } death })
        {
            return 0;
        }

        return (death - now).TotalDays switch { <= 1 => 3, <= 3 => 2, <= 7 => 1, _ => 0 };
    }
}
