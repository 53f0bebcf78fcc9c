using TokenRefresh.Jobs;
using TokenRefresh.Jobs.Administration;
using TokenRefresh.Jobs.Alerts;
using TokenRefresh.Jobs.Attempts;
using TokenRefresh.Jobs.Health;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;
using TokenRefresh.Server.Access;

namespace TokenRefresh.Server.Pages.Access;

/// <summary>A step to the first served token.</summary>
/// <param name="IsDone">True once it is done.</param>
/// <param name="Path">Where it is done.</param>
internal sealed record SetupStep(bool IsDone, Phrase Words, Phrase Detail, string Path);

/// <summary>The home page: what is wrong, who is hit, until when, what to do.</summary>
internal sealed class OverviewModel(
    CurrentSituation situation, ProviderSummaries summaries, AttemptLog log, ClientKeys clients, NotificationReadinessReader readiness, ITokenProviders providers) : PanelPage
{
    private const int LatestRows = 40, MoreRows = 500, MostRows = 2000, LatestGroups = 6;

    public Situation Situation { get; private set; } = null!;

    public SystemDiagnosis Diagnosis => Situation.Diagnosis;

    public IReadOnlyList<ProviderSummary> Providers { get; private set; } = [];

    /// <summary>The attempts of the last 24 hours.</summary>
    public AttemptStatistics Day { get; private set; } = null!;

    /// <summary>The last attempts, equal failures in a row as one; without skips.</summary>
    public IReadOnlyList<AttemptGroup> Latest { get; private set; } = [];

    /// <summary>The steps to the first served token; empty once one was served.</summary>
    public IReadOnlyList<SetupStep> Setup { get; private set; } = [];

    /// <summary>The earliest expiry; null without a valid token.</summary>
    public TokenView? NextExpiry => Diagnosis.FirstToExpire;

    /// <summary>Tokens that hold something, the first to expire first.</summary>
    public IReadOnlyList<TokenView> Runway => [.. Diagnosis.Tokens.Where(token => token.TimeLeft is not null).OrderBy(token => token.TimeLeft)];

    public async Task OnGetAsync(CancellationToken cancellationToken)
    {
        Situation = await situation.ReadAsync(cancellationToken);

        // Side by side, since each waits for the database.
        var latest = LatestAsync(cancellationToken);
        var providers = summaries.ListAsync(cancellationToken);
        await Task.WhenAll(latest, providers);
        (Latest, (Providers, Day)) = (await latest, await providers);
        Setup = await SetupAsync(cancellationToken);
    }

    // Where equal failures fill what was read, older rows have the other lines.
    private async Task<IReadOnlyList<AttemptGroup>> LatestAsync(CancellationToken cancellationToken)
    {
        var rows = new List<RefreshAttempt>();
        for (var size = LatestRows; ; size = MoreRows)
        {
            var read = await log.RecentAsync(new() { HidesSkips = true }, size, rows.Count == 0 ? null : rows[^1].Id, cancellationToken);
            rows.AddRange(read);
            var groups = await AttemptGroup.FoldAsync(log, rows, cancellationToken);
            if (groups.Count >= LatestGroups || read.Count < size || rows.Count >= MostRows)
            {
                return [.. groups.Take(LatestGroups)];
            }
        }
    }

    private async Task<IReadOnlyList<SetupStep>> SetupAsync(CancellationToken cancellationToken)
    {
        if (!Diagnosis.IsWhole || Diagnosis.Tokens.Any(token => token.Stored?.LastUsedAt is not null))
        {
            return [];
        }

        var configured = providers.All.Where(provider => provider.IsEnabled && provider.MissingSettings.Count == 0).ToList();
        var first = Diagnosis.Tokens.FirstOrDefault(token => token.IsValid);
        var canNotify = await readiness.ReadAsync(cancellationToken);
        var hasClient = (await clients.ListAsync(cancellationToken)).Any(client => client.RevokedAt is null);

        // Administrators get to the form; a provider without tokens is waiting for its first.
        var mayAdd = May(Role.Admin);
        var idle = configured.FirstOrDefault(provider => Diagnosis.Counts.Of(provider.Name).Total == 0);
        return
        [
            new(configured.Count > 0, "Add a provider", configured.Count > 0 ? (Phrase)$"{string.Join(", ", configured.Select(provider => provider.Name))}" : mayAdd ? "Here in the panel, or in the settings" : "An administrator does this", mayAdd && configured.Count == 0 ? PanelPaths.NewProvider : PanelPaths.Providers),
            new(first is not null, "Obtain the first token", first is not null ? (Phrase)$"{first.Name} is valid" : idle is not null ? (Phrase)$"Add a token of {idle.Name}" : "By itself once there is a provider for it", mayAdd && first is null && idle is not null ? $"{PanelPaths.NewToken}?provider={idle.Name}" : PanelPaths.Tokens),
            new(hasClient, "Create a client key", hasClient ? "A program can read tokens with it" : "One for each program that reads tokens", first is not null ? $"{PanelPaths.Clients}?tokens={first.Name}#create" : PanelPaths.Clients),
            new(false, "Read a token", first is not null ? (Phrase)$"{"GET /api/tokens/" + first.Name + "/access-token"}" : "A program does this with its key", first is not null ? $"{PanelPaths.Token(first.Name)}#use" : PanelPaths.Tokens),
            new(canNotify.CanNotify, "Choose who is notified", canNotify.CanNotify ? Phrase.Kept(canNotify.Words) : Phrase.Kept(canNotify.Remedy), $"{PanelPaths.Health}#channels"),
        ];
    }
}
