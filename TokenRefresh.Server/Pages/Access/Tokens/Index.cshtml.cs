using Microsoft.AspNetCore.Http.Extensions;
using Microsoft.AspNetCore.Mvc;
using TokenRefresh.Jobs.Health;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;
using TokenRefresh.Server.Access;

namespace TokenRefresh.Server.Pages.Access.Tokens;

/// <summary>By what the tokens are ordered.</summary>
internal enum TokenOrderBy
{
    /// <summary>The worst first, then the first to expire.</summary>
    Urgency,

    /// <summary>By name.</summary>
    Name,

    /// <summary>The first to expire first.</summary>
    Left,

    /// <summary>The first to be refreshed first.</summary>
    Next,
}

/// <summary>Every token, most urgent first, and what can be done about it.</summary>
internal sealed class IndexModel(CurrentDiagnosis diagnosis, ITokenProviders providers, PanelActions actions) : PanelPage
{
    /// <summary>The most tokens on one page.</summary>
    public const int PageSize = 100;

    /// <summary>The name of <see cref="Skip"/> in an address.</summary>
    public const string SkipKey = "skip";

    /// <summary>Only this provider's.</summary>
    [BindProperty(SupportsGet = true)]
    public string? Provider { get; set; }

    /// <summary>Only in this state.</summary>
    [BindProperty(SupportsGet = true)]
    public TokenState? State { get; set; }

    /// <summary>Only those whose name or scopes hold this.</summary>
    [BindProperty(SupportsGet = true)]
    public string? Text { get; set; }

    /// <summary>Only those that it renews.</summary>
    [BindProperty(SupportsGet = true)]
    public RenewedBy? By { get; set; }

    [BindProperty(SupportsGet = true)]
    public TokenOrderBy Sort { get; set; }

    /// <summary>As many of those that fit come before this page.</summary>
    [BindProperty(SupportsGet = true)]
    public int Skip { get; set; }

    /// <summary>How many fit.</summary>
    public int Fitting { get; private set; }

    /// <summary>Those of them that this page shows, in the order that was asked for.</summary>
    public IReadOnlyList<TokenView> Tokens { get; private set; } = [];

    /// <summary>Every token, most urgent first.</summary>
    public IReadOnlyList<TokenView> All => Diagnosis.Tokens;

    /// <summary>The judgement that every other page repeats.</summary>
    public SystemDiagnosis Diagnosis { get; private set; } = null!;

    public IEnumerable<string> Providers => providers.All.Select(provider => provider.Name);

    /// <summary>The earliest expiry; null without any token.</summary>
    public TokenView? FirstToExpire => All.Where(token => token.TimeLeft > TimeSpan.Zero).MinBy(token => token.TimeLeft);

    /// <summary>What is refreshed first; null where nothing is planned.</summary>
    public TokenView? FirstToRefresh => All.Where(token => token.NextRefreshAt is not null).MinBy(token => token.NextRefreshAt);

    public bool IsFiltered => !string.IsNullOrEmpty(Provider) || State is not null || !string.IsNullOrWhiteSpace(Text) || By is not null;

    /// <summary>How many there are in each state that there is, worst first.</summary>
    public IEnumerable<(TokenState State, int Count)> States => All.GroupBy(token => token.State).OrderByDescending(group => group.Key).Select(group => (group.Key, group.Count()));

    public async Task OnGetAsync(CancellationToken cancellationToken)
    {
        Diagnosis = await diagnosis.ReadAsync(cancellationToken);
        var fitting = All.Where(Fits).ToList();
        Fitting = fitting.Count;
        Skip = Math.Clamp(Skip, 0, (Math.Max(1, Fitting) - 1) / PageSize * PageSize);
        Tokens = [.. (Sort switch
        {
            TokenOrderBy.Name => fitting.OrderBy(token => token.Name, StringComparer.Ordinal),
            TokenOrderBy.Left => fitting.OrderBy(token => token.TimeLeft ?? TimeSpan.MaxValue),
            TokenOrderBy.Next => fitting.OrderBy(token => token.NextRefreshAt ?? DateTimeOffset.MaxValue),
            _ => fitting.AsEnumerable(),
        }).Skip(Skip).Take(PageSize)];
    }

    /// <summary>This page, with one thing asked for otherwise; null for no more. Another order or filter begins at the first page.</summary>
    public string Address(string name, object? value)
    {
        var query = new QueryBuilder(Request.Query.Where(pair => pair.Key is not "handler" && (name == "handler" || !pair.Key.Equals(SkipKey, StringComparison.OrdinalIgnoreCase)) && !pair.Key.Equals(name, StringComparison.OrdinalIgnoreCase)).SelectMany(pair => pair.Value, (pair, each) => KeyValuePair.Create(pair.Key, each ?? "")));
        if (value is not null)
        {
            query.Add(name, $"{value}");
        }

        return $"{Here}{query}";
    }

    /// <summary>What a button of this page does, in the list as it is shown.</summary>
    public string Do(string handler) => Address("handler", handler);

    [Needs(Role.Operator)]
    public async Task<IActionResult> OnPostRefreshAsync(string? name, CancellationToken cancellationToken) => Tell(await actions.RefreshAsync(One(name), false, Actor, cancellationToken), Back);

    [Needs(Role.Operator)]
    public async Task<IActionResult> OnPostForceAsync(string? name, CancellationToken cancellationToken) => Tell(await actions.RefreshAsync(One(name), true, Actor, cancellationToken), Back);

    [Needs(Role.Operator)]
    public async Task<IActionResult> OnPostTestAsync(string? name, CancellationToken cancellationToken) => Tell(await actions.TestAsync(One(name), Actor, cancellationToken), Back);

    [Needs(Role.Operator)]
    public async Task<IActionResult> OnPostRefreshChosenAsync(string[] names, CancellationToken cancellationToken) => Tell(await actions.RefreshAsync(names, false, Actor, cancellationToken), Back);

    [Needs(Role.Operator)]
    public async Task<IActionResult> OnPostForceChosenAsync(string[] names, CancellationToken cancellationToken) => Tell(await actions.RefreshAsync(names, true, Actor, cancellationToken), Back);

    [Needs(Role.Operator)]
    public async Task<IActionResult> OnPostTestChosenAsync(string[] names, CancellationToken cancellationToken) => Tell(await actions.TestAsync(names, Actor, cancellationToken), Back);

    [Needs(Role.Operator)]
    public async Task<IActionResult> OnPostPauseChosenAsync(string[] names, string? reason, string? hours, CancellationToken cancellationToken) =>
        Tell(await actions.PauseAsync(names, reason ?? "", hours, Actor, cancellationToken), Back);

    [Needs(Role.Operator)]
    public async Task<IActionResult> OnPostResumeChosenAsync(string[] names, CancellationToken cancellationToken) => Tell(await actions.ResumeAsync(names, Actor, cancellationToken), Back);

    private const string Here = PanelPaths.Tokens;

    private string Back => Address("handler", null);

    private static string[] One(string? name) => name is null ? [] : [name];

    private bool Fits(TokenView token) =>
        (string.IsNullOrEmpty(Provider) || token.Settings.Provider.Name.Equals(Provider, StringComparison.OrdinalIgnoreCase))
        && (State is null || token.State == State)
        && (By is null || token.RenewedBy == By)
        && (Text?.Trim() is not { Length: > 0 } text
            || token.Name.Contains(text, StringComparison.OrdinalIgnoreCase)
            || token.Settings.Order.Scopes.Any(scope => scope.Contains(text, StringComparison.OrdinalIgnoreCase)));
}
