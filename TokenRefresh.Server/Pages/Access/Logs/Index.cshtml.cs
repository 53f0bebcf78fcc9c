using Microsoft.AspNetCore.Mvc;
using Microsoft.Extensions.Options;
using TokenRefresh.Jobs;
using TokenRefresh.Jobs.Attempts;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;
using TokenRefresh.Server.Access;

namespace TokenRefresh.Server.Pages.Access.Logs;

/// <summary>What has come to the log since the page was shown.</summary>
/// <param name="Newer">Newer rows that fit, at most <see cref="IndexModel.MostNews"/>.</param>
/// <param name="Ended">Attempts that the page shows as running and that have ended since.</param>
/// <param name="Ask">Where to ask for news again.</param>
/// <param name="Show">The page with them.</param>
internal sealed record LogNews(int Newer, int Ended, string Ask, string Show);

/// <summary>The log: figures, charts, filters, rows in an order that an index has, and refreshes from here.</summary>
internal sealed class IndexModel(
    AttemptLog log, AttemptHours hours, TokenFinder tokens, ITokenProviders providers, PanelActions actions, TimeFormat times, PanelText text, IOptions<ScheduleOptions> schedule, TimeProvider clock)
    : PanelPage
{
    public const int MostNews = 1000, MostTriggered = 1000, MostOffered = 200;

    private const string Here = PanelPaths.Log;
    private const int PageSize = 50;

    /// <summary>The times that the filter offers.</summary>
    public static readonly IReadOnlyList<(int Hours, string Words)> Spells = [.. LogFigures.Spells, (24 * 366, "a year")];

    public LogQuery Asked { get; private set; } = null!;

    public LogFigures Figures { get; private set; } = null!;

    public AttemptPage Found { get; private set; } = null!;

    /// <summary>The rows of this page, equal failures in a row as one where they stand in the order of time.</summary>
    public IReadOnlyList<AttemptGroup> Groups { get; private set; } = [];

    public LogNews? News { get; private set; }

    public LogCharts Charts { get; } = new(times, text);

    public IEnumerable<string> Providers => providers.All.Select(provider => provider.Name);

    /// <summary>The names that the fields offer; those of a large catalogue are typed.</summary>
    public IReadOnlyList<string> TokenNames { get; private set; } = [];

    public static IEnumerable<string> ErrorCodes => Enum.GetValues<FailureKind>().Select(kind => kind.Code());

    public string SpellShown => Spells.FirstOrDefault(spell => spell.Hours == Asked.Hours).Words ?? $"{Asked.Hours} hours";

    public async Task<IActionResult> OnGetAsync(CancellationToken cancellationToken)
    {
        Ask();
        if (Asked.IsKeyWrong)
        {
            return NotFound();
        }

        TokenNames = await tokens.NamesAsync(new(), MostOffered + 1, cancellationToken);

        // Side by side, since each waits for the database.
        var figures = LogFigures.ReadAsync(hours, Asked.Scope, clock.GetUtcNow(), Asked.Chart, cancellationToken);
        var found = log.PageAsync(Asked.Filter, Asked.Order, Asked.Key, PageSize, cancellationToken);
        await Task.WhenAll(figures, found);
        (Figures, Found) = (await figures, await found);
        Groups = Asked.Order is AttemptOrder.Newest or AttemptOrder.Oldest ? await AttemptGroup.FoldAsync(log, Found.Rows, cancellationToken) : [.. Found.Rows.Select(AttemptGroup.Of)];
        if (Asked is { Key: null, Order: AttemptOrder.Newest })
        {
            var newest = Found.Rows.Count > 0 ? AttemptKey.Of(Found.Rows[0], AttemptOrder.Newest) : new(clock.GetUtcNow().UtcTicks, 0);
            News = Tell(0, 0, $"{newest}", string.Join('.', Found.Rows.Where(row => row.Status == AttemptStatus.Running).Select(row => row.Id)));
        }

        return Page();
    }

    /// <summary>What is new since the page was shown: told, not put under the reader's eyes.</summary>
    public async Task<IActionResult> OnGetNewsAsync(string after, string? running, CancellationToken cancellationToken)
    {
        Ask();
        if (AttemptKey.Parse(after) is not { } newest)
        {
            return NotFound();
        }

        var ended = 0;
        foreach (var id in (running ?? "").Split('.').Take(PageSize).Select(text => long.TryParse(text, out var id) ? id : 0))
        {
            ended += await log.FindAsync(id, cancellationToken) is { Status: not AttemptStatus.Running } ? 1 : 0;
        }

        return Partial("_News", Tell(await log.NewerAsync(Asked.Filter, newest, MostNews, cancellationToken), ended, after, running));
    }

    /// <summary>The rows that fit, as a stream.</summary>
    public IActionResult OnGetExport(string format)
    {
        Ask();
        return format is "csv" or "json" ? new LogExport(log, Asked.Filter, format == "csv") : NotFound();
    }

    [Needs(Role.Operator)]
    public async Task<IActionResult> OnPostTriggerAsync(string? provider, string? token, bool force, string? back, CancellationToken cancellationToken)
    {
        var (asked, named) = (LogQuery.Blank(provider), LogQuery.Blank(token));
        var chosen = named is null
            ? await tokens.FindAsync(await tokens.NamesAsync(new(asked is null ? null : [asked]), MostTriggered + 1, cancellationToken), cancellationToken)
            : [.. (await tokens.FindAsync([named], cancellationToken)).Where(each => asked is null || each.Provider.Name == asked)];
        var said = chosen.Count == 0 ? new FlashMessage(false, "This provider has no token with that name.")
            : chosen.Count > MostTriggered ? new(false, $"These are more than {MostTriggered} tokens. Choose one, or use the Tokens page.")
            : await actions.RefreshAsync([.. chosen.Where(each => each.NotConfiguredBecause is null).Select(each => each.Name)], force, Actor, cancellationToken);
        return Tell(said, back ?? Here);
    }

    [Needs(Role.Operator)]
    public async Task<IActionResult> OnPostRetryAsync(long id, string? back, CancellationToken cancellationToken) =>
        await log.FindAsync(id, cancellationToken) is { } row
            ? Tell(await actions.RefreshAsync([row.TokenName], true, Actor, cancellationToken), back ?? Here)
            : NotFound();

    /// <summary>The heading's order: what a click on it brings, and what it says to a screen reader.</summary>
    public (string Address, string? Sorted) Heading(AttemptOrder first, AttemptOrder second) =>
        (Asked.With(("order", Asked.Order == first ? $"{second}" : $"{first}")), Asked.Order == first ? Falls(first) : Asked.Order == second ? Falls(second) : null);

    private static string Falls(AttemptOrder order) => order is AttemptOrder.Newest or AttemptOrder.Longest ? "descending" : "ascending";

    private void Ask() => Asked = new(Request.Query, schedule.Value.Zone, clock.GetUtcNow());

    // The address with the news differs from the page's own, or a browser would only scroll.
    private LogNews Tell(int newer, int ended, string after, string? running) =>
        new(newer, ended, Asked.With(("handler", "News"), ("after", after), ("running", running)), Asked.With(("seen", after)));
}
