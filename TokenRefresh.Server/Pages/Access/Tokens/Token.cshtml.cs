using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Mvc.Filters;
using TokenRefresh.Jobs;
using TokenRefresh.Jobs.Catalog;
using TokenRefresh.Jobs.Administration;
using TokenRefresh.Jobs.Health;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Server.Access;

namespace TokenRefresh.Server.Pages.Access.Tokens;

/// <summary>The tabs of a token's page.</summary>
internal enum TokenTab
{
    /// <summary>What was tried.</summary>
    Activity,

    /// <summary>Who uses it.</summary>
    Clients,

    /// <summary>What it is for.</summary>
    Scopes,

    /// <summary>Where it comes from, its lifetimes, and imports.</summary>
    Settings,
}

/// <summary>One token: how it stands, how long it really lives, what was tried, who reads it; and the import of the next.</summary>
internal sealed class TokenModel(
    TokenFinder tokens, CurrentDiagnosis diagnosis, TokenStories stories, MaskedSecrets tails, PanelActions actions, ImportActions imports, TokenDefinitionChanges changes, Subjects subjects) : PanelPage
{
    private const int MostNames = 20;

    [BindProperty(SupportsGet = true)]
    public string Name
    {
        get;

        // What is nothing but blanks is bound as null.
        set => field = value ?? "";
    } = "";

    public TokenView Token { get; private set; } = null!;

    public TokenStory Story { get; private set; } = null!;

    /// <summary>What the page shows below the figures.</summary>
    [BindProperty(SupportsGet = true)]
    public TokenTab Tab { get; set; }

    public static IReadOnlyList<TokenTab> Tabs { get; } = Enum.GetValues<TokenTab>();

    /// <summary>The freshness objective; null while it is not known.</summary>
    public FreshnessReport? Freshness { get; private set; }

    /// <summary>How programs read the token.</summary>
    public IEnumerable<(string Language, string Code)> Snippets
    {
        get
        {
            var address = $"{Request.Scheme}://{Request.Host}{Request.PathBase}";
            return
            [
                ("curl", $"curl -H \"Authorization: Bearer $TOKENREFRESH_KEY\" {address}/api/tokens/{Token.Name}/access-token"),
                ("C#", $"services.AddTokenRefreshClient(new() {{ Server = new(\"{address}\"), Key = Environment.GetEnvironmentVariable(\"TOKENREFRESH_KEY\")! }});\nservices.AddHttpClient(\"api\").AddTokenRefreshHandler(\"{Token.Name}\");"),
                ("PHP", $"$token = json_decode(file_get_contents('{address}/api/tokens/{Token.Name}/access-token', false,\n    stream_context_create(['http' => ['header' => 'Authorization: Bearer ' . getenv('TOKENREFRESH_KEY')]])))->access_token;"),
            ];
        }
    }

    /// <summary>The tails of the stored secrets, on the very answer to the request for them.</summary>
    public MaskedSecret? Tail { get; private set; }

    /// <summary>Whom it belongs to, masked; null for nobody.</summary>
    public string? Subject { get; private set; }

    /// <summary>What was wrong with the last import or the request for tails.</summary>
    public FlashMessage? Problem { get; private set; }

    /// <summary>The expiry that was typed, for the next try; what is secret never comes back.</summary>
    public string? Expires { get; private set; }

    public override async Task OnPageHandlerExecutionAsync(PageHandlerExecutingContext context, PageHandlerExecutionDelegate next)
    {
        if (await diagnosis.FindAsync([Name], HttpContext.RequestAborted) is not [var token])
        {
            var known = await tokens.NamesAsync(new(), MostNames + 1, HttpContext.RequestAborted);
            var names = string.Join(", ", known.Take(MostNames));
            ErrorPages.SayInstead(HttpContext, known.Count > MostNames ? $"No token has that name. Tokens: {names}, and more." : (Phrase)$"No token has that name. Tokens: {names}.");
            context.Result = NotFound();
            return;
        }

        (Token, Freshness) = (token, (await diagnosis.ReadAsync(HttpContext.RequestAborted)).Freshness);
        await next();
    }

    public static Phrase Title(TokenTab tab) => tab.ToString();

    /// <summary>The page with another tab.</summary>
    public string TabAddress(TokenTab tab) => tab == TokenTab.Activity ? Back : $"{Back}?tab={tab}";

    /// <summary>What a button of the settings does.</summary>
    public string Do(string handler) => $"{Back}?tab={TokenTab.Settings}&handler={handler}";

    public async Task OnGetAsync(CancellationToken cancellationToken)
    {
        Story = await stories.ReadAsync(Token.Name, cancellationToken);
        Subject = Tab == TokenTab.Settings ? await subjects.MaskedAsync(Token.Name, cancellationToken) : null;
    }

    [Needs(Role.Operator)]
    public async Task<IActionResult> OnPostRefreshAsync(CancellationToken cancellationToken) => Tell(await actions.RefreshAsync([Token.Name], false, Actor, cancellationToken), Back);

    [Needs(Role.Operator)]
    public async Task<IActionResult> OnPostForceAsync(CancellationToken cancellationToken) => Tell(await actions.RefreshAsync([Token.Name], true, Actor, cancellationToken), Back);

    [Needs(Role.Operator)]
    public async Task<IActionResult> OnPostTestAsync(CancellationToken cancellationToken) => Tell(await actions.TestAsync([Token.Name], Actor, cancellationToken), Back);

    [Needs(Role.Operator)]
    public async Task<IActionResult> OnPostPauseAsync(string? reason, string? hours, CancellationToken cancellationToken) =>
        Tell(await actions.PauseAsync([Token.Name], reason ?? "", hours, Actor, cancellationToken), Back);

    [Needs(Role.Operator)]
    public async Task<IActionResult> OnPostResumeAsync(CancellationToken cancellationToken) => Tell(await actions.ResumeAsync([Token.Name], Actor, cancellationToken), Back);

    /// <summary>Removes a token that was added while the server ran, once its name was typed.</summary>
    [Needs(Role.Admin)]
    public async Task<IActionResult> OnPostRemoveAsync(string? confirmed, CancellationToken cancellationToken) =>
        confirmed?.Trim() != Token.Name ? Tell(new(false, "Nothing was removed: the name was not typed."), TabAddress(TokenTab.Settings))
        : await changes.RemoveAsync(Token.Name, new(Actor), cancellationToken) is CatalogResult.Refused refused ? Tell(new(false, string.Join(" ", refused.Reasons)), TabAddress(TokenTab.Settings))
        : Tell(new(true, $"Removed token {Token.Name}."), PanelPaths.Tokens);

    [Needs(Role.Admin)]
    public Task<IActionResult> OnPostCheckAsync(string? access, string? refresh, string? expires, CancellationToken cancellationToken) =>
        ImportAsync(new(access, refresh, expires, false), store: false, cancellationToken);

    [Needs(Role.Admin)]
    public Task<IActionResult> OnPostImportAsync(string? access, string? refresh, string? expires, bool anyway, CancellationToken cancellationToken) =>
        ImportAsync(new(access, refresh, expires, anyway), store: true, cancellationToken);

    [Needs(Role.Admin)]
    public async Task<IActionResult> OnPostRollBackAsync(CancellationToken cancellationToken) => Tell(await imports.RollBackAsync(Token.Name, Actor, cancellationToken), TabAddress(TokenTab.Settings));

    [Needs(Role.Admin)]
    public async Task<IActionResult> OnPostTailsAsync(string? why, CancellationToken cancellationToken)
    {
        if (string.IsNullOrWhiteSpace(why) || why.Length > PanelActions.LongestReason)
        {
            Problem = new(false, $"Enter a purpose of at most {PanelActions.LongestReason} characters; it is recorded in the audit.");
        }
        else
        {
            Tail = await tails.ShowAsync(Token.Name, why.Trim(), Actor, cancellationToken);
            Problem = Tail is null ? new(false, "There is no stored token.") : null;
        }

        Tab = TokenTab.Settings;
        await OnGetAsync(cancellationToken);
        return Page();
    }

    private string Back => PanelPaths.Token(Token.Name);

    private async Task<IActionResult> ImportAsync(PastedPair pasted, bool store, CancellationToken cancellationToken)
    {
        var (said, isStored) = await imports.ImportAsync(Token.Name, pasted, store, Actor, cancellationToken);
        if (isStored || said.IsWell)
        {
            return Tell(said, TabAddress(TokenTab.Settings));
        }

        (Problem, Expires, Tab) = (said, pasted.Expires, TokenTab.Settings);
        await OnGetAsync(cancellationToken);
        return Page();
    }
}
