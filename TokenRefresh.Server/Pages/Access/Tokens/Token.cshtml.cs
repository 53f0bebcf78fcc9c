using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Mvc.Filters;
using TokenRefresh.Jobs.Access;
using TokenRefresh.Jobs.Attempts;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Server.Access;

namespace TokenRefresh.Server.Pages.Access.Tokens;

/// <summary>One token: how it stands, what was tried, who reads it.</summary>
internal sealed class TokenModel(TokenOverview overview, AttemptLog log, AuditTrail audit, PanelActions actions, TimeProvider clock) : PanelPage
{
    private const int RecentRows = 20;

    [BindProperty(SupportsGet = true)]
    public string Name { get; set; } = "";

    public TokenView Token { get; private set; } = null!;

    public IReadOnlyList<RefreshAttempt> Attempts { get; private set; } = [];

    public IReadOnlyList<TokenReader> Readers { get; private set; } = [];

    public override async Task OnPageHandlerExecutionAsync(PageHandlerExecutingContext context, PageHandlerExecutionDelegate next)
    {
        if (await overview.FindAsync(Name, HttpContext.RequestAborted) is not { } token)
        {
            context.Result = NotFound();
            return;
        }

        Token = token;
        await next();
    }

    public async Task OnGetAsync(CancellationToken cancellationToken)
    {
        Attempts = await log.RecentAsync(new() { Token = Token.Name }, RecentRows, null, cancellationToken);
        Readers = await audit.ReadersAsync(Token.Name, clock.GetUtcNow().AddDays(-7), cancellationToken);
    }

    [Needs(Role.Operator)]
    public async Task<IActionResult> OnPostRefreshAsync(CancellationToken cancellationToken) => Tell(await actions.RefreshAsync([Token.Name], false, Actor, cancellationToken), Back);

    [Needs(Role.Operator)]
    public async Task<IActionResult> OnPostForceAsync(CancellationToken cancellationToken) => Tell(await actions.RefreshAsync([Token.Name], true, Actor, cancellationToken), Back);

    [Needs(Role.Operator)]
    public async Task<IActionResult> OnPostTestAsync(CancellationToken cancellationToken) => Tell(await actions.TestAsync(Token.Name, Actor, cancellationToken), Back);

    [Needs(Role.Operator)]
    public async Task<IActionResult> OnPostPauseAsync(string? reason, double? hours, CancellationToken cancellationToken) =>
        Tell(await actions.PauseAsync([Token.Name], reason ?? "", hours, Actor, cancellationToken), Back);

    [Needs(Role.Operator)]
    public async Task<IActionResult> OnPostResumeAsync(CancellationToken cancellationToken) => Tell(await actions.ResumeAsync([Token.Name], Actor, cancellationToken), Back);

    private string Back => $"/access/tokens/{Token.Name}";
}
