using System.Text.Json;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Mvc.RazorPages;
using TokenRefresh.Jobs;
using TokenRefresh.Jobs.Catalog;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;
using TokenRefresh.Server.Access;
using TokenRefresh.Server.Pages.Access.Tokens;

namespace TokenRefresh.Server.Pages.Access;

/// <summary>Adds a provider, or changes one that was added while the server ran; for administrators.</summary>
[Authorize(nameof(Role.Admin))]
internal sealed class ProviderFormModel(ProviderChanges changes, ITokenProviders providers) : PanelPage
{
    /// <summary>The provider that is changed; null for a new one.</summary>
    [BindProperty(SupportsGet = true)]
    public string? Name { get; set; }

    /// <summary>The type of a new one.</summary>
    [BindProperty(SupportsGet = true)]
    public string? Type { get; set; }

    /// <summary>The row that is changed; null for a new one.</summary>
    public ProviderRow? Row { get; private set; }

    /// <summary>The type, once it is chosen.</summary>
    public ProviderType? Chosen => ProviderTypes.Find(Row?.Type ?? Type ?? "");

    /// <summary>The form, once the type is chosen.</summary>
    public FormShown Form { get; private set; } = new([], []);

    /// <summary>True where the provider issued no token, so that storing it all the same is offered.</summary>
    public bool IsRefused { get; private set; }

    public async Task<IActionResult> OnGetAsync(CancellationToken cancellationToken)
    {
        if (await LoadAsync(cancellationToken) is { } refused)
        {
            return refused;
        }

        // OAuth2 is any server, so its type is no name.
        var name = Chosen is { HasDocumentedAddress: true } type ? FormField.Names(type.Name.ToLowerInvariant()).FirstOrDefault(wanted => providers.Find(wanted) is null) ?? "" : "";
        Form = new(Fields(StoredValue, name, ""), []);
        return Page();
    }

    [Needs(Role.Admin)]
    public async Task<IActionResult> OnPostAsync(string? newName, string? scopes, bool untested, string? tag, CancellationToken cancellationToken)
    {
        if (await LoadAsync(cancellationToken) is { } refused)
        {
            return refused;
        }

        if (Chosen is not { } type)
        {
            return RedirectToPage();
        }

        var typed = SettingsOf(type).Select(setting => (Setting: setting, Field: SettingWords.Field(setting, "").Name))
            .Where(one => Request.Form.ContainsKey(one.Field)).ToDictionary(one => one.Setting.Name, one => (one.Setting.IsSecret, Text: Request.Form[one.Field].ToString().Trim()));

        // An empty secret stays as it is: what is stored cannot be shown for confirmation.
        var settings = typed.Where(one => !(one.Value.IsSecret && one.Value.Text.Length == 0)).ToDictionary(one => one.Key, one => (string?)one.Value.Text);
        var name = Row?.Name ?? (newName ?? "").Trim().ToLowerInvariant();
        var change = new CatalogChange(Actor, untested, string.IsNullOrEmpty(tag) ? null : tag) { TrialScopes = TypedToken.Words(scopes) };
        switch (Row is null ? await changes.AddAsync(name, type.Name, settings, change, cancellationToken) : await changes.ChangeAsync(name, settings, change, cancellationToken))
        {
            case CatalogResult.Done when Row is null:
                return providers.Find(name) is { IsEnabled: true, MissingSettings.Count: 0 }
                    ? Tell(new(true, $"Added provider {name}. Now add a token of it."), $"{PanelPaths.NewToken}?provider={name}&scopes={Uri.EscapeDataString(scopes ?? "")}")
                    : Tell(new(true, $"Added provider {name}."), PanelPaths.Provider(name));
            case CatalogResult.Done done:
                return Tell(new(true, done.IsChanged ? $"Changed provider {name}." : "Nothing to change."), PanelPaths.Provider(name));
            case CatalogResult.Refused { Why: CatalogRefusal.Stale }:
                return await LoadAsync(cancellationToken) ?? Stale(typed.Where(one => !one.Value.IsSecret).ToDictionary(one => one.Key, one => one.Value.Text));
            case CatalogResult.Refused { Why: CatalogRefusal.Unknown, Reasons: var reasons }:
                return Tell(new(false, string.Join(" ", reasons)), PanelPaths.Providers);
            case CatalogResult.Refused problem:
                IsRefused = problem.Why == CatalogRefusal.RefusedByProvider;
                Form = FormShown.Of([.. Fields(setting => typed.GetValueOrDefault(setting).Text ?? "", name, scopes ?? "").Select(field => typed.GetValueOrDefault(field.Code ?? "") is { IsSecret: true, Text.Length: > 0 } ? field with { Hint = "Secrets are not kept: type it again." } : field)], problem.Reasons, "A provider name ", $"A provider {name} exists");
                return Page();
            default:
                throw new System.Diagnostics.UnreachableException();
        }
    }

    // The present state, and beside it what was typed over an older one.
    private PageResult Stale(Dictionary<string, string> typed)
    {
        Form = new(
            [.. Fields(StoredValue, "", "").Select(field => typed.TryGetValue(field.Code ?? "", out var text) && !text.Equals(field.Value, StringComparison.OrdinalIgnoreCase) ? field with { Typed = text } : field)],
            [$"Provider {Row!.Name} was changed meanwhile. The form shows its present state; repeat your change where it is still wanted."]);
        return Page();
    }

    private async Task<IActionResult?> LoadAsync(CancellationToken cancellationToken)
    {
        if (Name is null)
        {
            return null;
        }

        Row = await changes.FindAsync(Name, cancellationToken);
        switch (Row)
        {
            case null:
                ErrorPages.SayInstead(HttpContext, $"No provider has that name. Providers: {string.Join(", ", providers.All.Select(known => known.Name))}.");
                return NotFound();
            case { Origin: Origin.Declared }:
                return Tell(new(false, $"Provider {Row.Name} is declared by the server's settings; change it there and restart."), PanelPaths.Provider(Row.Name));
            default:
                return null;
        }
    }

    private string StoredValue(string setting) => Row is null ? "" : JsonSerializer.Deserialize<Dictionary<string, string>>(Row.Settings)!.GetValueOrDefault(setting) ?? "";

    private static IEnumerable<ProviderSetting> SettingsOf(ProviderType type) =>
        [.. type.Settings, .. ProvidersRegistration.RenewalKeys.Select(key => new ProviderSetting(key, false, typeof(string)))];

    private IReadOnlyList<FormField> Fields(Func<string, string> value, string name, string scopes)
    {
        var stored = (Row is null ? null : providers.Find(Row.Name)?.Credentials ?? [])?.ToDictionary(credential => credential.Setting.Split(' ')[0], credential => credential.LastCharacters);
        var settings = (Chosen is { } type ? SettingsOf(type) : []).Select(setting => SettingWords.Field(setting, value(setting.Name)) with { LastCharacters = setting.IsSecret ? stored?.GetValueOrDefault(setting.Name) : null });
        return Row is not null ? [.. settings]
            : [FormField.NameOf(name), .. settings, new("scopes", "Scopes") { Value = scopes, Most = 4000, Hint = "For the test and the first token, separated by commas or spaces. Some providers issue nothing without one." }];
    }
}
