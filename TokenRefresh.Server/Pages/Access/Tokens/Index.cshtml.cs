using Microsoft.AspNetCore.Mvc;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;
using TokenRefresh.Server.Access;

namespace TokenRefresh.Server.Pages.Access.Tokens;

/// <summary>Every token, most urgent first, and what can be done about it.</summary>
internal sealed class IndexModel(TokenOverview overview, ITokenProviders providers, PanelActions actions) : PanelPage
{
    /// <summary>Only this provider's.</summary>
    [BindProperty(SupportsGet = true)]
    public string? Provider { get; set; }

    /// <summary>Only in this state.</summary>
    [BindProperty(SupportsGet = true)]
    public TokenState? State { get; set; }

    public IReadOnlyList<TokenView> Tokens { get; private set; } = [];

    public IEnumerable<string> Providers => providers.All.Select(provider => provider.Name);

    public int Unwell { get; private set; }

    /// <summary>Is anything wrong now, and what expires next? In one sentence.</summary>
    public string Verdict { get; private set; } = "";

    public bool IsFiltered => !string.IsNullOrEmpty(Provider) || State is not null;

    public async Task OnGetAsync(CancellationToken cancellationToken)
    {
        var all = await overview.ListAsync(null, cancellationToken);
        Unwell = all.Count(token => !token.State.IsWell());
        Tokens = [.. all.Where(token => (string.IsNullOrEmpty(Provider) || token.Settings.Provider.Name.Equals(Provider, StringComparison.OrdinalIgnoreCase)) && (State is null || token.State == State))];
        var next = all.Where(token => token.TimeLeft > TimeSpan.Zero).MinBy(token => token.TimeLeft);
        Verdict = (Unwell switch
        {
            0 when next is null => "Nothing is wrong, and nothing is held.",
            0 => "Nothing is wrong.",
            1 => $"{all.First(token => !token.State.IsWell()).Name} is {all.First(token => !token.State.IsWell()).State.InWords()}.",
            _ => $"{Unwell} of {all.Count} tokens are not well.",
        }) + (next is null ? "" : $" Next to expire: {next.Name}, in {Spans.InWords(next.TimeLeft!.Value)}.");
    }

    [Needs(Role.Operator)]
    public async Task<IActionResult> OnPostRefreshAsync(string name, CancellationToken cancellationToken) => Tell(await actions.RefreshAsync([name], false, Actor, cancellationToken), Back);

    [Needs(Role.Operator)]
    public async Task<IActionResult> OnPostForceAsync(string name, CancellationToken cancellationToken) => Tell(await actions.RefreshAsync([name], true, Actor, cancellationToken), Back);

    [Needs(Role.Operator)]
    public async Task<IActionResult> OnPostTestAsync(string name, CancellationToken cancellationToken) => Tell(await actions.TestAsync(name, Actor, cancellationToken), Back);

    [Needs(Role.Operator)]
    public async Task<IActionResult> OnPostRefreshChosenAsync(string[] names, CancellationToken cancellationToken) => Tell(await actions.RefreshAsync(names, false, Actor, cancellationToken), Back);

    [Needs(Role.Operator)]
    public async Task<IActionResult> OnPostForceChosenAsync(string[] names, CancellationToken cancellationToken) => Tell(await actions.RefreshAsync(names, true, Actor, cancellationToken), Back);

    [Needs(Role.Operator)]
    public async Task<IActionResult> OnPostPauseChosenAsync(string[] names, string? reason, double? hours, CancellationToken cancellationToken) =>
        Tell(await actions.PauseAsync(names, reason ?? "", hours, Actor, cancellationToken), Back);

    [Needs(Role.Operator)]
    public async Task<IActionResult> OnPostResumeChosenAsync(string[] names, CancellationToken cancellationToken) => Tell(await actions.ResumeAsync(names, Actor, cancellationToken), Back);

    private static string Back => "/access/tokens";
}
