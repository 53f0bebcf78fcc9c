using System.Globalization;
using System.Text.Json;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Mvc.Filters;
using TokenRefresh.Jobs.Administration;
using TokenRefresh.Jobs.Attempts;
using TokenRefresh.Jobs.Catalog;
using TokenRefresh.Jobs.Health;
using TokenRefresh.Providers;
using TokenRefresh.Server.Access;
using TokenRefresh.Server.Sandbox;

namespace TokenRefresh.Server.Pages.Access;

/// <summary>One provider: credentials, circuit breaker, tokens, recent failures, and in Development the outage that can be rehearsed.</summary>
internal sealed class ProviderModel(
    ProviderSummaries summaries, ITokenProviders providers, AttemptLog log, ProviderChanges changes, ProviderAdoption adoption, NextCredentialsInUse nextCredentials, AuditTrail audit, SandboxBehaviours? sandbox = null) : PanelPage
{
    private const int FailuresRead = 100, FailuresShown = 10;

    [BindProperty(SupportsGet = true)]
    public string Name
    {
        get;

        // What is nothing but blanks is bound as null.
        set => field = value ?? "";
    } = "";

    /// <summary>How it fares.</summary>
    public ProviderSummary Summary { get; private set; } = null!;

    /// <summary>The last failures, equal ones in a row as one.</summary>
    public IReadOnlyList<AttemptGroup> Failures { get; private set; } = [];

    /// <summary>True while the present credential is refused and the one that follows it is taken.</summary>
    public bool IsNextCredentialInUse { get; private set; }

    /// <summary>How its stand-in behaves; null where there is no sandbox, and for viewers.</summary>
    public SandboxStatus? StandIn { get; private set; }

    /// <summary>True where it can be moved into the database.</summary>
    public bool CanAdopt { get; private set; }

    /// <summary>Settings of this server that are not used, because it was moved into the database.</summary>
    public IReadOnlyList<string> UnusedSettings { get; private set; } = [];

    /// <summary>Its row; null where it has none.</summary>
    public ProviderRow? Row { get; private set; }

    /// <summary>Its settings but for the secrets, by name.</summary>
    public IReadOnlyDictionary<string, string> Settings => JsonSerializer.Deserialize<SortedDictionary<string, string>>(Row?.Settings ?? "{}")!;

    /// <summary>Its credentials, masked; what is required and no secret stands among the settings.</summary>
    public IEnumerable<MaskedCredential> Credentials => Provider.Credentials.Concat(Provider.NextCredentials).Where(credential => !Settings.ContainsKey(credential.Setting.Split(' ')[0].Split("__")[^1]));

    /// <summary>True where the person may add a token, and the provider can issue one.</summary>
    public bool MayAddToken => May(Role.Admin) && Provider is { IsEnabled: true, MissingSettings.Count: 0 };

    public static string[] Modes { get; } = SandboxBehaviourForm.Allowed["mode"].Split(", ");

    private ITokenProvider Provider => Summary.Provider;

    private string Back => PanelPaths.Provider(Provider.Name);

    public override async Task OnPageHandlerExecutionAsync(PageHandlerExecutingContext context, PageHandlerExecutionDelegate next)
    {
        if (providers.Find(Name) is not { } provider)
        {
            ErrorPages.SayInstead(HttpContext, $"No provider has that name. Providers: {string.Join(", ", providers.All.Select(known => known.Name))}.");
            context.Result = NotFound();
            return;
        }

        Summary = await summaries.OfAsync(provider, HttpContext.RequestAborted);
        await next();
    }

    public async Task OnGetAsync(CancellationToken cancellationToken)
    {
        Failures = [.. (await AttemptGroup.FoldAsync(log, await log.RecentAsync(new() { Provider = Provider.Name, Status = AttemptStatus.Failed }, FailuresRead, null, cancellationToken), cancellationToken)).Take(FailuresShown)];
        IsNextCredentialInUse = await nextCredentials.IsOfAsync(Provider, cancellationToken);
        Row = await changes.FindAsync(Provider.Name, cancellationToken);
        if (Row is { } row)
        {
            (CanAdopt, UnusedSettings) = (May(Role.Admin) && adoption.Offers(row), adoption.UnusedSettings(row));
        }

        StandIn = sandbox is not null && May(Role.Operator) && SandboxBehaviourApi.Providers.Contains(Provider.Name) ? await sandbox.FindAsync(Provider.Name, cancellationToken) : null;
    }

    /// <summary>Acquires a token and throws it away.</summary>
    [Needs(Role.Admin)]
    public async Task<IActionResult> OnPostTestAsync(CancellationToken cancellationToken)
    {
        if (Provider.MissingSettings is { Count: > 0 } missing)
        {
            return Tell(new(false, $"{Provider.Name} issues no token: missing {string.Join(", ", missing.Select(setting => setting.Split(' ')[0]))}."), Back);
        }

        var failure = await changes.TestAsync(Provider, cancellationToken);
        return Tell(failure is null ? new(true, $"{Provider.Name} has issued a token; it was thrown away.") : new(false, $"{Provider.Name} issues no token: {failure.Kind.Code()}: {failure.Reason}."), Back);
    }

    /// <summary>Moves a declared provider into the database.</summary>
    [Needs(Role.Admin)]
    public async Task<IActionResult> OnPostAdoptAsync(CancellationToken cancellationToken) =>
        await adoption.AdoptAsync(Provider.Name, new(Actor), cancellationToken) is CatalogResult.Refused refused
            ? Tell(new(false, string.Join(" ", refused.Reasons)), Back)
            : Tell(new(true, $"Provider {Provider.Name} is managed from now on."), Back);

    /// <summary>Makes the credential that follows the present one the present one; it is tried first.</summary>
    [Needs(Role.Admin)]
    public async Task<IActionResult> OnPostPromoteAsync(CancellationToken cancellationToken) =>
        Tell(await changes.PromoteAsync(Provider.Name, new(Actor), cancellationToken) is CatalogResult.Refused refused
            ? new(false, string.Join(" ", refused.Reasons))
            : new(true, $"The next credential of {Provider.Name} is the present one now."), Back);

    /// <summary>Removes a provider that was added while the server ran, once its name was typed.</summary>
    [Needs(Role.Admin)]
    public async Task<IActionResult> OnPostRemoveAsync(string? confirmed, string? tag, CancellationToken cancellationToken) =>
        confirmed?.Trim() != Provider.Name ? Tell(new(false, "Nothing was removed: the name was not typed."), Back)
        : await changes.RemoveAsync(Provider.Name, new(Actor, Tag: string.IsNullOrEmpty(tag) ? null : tag), cancellationToken) is CatalogResult.Refused refused ? Tell(new(false, string.Join(" ", refused.Reasons)), Back)
        : Tell(new(true, $"Removed provider {Provider.Name}."), PanelPaths.Providers);

    /// <summary>Lets a stand-in fail, so that an outage is rehearsed; a form without a mode brings it back to normal.</summary>
    [Needs(Role.Operator)]
    public async Task<IActionResult> OnPostSandboxAsync(string? mode, string? failNext, string? lifetime, CancellationToken cancellationToken)
    {
        if (sandbox is null || !SandboxBehaviourApi.Providers.Contains(Provider.Name))
        {
            return NotFound();
        }

        var asked = new Dictionary<string, object?> { ["mode"] = string.IsNullOrEmpty(mode) ? "normal" : mode, ["fail_next"] = Number(failNext), ["lifetime_seconds"] = Number(lifetime) };
        if (SandboxBehaviourForm.Read(JsonSerializer.SerializeToElement(asked), out var faults) is not { } behaviour)
        {
            return Tell(new(false, $"Nothing was changed. {string.Join(" ", faults.Select(fault => $"{fault.Key}: {string.Join(" ", fault.Value)}"))}"), Back);
        }

        await sandbox.ReplaceAsync(Provider.Name, behaviour, cancellationToken);
        await audit.WriteAsync(Actor, "sandbox.behaviour", Provider.Name, asked);
        return Tell(new(true, $"Sandbox provider {Provider.Name}: {asked["mode"]}."), Back);
    }

    // What is not a number is left to the form's own check, which says what would be one.
    private static object? Number(string? text) => string.IsNullOrWhiteSpace(text) ? null : long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : text;
}
