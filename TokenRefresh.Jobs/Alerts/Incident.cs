using TokenRefresh.Jobs.Health;

namespace TokenRefresh.Jobs.Alerts;

/// <summary>What an incident is about.</summary>
public enum IncidentKind
{
    /// <summary>Tokens are not refreshed, or not in time.</summary>
    Failed,

    /// <summary>Tokens that only a person can start.</summary>
    NeedsPerson,

    /// <summary>A provider fails too often, though its tokens are fresh.</summary>
    SuccessRate,

    /// <summary>A part of this program is stalled: the due check, the workers, the outbox or the database.</summary>
    StalledComponent,

    /// <summary>A machine's clock differs from a provider's.</summary>
    Clock,

    /// <summary>The database went back in time.</summary>
    WentBack,

    /// <summary>A token that is valid now takes from the budget of its freshness objective too fast.</summary>
    Objective,
}

/// <summary>What is reported about an incident.</summary>
public enum IncidentEvent
{
    /// <summary>It is there.</summary>
    Opened,

    /// <summary>It has become urgent: little life left.</summary>
    Critical,

    /// <summary>A token has expired: programs get none.</summary>
    Expired,

    /// <summary>It has spread to further tokens.</summary>
    Joined,

    /// <summary>It is still there.</summary>
    Reminder,

    /// <summary>It is over.</summary>
    Recovered,
}

/// <summary>The stored names of kinds and words.</summary>
public static class IncidentNames
{
    /// <summary>For example <c>needs_person</c>.</summary>
    public static string Code(this IncidentKind kind) => kind switch
    {
        IncidentKind.Failed => "failed",
        IncidentKind.NeedsPerson => "needs_person",
        IncidentKind.SuccessRate => "success_rate",
        IncidentKind.StalledComponent => "silence",
        IncidentKind.Clock => "clock",
        IncidentKind.WentBack => "went_back",
        IncidentKind.Objective => "objective",
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, null),
    };

    /// <summary>For example <c>recovered</c>.</summary>
    public static string Code(this IncidentEvent word) => word.ToString().ToLowerInvariant();

    /// <summary>The kind of a stored name.</summary>
    public static IncidentKind ParseKind(string code) => Enum.GetValues<IncidentKind>().Single(kind => kind.Code() == code);
}

/// <summary>
/// One episode of a problem, from its detection until it is resolved, with what was reported about it. At most one of a key is
/// open. After it is resolved only the notification of that is noted; the same problem later is a new incident.
/// </summary>
public sealed class Incident
{
    /// <summary>The cause of an incident that ended because nothing is left that it is about.</summary>
    internal const string Removed = "removed";

    private Incident()
    {
    }

    /// <summary>Grows with time.</summary>
    public long Id { get; private set; }

    /// <summary>What makes two complaints the same incident: kind, scope and group.</summary>
    public string Key { get; private set; } = "";

    /// <summary>What it is about.</summary>
    public IncidentKind Kind { get; private set; }

    /// <summary>The provider's name; empty for what is no provider's.</summary>
    public string Scope { get; private set; } = "";

    /// <summary>The error code that most of its subjects have now.</summary>
    public string Cause { get; private set; } = "";

    /// <summary>The cause in the provider's own words.</summary>
    public string Detail { get; private set; } = "";

    /// <summary>The tokens, or the parts of this program, that it is about.</summary>
    public List<string> Subjects { get; private set; } = [];

    /// <summary>The subjects that were reported.</summary>
    public List<string> ToldSubjects { get; private set; } = [];

    /// <summary>Those of the subjects that people were told are critical, as long as they fail.</summary>
    public List<string> ToldCritical { get; private set; } = [];

    /// <summary>Those of the subjects that people were told have expired, as long as they fail.</summary>
    public List<string> ToldExpired { get; private set; } = [];

    /// <summary>When it was found.</summary>
    public DateTimeOffset OpenedAt { get; private set; }

    /// <summary>When the last subject joined.</summary>
    public DateTimeOffset JoinedAt { get; private set; }

    /// <summary>When it became urgent; null while it is not.</summary>
    public DateTimeOffset? CriticalAt { get; private set; }

    /// <summary>When it was over; null while it is open.</summary>
    public DateTimeOffset? ResolvedAt { get; private set; }

    /// <summary>How many episodes of the same key went before it, each within an hour of the next.</summary>
    public int Flaps { get; private set; }

    /// <summary>When it was first reported; null while it was not.</summary>
    public DateTimeOffset? ToldAt { get; private set; }

    /// <summary>When it was last reported.</summary>
    public DateTimeOffset? LastToldAt { get; private set; }

    /// <summary>When they were told that it is urgent.</summary>
    public DateTimeOffset? CriticalToldAt { get; private set; }

    /// <summary>When they were told that it is over.</summary>
    public DateTimeOffset? RecoveryToldAt { get; private set; }

    /// <summary>How often they were reminded.</summary>
    public int Reminders { get; private set; }

    /// <summary>The lead time that was reported last, for a known expiry: 1, 2, 3 for seven, three and one days.</summary>
    public int ToldStage { get; private set; }

    /// <summary>True once a mail about it was written; the end of an incident that was never reported is not reported.</summary>
    public bool WasMailed { get; private set; }

    /// <summary>When it was acknowledged; null if it was not.</summary>
    public DateTimeOffset? AcknowledgedAt { get; private set; }

    /// <summary>Who takes care of it.</summary>
    public string? AcknowledgedBy { get; private set; }

    /// <summary>No reminders are sent until then.</summary>
    public DateTimeOffset? SnoozedUntil { get; private set; }

    /// <summary>What it is about, short enough for a subject or a verdict.</summary>
    public string About => AboutOf(Subjects);

    /// <summary>True where it ended because its tokens, or its provider, were removed.</summary>
    public bool EndedByRemoval => !IsOpen && Cause == Removed;

    /// <summary>True while it is not over.</summary>
    public bool IsOpen => ResolvedAt is null;

    /// <summary>True where its subjects are tokens.</summary>
    public bool IsOfTokens => Kind is IncidentKind.Failed or IncidentKind.NeedsPerson;

    /// <summary>What the Message-ID of its first mail is made of, which all later ones refer to.</summary>
    public string ThreadId => $"{string.Join('.', Key.Split(':', StringSplitOptions.RemoveEmptyEntries))}.{OpenedAt.ToUnixTimeSeconds()}";

    /// <summary>The same where only some of its subjects are meant.</summary>
    public string AboutOf(IReadOnlyList<string> subjects) => Kind switch
    {
        IncidentKind.StalledComponent or IncidentKind.Clock or IncidentKind.WentBack or IncidentKind.Objective => Detail,
        IncidentKind.SuccessRate => $"{Scope}, {Detail}",
        _ when subjects is [var only] => $"{only} ({Cause})",
        _ => $"{subjects.Count} tokens of {Scope} ({Cause})",
    };

    /// <param name="before">The episode before it, where that ended within <see cref="AlertPolicy.FlapWindow"/>.</param>
    internal static Incident Open(Finding complaint, DateTimeOffset now, Incident? before = null) => new()
    {
        Flaps = before is null ? 0 : before.Flaps + 1,
        Key = complaint.Key,
        Kind = complaint.Kind,
        Scope = complaint.Scope,
        Cause = complaint.Cause,
        Detail = complaint.Detail,
        Subjects = [complaint.Subject],
        OpenedAt = now,
        JoinedAt = now,
    };

    internal void Join(string subject, DateTimeOffset now)
    {
        Subjects = [.. Subjects, subject];
        JoinedAt = now;
    }

    /// <summary>Some of its subjects are another incident's now; the end of this one says nothing of them.</summary>
    internal void Leave(IReadOnlyCollection<string> subjects) => Subjects = [.. Subjects.Except(subjects)];

    /// <summary>Takes over the current findings. A lead time that was reported for a subject that is healthy again is reported again for the others.</summary>
    internal void Describe(string cause, string detail, bool isCritical, int stage, DateTimeOffset now)
    {
        (Cause, Detail, ToldStage) = (cause, detail, Math.Min(ToldStage, stage));
        CriticalAt = isCritical ? CriticalAt ?? now : CriticalAt;
    }

    internal void Resolve(DateTimeOffset now) => ResolvedAt = now;

    /// <summary>What it was about is not there any more, which is no recovery: no one is told that it works again.</summary>
    internal void EndWithSubjects(DateTimeOffset now) => (Cause, ResolvedAt, RecoveryToldAt) = (Removed, now, now);

    /// <summary>Its subjects are another incident's now, so its end is no news.</summary>
    internal void Supersede(DateTimeOffset now) => ResolvedAt = RecoveryToldAt = now;

    internal void Told(IncidentEvent word, int stage, bool wasMailed, DateTimeOffset now)
    {
        if (word == IncidentEvent.Recovered)
        {
            RecoveryToldAt = now;
            return;
        }

        ToldAt ??= now;
        LastToldAt = now;
        CriticalToldAt = word == IncidentEvent.Critical ? now : CriticalToldAt;
        Reminders += word == IncidentEvent.Reminder ? 1 : 0;
        ToldStage = Math.Max(ToldStage, stage);
        ToldSubjects = [.. Subjects];
        WasMailed |= wasMailed;
    }

    /// <summary>Remembers of whom people have just been told that it is critical, or has expired.</summary>
    internal void ToldOf(IReadOnlyList<Finding> complaints)
    {
        ToldCritical = [.. ToldCritical.Union(complaints.Where(complaint => complaint.IsCritical).Select(complaint => complaint.Subject))];
        ToldExpired = [.. ToldExpired.Union(complaints.Where(complaint => complaint.IsExpired).Select(complaint => complaint.Subject))];
    }

    /// <summary>What another incident already reported about a subject is not reported again.</summary>
    internal void Inherit(string subject, Incident other)
    {
        ToldCritical = other.ToldCritical.Contains(subject) ? [.. ToldCritical.Union([subject])] : ToldCritical;
        ToldExpired = other.ToldExpired.Contains(subject) ? [.. ToldExpired.Union([subject])] : ToldExpired;
    }

    /// <summary>Who is well again would be news if it became critical again.</summary>
    internal void Forget(IReadOnlyCollection<string> well)
    {
        if (well.Count > 0)
        {
            (ToldCritical, ToldExpired) = ([.. ToldCritical.Except(well)], [.. ToldExpired.Except(well)]);
        }
    }

    internal void Acknowledge(string by, DateTimeOffset now) => (AcknowledgedBy, AcknowledgedAt) = (by, now);

    internal void Snooze(DateTimeOffset until) => SnoozedUntil = until;
}
