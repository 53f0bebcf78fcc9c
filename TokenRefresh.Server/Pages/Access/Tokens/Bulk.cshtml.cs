using Microsoft.AspNetCore.Http.Extensions;
using Microsoft.AspNetCore.Mvc;
using TokenRefresh.Jobs.Administration;
using TokenRefresh.Jobs.Health;
using TokenRefresh.Jobs.Scheduling;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Server.Access;

namespace TokenRefresh.Server.Pages.Access.Tokens;

/// <summary>Does something to all tokens that match a filter: shows how many they are, and asks once.</summary>
internal sealed class BulkModel(CurrentDiagnosis diagnosis, TokenOverview overview, BulkRuns runs, AuditTrail audit, PanelActions actions) : PanelPage
{
    /// <summary>So many names are shown.</summary>
    public const int Shown = 50;

    [BindProperty(SupportsGet = true)]
    public string? Provider { get; set; }

    [BindProperty(SupportsGet = true)]
    public TokenState? State { get; set; }

    [BindProperty(SupportsGet = true)]
    public string? Text { get; set; }

    [BindProperty(SupportsGet = true)]
    public RenewedBy? By { get; set; }

    /// <summary>Why they are to be paused, as it was typed.</summary>
    [BindProperty]
    public string? Reason { get; set; }

    /// <summary>For how long they are to be paused, as it was chosen.</summary>
    [BindProperty]
    public string? Hours { get; set; }

    /// <summary>What is wrong with what was asked for; null where nothing is.</summary>
    public FlashMessage? Problem { get; private set; }

    /// <summary>What could not be understood. Nothing matches then: what is done to all must not be done to more than was meant.</summary>
    public IReadOnlyList<string> Misunderstood => TokenFilter.Misunderstood(Request.Query, ModelState);

    /// <summary>The list with the same filter.</summary>
    public string Back => $"{PanelPaths.Tokens}{TokenFilter.Kept(Request.Query)}";

    /// <summary>The most tokens that one click acts on.</summary>
    public const int Most = 5000;

    /// <summary>True where more match than one click acts on.</summary>
    public bool IsTooMany { get; private set; }

    /// <summary>The tokens that match now.</summary>
    public IReadOnlyList<TokenView> Tokens { get; private set; } = [];

    public async Task OnGetAsync(CancellationToken cancellationToken) => Tokens = await MatchingAsync(cancellationToken);

    [Needs(Role.Operator)]
    public Task<IActionResult> OnPostRefreshAsync(CancellationToken cancellationToken) => StartAsync(false, cancellationToken);

    [Needs(Role.Operator)]
    public Task<IActionResult> OnPostForceAsync(CancellationToken cancellationToken) => StartAsync(true, cancellationToken);

    [Needs(Role.Operator)]
    public async Task<IActionResult> OnPostPauseAsync(CancellationToken cancellationToken) =>
        await OutcomeAsync(await actions.PauseAsync([.. (await MatchingAsync(cancellationToken)).Select(token => token.Name)], Reason ?? "", Hours, Actor, cancellationToken), cancellationToken);

    [Needs(Role.Operator)]
    public async Task<IActionResult> OnPostResumeAsync(CancellationToken cancellationToken) =>
        await OutcomeAsync(
            (await MatchingAsync(cancellationToken)).Where(token => token.State == TokenState.Paused).Select(token => token.Name).ToList() is { Count: > 0 } paused
                ? await actions.ResumeAsync(paused, Actor, cancellationToken)
                : new(false, "None of these tokens is paused."),
            cancellationToken);

    /// <summary>What a button of this page does, with the filter as it is.</summary>
    public string Do(string handler) => new QueryBuilder(TokenFilter.Kept(Request.Query)) { { "handler", handler } }.ToString();

    private async Task<IReadOnlyList<TokenView>> MatchingAsync(CancellationToken cancellationToken)
    {
        if (Misunderstood.Count > 0)
        {
            return [];
        }

        var (seen, filter) = (await diagnosis.ReadAsync(cancellationToken), new TokenFilter(Provider, State, Text, By));
        if (seen.IsWhole)
        {
            return [.. seen.Tokens.Where(filter.Fits)];
        }

        var found = await overview.PageAsync(filter.Query(Most + 1), cancellationToken);
        IsTooMany = found.Count > Most;
        return IsTooMany ? [] : found;
    }

    // Who has made a mistake keeps the page, its filter and what was typed.
    private async Task<IActionResult> OutcomeAsync(FlashMessage said, CancellationToken cancellationToken)
    {
        if (said.IsWell)
        {
            return Tell(said, Back);
        }

        (Problem, Tokens) = (said, await MatchingAsync(cancellationToken));
        return Page();
    }

    private async Task<IActionResult> StartAsync(bool isForced, CancellationToken cancellationToken)
    {
        string[] names = [.. (await MatchingAsync(cancellationToken)).Where(token => token.Settings.NotConfiguredBecause is null).Select(token => token.Name)];
        if (names.Length == 0)
        {
            return await OutcomeAsync(new(false, "None of these tokens is configured."), cancellationToken);
        }

        var (run, jobs) = await runs.StartAsync(names, isForced, Actor, cancellationToken);
        await audit.WriteRefreshesAsync(Actor, isForced, jobs);
        return LocalRedirect($"~{PanelPaths.Bulk}/{run.Id}");
    }
}
