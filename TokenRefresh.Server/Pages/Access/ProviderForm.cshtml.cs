using System.Text.Json;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Mvc;
using TokenRefresh.Jobs;
using TokenRefresh.Jobs.Catalog;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;
using TokenRefresh.Server.Access;

namespace TokenRefresh.Server.Pages.Access;

/// <summary>One setting in the form.</summary>
/// <param name="Value">What it is, or what was typed; a secret is never shown.</param>
internal sealed record ProviderField(ProviderSetting Setting, string Value)
{
    /// <summary>What can be chosen; empty where anything can be typed.</summary>
    public IReadOnlyList<string> Choices => Nullable.GetUnderlyingType(Setting.Type) is { } inner ? Of(inner) : Of(Setting.Type);

    private static string[] Of(Type type) => type.IsEnum ? Enum.GetNames(type) : type == typeof(bool) ? ["true", "false"] : [];
}

/// <summary>Adds a provider, or changes one that was added while the server ran; for administrators.</summary>
[Authorize(nameof(Role.Admin))]
internal sealed class ProviderFormModel(ProviderChanges changes, ITokenProviders providers) : PanelPage
{
    private const string SettingPrefix = "setting.";

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

    /// <summary>The fields of that type.</summary>
    public IReadOnlyList<ProviderField> Fields { get; private set; } = [];

    /// <summary>What was wrong with the last try, a sentence each.</summary>
    public IReadOnlyList<string> Problems { get; private set; } = [];

    /// <summary>The name that was typed.</summary>
    public string TypedName { get; private set; } = "";

    public async Task<IActionResult> OnGetAsync(CancellationToken cancellationToken)
    {
        if (await LoadAsync(cancellationToken) is { } refused)
        {
            return refused;
        }

        var stored = Row is null ? [] : JsonSerializer.Deserialize<Dictionary<string, string>>(Row.Settings)!;
        Fill(name => stored.GetValueOrDefault(name) ?? "");
        return Page();
    }

    [Needs(Role.Admin)]
    public async Task<IActionResult> OnPostAsync(string? newName, bool untested, string? tag, CancellationToken cancellationToken)
    {
        if (await LoadAsync(cancellationToken) is { } refused)
        {
            return refused;
        }

        if (Chosen is not { } type)
        {
            return RedirectToPage();
        }

        // An empty secret stays as it is: what is stored cannot be shown for confirmation.
        var typed = Request.Form.Where(field => field.Key.StartsWith(SettingPrefix, StringComparison.Ordinal)).ToDictionary(field => field.Key[SettingPrefix.Length..], field => field.Value.ToString().Trim());
        var settings = type.Settings.Where(setting => typed.ContainsKey(setting.Name) && !(setting.IsSecret && typed[setting.Name].Length == 0)).ToDictionary(setting => setting.Name, setting => (string?)typed[setting.Name]);
        TypedName = (newName ?? "").Trim().ToLowerInvariant();
        var change = new CatalogChange(Actor, untested, string.IsNullOrEmpty(tag) ? null : tag);
        switch (Row is null ? await changes.AddAsync(TypedName, type.Name, settings, change, cancellationToken) : await changes.ChangeAsync(Row.Name, settings, change, cancellationToken))
        {
            case CatalogResult.Done done:
                var name = Row?.Name ?? TypedName;
                return Tell(new(true, Row is null ? $"Added provider {name}." : done.IsChanged ? $"Changed provider {name}." : "Nothing to change."), PanelPaths.Provider(name));
            case CatalogResult.Refused problem:
                Problems = problem.Reasons;
                Fill(setting => typed.GetValueOrDefault(setting) ?? "");
                return Page();
            default:
                throw new System.Diagnostics.UnreachableException();
        }
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

    private void Fill(Func<string, string> value) =>
        Fields = [.. (Chosen?.Settings ?? []).Select(setting => new ProviderField(setting, setting.IsSecret ? "" : value(setting.Name)))];
}
