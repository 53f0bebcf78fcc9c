using TokenRefresh.Jobs.Tokens;

namespace TokenRefresh.Jobs.Health;

/// <summary>
/// Is anything wrong? The one judgement of all tokens and of the whole, made of what was read at one instant; pages, API, verbs, probes, metrics,
/// alerts, messages and the heartbeat repeat it. Pure.
/// </summary>
/// <param name="AsOf">When it was made.</param>
/// <param name="Tokens">The tokens, most urgent first; of very many only those (<see cref="TokenOverview.MostListed"/>).</param>
/// <param name="Status">When each part was last active; null while the database is unreachable.</param>
/// <param name="Reasons">Everything that keeps it from being operational, and notices; the worst first.</param>
public sealed record SystemDiagnosis(DateTimeOffset AsOf, IReadOnlyList<TokenView> Tokens, SystemStatus? Status, IReadOnlyList<DiagnosisReason> Reasons)
{
    /// <summary>The freshness objective and what is left of its budget.</summary>
    public FreshnessReport Freshness { get; init; } = new(new ObjectiveOptions().Target, new ObjectiveOptions().Window, []);

    /// <summary>All tokens, counted.</summary>
    public TokenCounts Counts { get; init; } = TokenCounts.Of(Tokens);

    /// <summary>True where every token is listed.</summary>
    public bool IsWhole => Counts.Total <= Tokens.Count;

    /// <summary>What can be said while the database is unreachable: no one can tell how the tokens are, and nothing is refreshed.</summary>
    public static SystemDiagnosis WithoutDatabase(DateTimeOffset now) =>
        new(now, [], null, [new(OverallStatus.Outage, DiagnosedPart.Database, "", "the database is unreachable", "database is unreachable")]);

    /// <summary>How the whole stands: as its worst reason.</summary>
    public OverallStatus Overall => Reasons.Select(reason => reason.Level).DefaultIfEmpty(OverallStatus.Operational).Max();

    /// <summary>True where clients get what they need and no one must act: what probes and the heartbeat ask.</summary>
    public bool IsFresh => Overall is OverallStatus.Operational or OverallStatus.Degraded;

    /// <summary>True while some token was never obtained and its first attempt has not ended, as for a moment after the first start.</summary>
    public bool AwaitsFirstTokens => Counts.Sum(alike => alike.State == TokenState.Pending) > 0;

    /// <summary>What is wrong, worst first, without notices.</summary>
    public IEnumerable<DiagnosisReason> Wrong => Reasons.Where(reason => reason.Level > OverallStatus.Operational);

    /// <summary>What is wrong in words that name no token; empty where nothing is.</summary>
    public string WrongWithoutNames => string.Join(", ", Wrong.Select(reason => reason.Anonymous).Distinct());

    /// <summary>Why a person cannot be notified; null where one can, or where that was chosen.</summary>
    public DiagnosisReason? Undelivered => Reasons.FirstOrDefault(reason => reason.Part == DiagnosedPart.Notifications);

    /// <summary>What is not wrong and should be known all the same: a credential that is to be replaced, a node that works with older settings.</summary>
    public IEnumerable<DiagnosisReason> Notices => Reasons.Where(reason => reason is { Level: OverallStatus.Operational, Part: DiagnosedPart.Provider or DiagnosedPart.Settings });

    /// <summary>The parts that are stalled, the outbox included.</summary>
    public IEnumerable<StalledComponent> Stalled => Status?.StalledComponents(AsOf) ?? [];

    /// <summary>The listed tokens that need attention, most urgent first; <see cref="TokenCounts.Unwell"/> counts all.</summary>
    public IEnumerable<TokenView> Unwell => Tokens.Where(token => !token.IsWell);

    /// <summary>The valid token that expires before all others; null without one.</summary>
    public TokenView? FirstToExpire => Tokens.Where(token => token.IsValid).MinBy(token => token.TimeLeft);

    /// <summary>The listed token of that name in any case; null where there is none.</summary>
    public TokenView? Find(string name) => Tokens.FirstOrDefault(token => token.Name.Equals(name, StringComparison.OrdinalIgnoreCase));

    /// <summary>Judges.</summary>
    /// <param name="tokens">The tokens, most urgent first.</param>
    /// <param name="status">When each part of this program was last active.</param>
    /// <param name="others">What other parts of the program add.</param>
    /// <param name="pauses">The recurring jobs that people have paused.</param>
    /// <param name="now">The instant of all of it.</param>
    public static SystemDiagnosis Of(
        IReadOnlyList<TokenView> tokens, SystemStatus status, IEnumerable<DiagnosisReason> others, IEnumerable<RecurringJobPause> pauses, DateTimeOffset now)
    {
        var reasons = tokens.Select(DiagnosisReason.Of).OfType<DiagnosisReason>()
            .Concat(status.StalledComponents(now).Where(stalled => stalled.Part != SystemStatus.Outbox).Select(DiagnosisReason.Of))
            .Concat(others)
            .Concat(pauses.Where(pause => pause.Job is RecurringJobIds.DueTokenRefresh or RecurringJobIds.AutomaticTokenRefresh).Select(DiagnosisReason.Of));
        return new(now, tokens, status, [.. reasons.OrderByDescending(reason => reason.Level)]);
    }
}
