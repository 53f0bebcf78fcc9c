using TokenRefresh.Jobs;
using TokenRefresh.Jobs.Alerts;
using TokenRefresh.Jobs.Health;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.TokenCache;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;
using TokenRefresh.Server.Access;

namespace TokenRefresh.Server.Pages;

/// <summary>What a person can do about it.</summary>
internal enum SituationAct
{
    /// <summary>Have the tokens refreshed now.</summary>
    Retry,

    /// <summary>Open a page that says what to do.</summary>
    Open,
}

/// <summary>The act that helps most.</summary>
/// <param name="Tokens">The tokens that are retried; empty for a page.</param>
/// <param name="Path">The page.</param>
internal sealed record SituationStep(SituationAct Act, Phrase Words, IReadOnlyList<string> Tokens, string Path)
{
    /// <summary>Who may do it; null for everyone who may see it.</summary>
    public Role? Needs { get; init; }

    /// <summary>Leads to the channels.</summary>
    public static SituationStep SetUpNotifications { get; } = new(SituationAct.Open, "Set up notifications", [], $"{PanelPaths.Health}#channels");
}

/// <summary>What is wrong, who is hit, until when, and what to do: the sentence of the overview and of the strip on every other page.</summary>
/// <param name="Diagnosis">The judgement that it puts into words.</param>
/// <param name="Heading">How the whole stands.</param>
/// <param name="Details">What else is known, in sentences.</param>
/// <param name="Step">What helps; null where nothing has to be done.</param>
/// <param name="Incident">The open incident that tells of the worst of it; null where none does.</param>
internal sealed record Situation(SystemDiagnosis Diagnosis, Phrase Heading, IReadOnlyList<Phrase> Details, SituationStep? Step, Incident? Incident)
{
    /// <summary>As the stylesheet names it.</summary>
    public string Kind => DiagnosisWords.Kind(Diagnosis.Overall);

    /// <summary>The same of the strip, which also tells that no one can be notified.</summary>
    public string StripKind => IsWrong ? Kind : "is-warning";

    /// <summary>What helps with that which the strip tells.</summary>
    public SituationStep? StripStep => IsWrong ? Step : SituationStep.SetUpNotifications;

    /// <summary>That no one can be notified; null where someone can.</summary>
    public Phrase? Undelivered => Diagnosis.Undelivered is { } reason ? Phrase.Kept(reason.Words + ".") : null;

    /// <summary>What to set so that someone can; null where someone can.</summary>
    public Phrase? Remedy => Diagnosis.Undelivered is { } reason ? Phrase.Kept(reason.Remedy) : null;

    /// <summary>True where something is wrong, not only that no one would be told.</summary>
    public bool IsWrong => Diagnosis.Overall != OverallStatus.Operational;

    /// <summary>True where every page says it.</summary>
    public bool IsTrouble => IsWrong || Diagnosis.Undelivered is not null;
}

/// <summary>Reads the situation once a request.</summary>
internal sealed class CurrentSituation(CurrentDiagnosis diagnosis, ClientReads reads, IncidentService incidents, NotificationReadinessReader readiness, ITokenProviders providers, TimeFormat times)
{
    private const int MostNames = 3, MostProblems = 3;

    private Task<Situation>? read;

    /// <summary>The situation as of the first call in this request; while the database is unreachable, that.</summary>
    public Task<Situation> ReadAsync(CancellationToken cancellationToken) => read ??= LookAsync(cancellationToken);

    private async Task<Situation> LookAsync(CancellationToken cancellationToken)
    {
        try
        {
            var seen = await diagnosis.ReadAsync(cancellationToken);
            var unwell = seen.Unwell.ToList();
            var hit = unwell.Count == 0 ? [] : await reads.ConsumersAsync([.. unwell.Select(token => token.Name)], seen.AsOf.AddDays(-1), cancellationToken);
            var open = seen.Overall == OverallStatus.Operational ? [] : await incidents.OpenAsync(cancellationToken);
            var worst = Worst(seen);
            return new(seen, IsEmpty(seen) && Ready is not null ? "No tokens yet: add the first" : DiagnosisWords.Heading(seen, times), [.. Details(seen, unwell, hit)], Step(seen, unwell), open.FirstOrDefault(incident => worst is null || incident.Subjects.Contains(worst.Name)));
        }
        catch (Exception error) when (DatabaseFaults.IsAway(error))
        {
            // What the settings tell is known all the same.
            var seen = SystemDiagnosis.WithoutDatabase(times.Now);
            return new(seen with { Reasons = [.. seen.Reasons, .. readiness.Configured.Reasons] }, "The database is unreachable", ["Clients still get valid tokens from memory. Nothing is refreshed until the database is back."], null, null);
        }
    }

    private IEnumerable<Phrase> Details(SystemDiagnosis seen, List<TokenView> unwell, IReadOnlyList<Consumer> hit)
    {
        // Where there are several problems the heading only counts.
        var problems = DiagnosisWords.Problems(seen);
        foreach (var problem in problems.Count > 1 ? problems.Take(MostProblems) : [])
        {
            yield return $"{problem}.";
        }

        var down = unwell.Where(token => !token.IsValid).ToList();
        if (down is [{ Stored.ExpiresAt: { } expired } one])
        {
            yield return $"{one.Name} expired at {times.Lately(expired)}.";
        }
        else if (down.Count > 1)
        {
            yield return $"Without a valid token: {Names([.. down.Select(token => token.Name)])}.";
        }

        var refused = hit.Where(client => client.Refused > 0).ToList();
        var others = hit.Select(client => client.Name).Distinct().Except(refused.Select(client => client.Name)).ToList();
        if (refused.Count > 0)
        {
            yield return $"{Names([.. refused.Select(client => client.Name).Distinct()])} got no token {refused.Sum(client => client.Refused)} times in the last 24 h.";
        }

        if (others.Count > 0)
        {
            yield return down.Count > 0 ? $"Also used in the last 24 h by {Names(others)}." : (Phrase)$"Used in the last 24 h by {Names(others)}.";
        }

        if (unwell.Where(token => token.State is not TokenState.ActionRequired && token.NextRefreshAt is not null).MinBy(token => token.NextRefreshAt) is { NextRefreshAt: { } next })
        {
            yield return next <= seen.AsOf ? "The next retry is due now." : (Phrase)$"The next retry is in {TimeSpan.FromSeconds(Math.Ceiling((next - seen.AsOf).TotalSeconds))}.";
        }
    }

    // The worst token comes first in the sentence, so the act is about that one; what can be retried is retried with it.
    private SituationStep? Step(SystemDiagnosis seen, List<TokenView> unwell) => (Worst(seen), seen.Wrong.FirstOrDefault()) switch
    {
        ({ State: TokenState.Degraded or TokenState.Critical or TokenState.Expired }, _) => new(SituationAct.Retry, "Retry now", [.. unwell.Where(token => token.State is TokenState.Degraded or TokenState.Critical or TokenState.Expired).Select(token => token.Name)], PanelPaths.Tokens),
        ({ State: TokenState.ActionRequired, Settings.Order.Grant: Grant.Imported } one, _) => new(SituationAct.Open, "Import a token", [], PanelPaths.Token(one.Name)),
        ({ State: TokenState.ActionRequired } one, _) => new(SituationAct.Open, "How to update the credentials", [], $"{PanelPaths.Provider(one.Settings.Provider.Name)}#credentials"),
        (_, { Part: DiagnosedPart.Schedule or DiagnosedPart.Workers }) => new(SituationAct.Open, "Open System", [], PanelPaths.Health),
        ({ } one, _) => new(SituationAct.Open, "Open the token", [], PanelPaths.Token(one.Name)),
        _ when IsEmpty(seen) => Ready is { } ready
            ? new(SituationAct.Open, "Add token", [], $"{PanelPaths.NewToken}?provider={ready.Name}") { Needs = Role.Admin }
            : new(SituationAct.Open, "Add provider", [], PanelPaths.NewProvider) { Needs = Role.Admin },
        _ when seen.Undelivered is not null => SituationStep.SetUpNotifications,
        _ => null,
    };

    // A provider that could issue the first token.
    private ITokenProvider? Ready => providers.All.FirstOrDefault(provider => provider is { IsEnabled: true, MissingSettings.Count: 0 });

    private static bool IsEmpty(SystemDiagnosis seen) => seen.Overall == OverallStatus.Operational && seen.Counts.Sum(alike => alike.State != TokenState.NotConfigured) == 0;

    private static TokenView? Worst(SystemDiagnosis seen) => seen.Wrong.FirstOrDefault(reason => reason.Part == DiagnosedPart.Token) is { } reason ? seen.Find(reason.Subject) : null;

    private static Phrase Names(List<string> names) => names.Count switch
    {
        1 => (Phrase)$"{names[0]}",
        2 => (Phrase)$"{names[0]} and {names[1]}",
        <= MostNames => (Phrase)$"{names[0]}, {names[1]} and {names[2]}",
        _ => (Phrase)$"{names[0]}, {names[1]} and {names.Count - 2} more",
    };
}
