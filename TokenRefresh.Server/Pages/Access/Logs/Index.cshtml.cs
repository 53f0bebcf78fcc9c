using Microsoft.AspNetCore.Http.Extensions;
using Microsoft.AspNetCore.Mvc;
using TokenRefresh.Jobs.Attempts;
using TokenRefresh.Jobs.Refreshing;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;
using TokenRefresh.Server.Access;

namespace TokenRefresh.Server.Pages.Access.Logs;

/// <summary>The log: figures, filters, rows newest first, and refreshes from here.</summary>
internal sealed class IndexModel(AttemptLog log, ConfiguredTokens configured, ITokenProviders providers, PanelActions actions, TimeProvider clock) : PanelPage
{
    public static readonly IReadOnlyList<(int Hours, string Words)> Spells = [(24, "24 hours"), (7 * 24, "7 days"), (30 * 24, "30 days"), (24 * 366, "a year")];

    private const int PageSize = 50;

    [BindProperty(SupportsGet = true)]
    public string? Provider { get; set; }

    [BindProperty(SupportsGet = true)]
    public string? Token { get; set; }

    [BindProperty(SupportsGet = true)]
    public AttemptStatus? Status { get; set; }

    [BindProperty(SupportsGet = true)]
    public RefreshTrigger? Trigger { get; set; }

    [BindProperty(SupportsGet = true)]
    public string? Error { get; set; }

    [BindProperty(SupportsGet = true)]
    public int Hours { get; set; } = 24;

    [BindProperty(SupportsGet = true)]
    public string? Text { get; set; }

    /// <summary>Rows older than the one with this id: the key of the page.</summary>
    [BindProperty(SupportsGet = true)]
    public long? Before { get; set; }

    public AttemptStatistics Figures { get; private set; } = null!;

    public IReadOnlyList<RefreshAttempt> Rows { get; private set; } = [];

    public long? Next { get; private set; }

    public IEnumerable<string> Providers => providers.All.Select(provider => provider.Name);

    public IEnumerable<string> TokenNames => configured.All.Select(token => token.Name);

    public static IEnumerable<string> ErrorCodes => Enum.GetValues<FailureKind>().Select(kind => kind.Code());

    public string HoursShown => Spells.FirstOrDefault(spell => spell.Hours == Hours).Words ?? $"{Hours} hours";

    public bool IsFiltered => HttpContext.Request.Query.Keys.Any(key => key is not ("hours" or "before") && !string.IsNullOrEmpty(HttpContext.Request.Query[key]));

    private AttemptFilter Filter => new()
    {
        Since = clock.GetUtcNow().AddHours(-Math.Clamp(Hours, 1, 24 * 3660)),
        Provider = Blank(Provider)?.ToLowerInvariant(),
        Token = Blank(Token),
        Status = Status,
        Trigger = Trigger,
        ErrorCode = Blank(Error),
        Text = Blank(Text),
    };

    public async Task OnGetAsync(CancellationToken cancellationToken)
    {
        Figures = await log.StatisticsAsync(Filter.Provider, Filter.Since!.Value, cancellationToken, Filter.Token is { } token ? [token] : null);
        var rows = await log.RecentAsync(Filter, PageSize + 1, Before, cancellationToken);
        Rows = [.. rows.Take(PageSize)];
        Next = rows.Count > PageSize ? Rows[^1].Id : null;
    }

    /// <summary>The rows that fit, as a stream.</summary>
    public IActionResult OnGetExport(string format) => format switch
    {
        "csv" or "json" => new LogExport(log, Filter, format == "csv"),
        _ => NotFound(),
    };

    [Needs(Role.Operator)]
    public async Task<IActionResult> OnPostTriggerAsync(string? provider, string? token, bool force, CancellationToken cancellationToken)
    {
        var chosen = configured.All
            .Where(each => each.NotConfiguredBecause is null && (Blank(provider) is not { } p || each.Provider.Name == p) && (Blank(token) is not { } t || each.Name == t))
            .Select(each => each.Name).ToList();
        return Tell(await actions.RefreshAsync(chosen, force, Actor, cancellationToken), "/access/token-refresh-logs");
    }

    [Needs(Role.Operator)]
    public async Task<IActionResult> OnPostRetryAsync(long id, CancellationToken cancellationToken) =>
        await log.FindAsync(id, cancellationToken) is { } row
            ? Tell(await actions.RefreshAsync([row.TokenName], true, Actor, cancellationToken), "/access/token-refresh-logs")
            : NotFound();

    /// <summary>This page with other rows.</summary>
    public string Address(long? before) => With("before", before is null ? null : $"{before}");

    public string Export(string format) => With("handler", "Export") + $"&format={format}";

    private string With(string name, string? value)
    {
        var query = new QueryBuilder(Request.Query.Where(pair => pair.Key is not ("before" or "handler" or "format")).SelectMany(pair => pair.Value, (pair, each) => KeyValuePair.Create(pair.Key, each ?? "")));
        if (value is not null)
        {
            query.Add(name, value);
        }

        return $"{Request.Path}{query}";
    }

    // Postgres knows no NUL in a text.
    private static string? Blank(string? text) => string.IsNullOrWhiteSpace(text) ? null : text.Replace("\0", "", StringComparison.Ordinal).Trim();
}
