using Microsoft.AspNetCore.Html;
using Microsoft.AspNetCore.Http.Extensions;
using Microsoft.AspNetCore.Mvc;
using TokenRefresh.Jobs;
using TokenRefresh.Jobs.Attempts;
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
internal sealed class IndexModel(CurrentDiagnosis diagnosis, TokenOverview overview, ITokenProviders providers, PanelActions actions, AttemptHours attempts, UptimeStrip strips, SavedFilters filters) : PanelPage
{
    /// <summary>The most tokens on one page.</summary>
    public const int PageSize = 50;

    /// <summary>The names of <see cref="Skip"/> and <see cref="After"/> in an address.</summary>
    public const string SkipKey = "skip", AfterKey = "after";

    private const int HoursShown = 24;

    private ILookup<string, AttemptOutcomes>? hours;

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

    /// <summary>By what they are ordered.</summary>
    [BindProperty(SupportsGet = true)]
    public TokenOrderBy Sort { get; set; }

    /// <summary>As many of those that fit come before this page.</summary>
    [BindProperty(SupportsGet = true)]
    public int Skip { get; set; }

    /// <summary>Of very many tokens, which are listed by name: the last one of the page before.</summary>
    [BindProperty(SupportsGet = true)]
    public string? After { get; set; }

    /// <summary>How many fit; null where that was not counted.</summary>
    public long? Fitting { get; private set; }

    /// <summary>Of very many tokens: the name after which the next page begins; null on the last.</summary>
    public string? Next { get; private set; }

    /// <summary>True where only the most urgent of very many tokens are listed.</summary>
    public bool IsCut => !Diagnosis.IsWhole && !IsByName;

    /// <summary>True where the list is in the order of the names because there are very many.</summary>
    public bool IsByName => !Diagnosis.IsWhole && (IsFiltered || Sort == TokenOrderBy.Name);

    /// <summary>Those of them that this page shows, in the order that was asked for.</summary>
    public IReadOnlyList<TokenView> Tokens { get; private set; } = [];

    /// <summary>The judgement that every other page repeats.</summary>
    public SystemDiagnosis Diagnosis { get; private set; } = null!;

    public IEnumerable<string> Providers => providers.All.Select(provider => provider.Name);

    /// <summary>The tokens of this page by provider, so that one cause shows once; one nameless group where another order than the default was asked for.</summary>
    public IEnumerable<(string? Provider, IReadOnlyList<TokenView> Tokens)> Groups => Sort == TokenOrderBy.Urgency && !IsByName
        ? Tokens.GroupBy(token => token.Settings.Provider.Name).Select(group => ((string?)group.Key, (IReadOnlyList<TokenView>)[.. group]))
        : [(null, Tokens)];

    public bool IsFiltered => Filter.IsAsked;

    /// <summary>What could not be understood, and was left out.</summary>
    public IReadOnlyList<string> Misunderstood => TokenFilter.Misunderstood(Request.Query, ModelState);

    private TokenFilter Filter => new(Provider, State, Text, By);

    /// <summary>How many there are in each state that there is, worst first.</summary>
    public IEnumerable<(TokenState State, long Count)> States => Diagnosis.Counts.States;

    /// <summary>The one cause for which tokens of a provider fail; null where none fails, or for several causes.</summary>
    public static string? Cause(IEnumerable<TokenView> tokens) => tokens.Select(token => token.Stored?.LastErrorCode).OfType<string>().Distinct().ToList() is [var one] ? one : null;

    /// <summary>The last 24 hours of a token, hour by hour.</summary>
    public IHtmlContent Hours(TokenView token)
    {
        var first = new DateTimeOffset(token.AsOf.UtcTicks - (token.AsOf.UtcTicks % TimeSpan.TicksPerHour), TimeSpan.Zero).AddHours(1 - HoursShown);
        var cells = UptimeStrip.Cells((hours?[token.Name] ?? []).Select(hour => new UptimeCell(hour.Hour, hour.Succeeded, hour.Failed)), first, TimeSpan.FromHours(1), HoursShown);
        return strips.Hours(cells, $"24 hours: {cells.Sum(cell => cell.Succeeded)} refreshes succeeded, {cells.Sum(cell => cell.Failed)} failed");
    }

    public async Task OnGetAsync(CancellationToken cancellationToken)
    {
        Diagnosis = await diagnosis.ReadAsync(cancellationToken);
        if (IsByName)
        {
            await ListByNameAsync(cancellationToken);
        }
        else
        {
            ListAll();
        }

        hours = (await attempts.OutcomesAsync(new(Tokens: [.. Tokens.Select(token => token.Name)]), Diagnosis.AsOf.AddHours(1 - HoursShown), cancellationToken)).ToLookup(hour => hour.Token);
    }

    private async Task ListByNameAsync(CancellationToken cancellationToken)
    {
        var found = await overview.PageAsync(Filter.Query(PageSize + 1, After), cancellationToken);
        Tokens = [.. found.Take(PageSize)];
        Next = found.Count > PageSize ? Tokens[^1].Name : null;
        Fitting = Filter with { State = null } is { IsAsked: false } ? Diagnosis.Counts.Sum(alike => State is null || alike.State == State) : null;
    }

    private void ListAll()
    {
        var fitting = Diagnosis.Tokens.Where(Filter.Fits).ToList();
        Fitting = fitting.Count;
        Skip = Math.Clamp(Skip, 0, (Math.Max(1, fitting.Count) - 1) / PageSize * PageSize);
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
        var query = new QueryBuilder(Request.Query.Where(pair => pair.Key is not "handler" && (name == "handler" || !IsPlace(pair.Key)) && !pair.Key.Equals(name, StringComparison.OrdinalIgnoreCase)).SelectMany(pair => pair.Value, (pair, each) => KeyValuePair.Create(pair.Key, each ?? "")));
        if (value is not null)
        {
            query.Add(name, $"{value}");
        }

        return $"{Here}{query}";
    }

    /// <summary>The page on which something is done to all tokens that fit.</summary>
    public string Matching => $"{PanelPaths.Bulk}{new QueryBuilder(Request.Query.Where(pair => pair.Key is not ("handler" or "sort" or SkipKey or AfterKey)).SelectMany(pair => pair.Value, (pair, each) => KeyValuePair.Create(pair.Key, each ?? "")))}";

    /// <summary>What a button of this page does, in the list as it is shown.</summary>
    public string Do(string handler) => Address("handler", handler);

    /// <summary>A button of a row: its name says what to do, its value to which token. An address for each would be much of the page.</summary>
    [Needs(Role.Operator)]
    public Task<IActionResult> OnPostOneAsync(string? refresh, string? force, string? test, CancellationToken cancellationToken) =>
        test is not null ? OnPostTestAsync(test, cancellationToken) : force is not null ? OnPostForceAsync(force, cancellationToken) : OnPostRefreshAsync(refresh, cancellationToken);

    [Needs(Role.Operator)]
    public async Task<IActionResult> OnPostRefreshAsync(string? name, CancellationToken cancellationToken) => Tell(await actions.RefreshAsync(One(name), false, Actor, cancellationToken), Back);

    [Needs(Role.Operator)]
    public async Task<IActionResult> OnPostForceAsync(string? name, CancellationToken cancellationToken) => Tell(await actions.RefreshAsync(One(name), true, Actor, cancellationToken), Back);

    [Needs(Role.Operator)]
    public async Task<IActionResult> OnPostTestAsync(string? name, CancellationToken cancellationToken) => Tell(await actions.TestAsync(One(name), Actor, cancellationToken), Back);

    [Needs(Role.Operator)]
    public async Task<IActionResult> OnPostRefreshChosenAsync(string[] names, CancellationToken cancellationToken) => Tell(await actions.RefreshAsync(names, false, Actor, cancellationToken), Back);

    [Needs(Role.Operator)]
    public async Task<IActionResult> OnPostForceChosenAsync(string[] names, string? back, CancellationToken cancellationToken) =>
        Tell(await actions.RefreshAsync(names, true, Actor, cancellationToken), back ?? Back);

    [Needs(Role.Operator)]
    public async Task<IActionResult> OnPostTestChosenAsync(string[] names, CancellationToken cancellationToken) => Tell(await actions.TestAsync(names, Actor, cancellationToken), Back);

    [Needs(Role.Operator)]
    public async Task<IActionResult> OnPostPauseChosenAsync(string[] names, string? reason, string? hours, CancellationToken cancellationToken) =>
        Tell(await actions.PauseAsync(names, reason ?? "", hours, Actor, cancellationToken), Back);

    [Needs(Role.Operator)]
    public async Task<IActionResult> OnPostResumeChosenAsync(string[] names, CancellationToken cancellationToken) => Tell(await actions.ResumeAsync(names, Actor, cancellationToken), Back);

    /// <summary>Keeps the filter of the list as it is shown.</summary>
    [Needs(Role.Viewer)]
    public async Task<IActionResult> OnPostSaveFilterAsync(string? filter) => Tell(await filters.SaveAsync(User, filter, Back[Here.Length..]), Back);

    [Needs(Role.Viewer)]
    public async Task<IActionResult> OnPostRemoveFilterAsync(string? filter) => Tell(await filters.RemoveAsync(User, filter), Back);

    /// <summary>The filters that the person saved.</summary>
    public IReadOnlyList<SavedFilter> Saved => SavedFilters.Of(User);

    private const string Here = PanelPaths.Tokens;

    private static bool IsPlace(string key) => key.Equals(SkipKey, StringComparison.OrdinalIgnoreCase) || key.Equals(AfterKey, StringComparison.OrdinalIgnoreCase);

    private string Back => Address("handler", null);

    private static string[] One(string? name) => name is null ? [] : [name];
}
