using TokenRefresh.Jobs;
using TokenRefresh.Jobs.Attempts;
using TokenRefresh.Jobs.Health;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;

namespace TokenRefresh.Server.Pages;

/// <summary>One provider as its card shows it.</summary>
/// <param name="Tokens">Its tokens, most urgent first; of very many only some.</param>
/// <param name="Counts">All of them, counted.</param>
/// <param name="Day">Its attempts of the last 24 hours.</param>
/// <param name="Days">Thirty days, the last is today.</param>
/// <param name="OpenUntil">Until when this node's circuit breaker lets no call through; null while it is closed.</param>
internal sealed record ProviderSummary(ITokenProvider Provider, IReadOnlyList<TokenView> Tokens, TokenCounts Counts, AttemptStatistics Day, IReadOnlyList<UptimeCell> Days, DateTimeOffset? OpenUntil)
{
    /// <summary>The earliest expiry of its valid tokens; null without one.</summary>
    public TokenView? NextExpiry => Tokens.Where(token => token.IsValid).MinBy(token => token.TimeLeft);

    /// <summary>How it stands, and its kind as the stylesheet names it.</summary>
    public (string Kind, Phrase Words) Standing => this switch
    {
        { Provider.IsEnabled: false } => ("is-aside", "Switched off"),
        { Provider.MissingSettings.Count: > 0 } => ("is-aside", "No credentials"),
        _ when AreCredentialsRefused => ("is-ill", "Credentials refused"),
        { OpenUntil: not null } => ("is-ill", "Unreachable"),
        _ when Failing(FailureKind.ProviderDown) => ("is-ill", "Unreachable"),
        _ when Tokens.Any(token => token.HasExpired && !token.IsWell) => ("is-ill", "Token expired"),
        _ when Tokens.Any(token => token.Stored?.LastFailure is not null) => ("is-warning", "Failing"),
        { Tokens.Count: 0 } => ("is-aside", "No tokens"),
        _ when Tokens.All(token => token.Stored?.LastSuccessAt is null) => ("is-aside", "Not used yet"),
        _ => ("is-well", "Operational"),
    };

    /// <summary>When its credentials were last accepted: the last time that a token was issued; null for never.</summary>
    public DateTimeOffset? LastAccepted => Tokens.Max(token => token.Stored?.LastSuccessAt);

    /// <summary>True while it refuses the credentials of some token.</summary>
    public bool AreCredentialsRefused => Failing(FailureKind.CredentialRejected);

    private bool Failing(FailureKind kind) => Tokens.Any(token => token.Stored?.LastErrorCode == kind.Code());
}

/// <summary>Reads how providers fare.</summary>
internal sealed class ProviderSummaries(CurrentDiagnosis diagnosis, TokenOverview overview, ITokenProviders providers, AttemptHours hours, TimeProvider clock)
{
    /// <summary>The most tokens of a provider that a page lists.</summary>
    public const int Shown = 100;

    private const int DaysShown = 30;

    private static readonly TimeSpan Day = TimeSpan.FromDays(1);

    /// <summary>Every provider, in trouble first, and the attempts of the last 24 hours of all.</summary>
    public async Task<(IReadOnlyList<ProviderSummary> Providers, AttemptStatistics Day)> ListAsync(CancellationToken cancellationToken)
    {
        var since = clock.GetUtcNow() - Day;
        var periods = await hours.PeriodsAsync(new(), [since], cancellationToken);
        var day = hours.StatisticsAsync(periods, new(), since, cancellationToken);
        var found = ReadAsync(providers.All, new(), periods, since, cancellationToken);
        await Task.WhenAll(day, found);
        return ([.. (await found).OrderBy(summary => summary.Standing.Kind switch { "is-ill" => 0, "is-warning" => 1, "is-well" => 2, _ => 3 })], await day);
    }

    /// <summary>One provider.</summary>
    public async Task<ProviderSummary> OfAsync(ITokenProvider provider, CancellationToken cancellationToken)
    {
        var (scope, since) = (new AttemptScope(provider.Name), clock.GetUtcNow() - Day);
        return (await ReadAsync([provider], scope, await hours.PeriodsAsync(scope, [since], cancellationToken), since, cancellationToken)).Single();
    }

    private async Task<IReadOnlyList<ProviderSummary>> ReadAsync(
        IReadOnlyList<ITokenProvider> asked, AttemptScope scope, IReadOnlyList<AttemptPeriod> periods, DateTimeOffset since, CancellationToken cancellationToken)
    {
        var now = clock.GetUtcNow();
        var first = Midnight(now) - ((DaysShown - 1) * Day);
        var month = (await hours.OutcomesAsync(scope, first, cancellationToken)).ToLookup(hour => hour.Provider);
        var seen = await diagnosis.ReadAsync(cancellationToken);
        var tokens = seen.Tokens.ToLookup(token => token.Settings.Provider.Name);
        return await Task.WhenAll(asked.Select(async provider => new ProviderSummary(
            provider, await TokensAsync(seen, tokens[provider.Name], provider, cancellationToken), seen.Counts.Of(provider.Name), await hours.StatisticsAsync(periods, new(provider.Name), since, cancellationToken),
            UptimeStrip.Cells(month[provider.Name].Select(hour => new UptimeCell(hour.Hour, hour.Succeeded, hour.Failed)), first, Day, DaysShown),
            provider.CircuitOpenUntil is { } until && until > now ? until : null)));
    }

    // Those of a provider without trouble are not among the most urgent of very many.
    private async Task<IReadOnlyList<TokenView>> TokensAsync(SystemDiagnosis seen, IEnumerable<TokenView> listed, ITokenProvider provider, CancellationToken cancellationToken) =>
        seen.IsWhole ? [.. listed] : [.. listed.UnionBy(await overview.PageAsync(new(Shown) { Provider = provider.Name }, cancellationToken), token => token.Name)];

    private static DateTimeOffset Midnight(DateTimeOffset now) => new(now.UtcTicks - (now.UtcTicks % TimeSpan.TicksPerDay), TimeSpan.Zero);
}
