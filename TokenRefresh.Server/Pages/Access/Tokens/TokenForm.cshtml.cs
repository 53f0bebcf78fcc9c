using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Mvc.RazorPages;
using TokenRefresh.Jobs;
using TokenRefresh.Jobs.Catalog;
using TokenRefresh.Jobs.Scheduling;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;
using TokenRefresh.Server.Access;

namespace TokenRefresh.Server.Pages.Access.Tokens;

/// <summary>What stands in the form.</summary>
internal sealed record TypedToken(string Name, string Provider, string Scopes, Grant Grant, string Parameters, string Labels)
{
    /// <summary>The form of a token that there is.</summary>
    public static TypedToken Of(string name, TokenDefinition token) => new(
        name, token.Provider, string.Join(", ", token.Scopes), token.Grant, Lines(token.Parameters), Lines(token.Labels));

    private static string Lines(string json) => string.Join('\n', System.Text.Json.JsonSerializer.Deserialize<SortedDictionary<string, string>>(json)!.Select(pair => $"{pair.Key}={pair.Value}"));
}

/// <summary>Adds a token, also as a copy of another, or changes one that was added while the server ran; for administrators.</summary>
[Authorize(nameof(Role.Admin))]
internal sealed class TokenFormModel(TokenDefinitionChanges changes, Subjects subjects, ITokenProviders providers, RefreshQueue queue) : PanelPage
{
    /// <summary>The token that is changed; null for a new one.</summary>
    [BindProperty(SupportsGet = true)]
    public string? Name { get; set; }

    /// <summary>The token of which a new one is a copy.</summary>
    [BindProperty(SupportsGet = true)]
    public string? Like { get; set; }

    /// <summary>The provider of a new one.</summary>
    [BindProperty(SupportsGet = true)]
    public string? Provider { get; set; }

    /// <summary>What stands in the form.</summary>
    public TypedToken Typed { get; private set; } = null!;

    /// <summary>The version that is changed; null for a new one.</summary>
    public string? Tag { get; private set; }

    /// <summary>Whom it belongs to, masked; null for nobody.</summary>
    public string? Subject { get; private set; }

    /// <summary>What was wrong with the last try, a sentence each.</summary>
    public IReadOnlyList<string> Problems { get; private set; } = [];

    /// <summary>Who could issue it.</summary>
    public IReadOnlyList<ITokenProvider> Providers => providers.All;

    public async Task<IActionResult> OnGetAsync(CancellationToken cancellationToken)
    {
        if (Name is not null)
        {
            Subject = await subjects.MaskedAsync(Name, cancellationToken);
            return await changes.FindAsync(Name, cancellationToken) switch
            {
                null => NotFound(),
                { Origin: Origin.Declared } => Tell(new(false, $"Token {Name} is declared by the server's settings; change it there and restart."), PanelPaths.Token(Name)),
                var token => Shown(TypedToken.Of(Name, token), token.Tag),
            };
        }

        return Like is not null && await changes.FindAsync(Like, cancellationToken) is { } model
            ? Shown(TypedToken.Of("", model), null)
            : Shown(new("", Provider ?? "", "", Grant.ClientCredentials, "", ""), null);
    }

    [Needs(Role.Admin)]
    public async Task<IActionResult> OnPostAsync(string? newName, string? scopes, Grant grant, string? parameters, string? labels, string? subject, bool forget, bool untested, string? tag, CancellationToken cancellationToken)
    {
        Subject = Name is null ? null : await subjects.MaskedAsync(Name, cancellationToken);
        var typed = new TypedToken(Name ?? (newName ?? "").Trim().ToLowerInvariant(), Provider ?? "", scopes ?? "", grant, parameters ?? "", labels ?? "");
        if (!TryPairs(typed.Parameters, out var read) | !TryPairs(typed.Labels, out var notes))
        {
            Problems = ["Parameters and labels are one key=value a line, each key once."];
            return Shown(typed, tag);
        }

        string[] words = [.. typed.Scopes.Split([',', '\n'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)];
        var change = new CatalogChange(Actor, untested, string.IsNullOrEmpty(tag) ? null : tag);
        var result = Name is null
            ? await changes.AddAsync(new(typed.Name, typed.Provider, words, grant, read, notes) { Subject = subject }, change, cancellationToken)
            : await changes.ChangeAsync(Name, new(words, grant, read, notes) { Subject = forget ? "" : string.IsNullOrWhiteSpace(subject) ? null : subject }, change, cancellationToken);
        switch (result)
        {
            case CatalogResult.Done done:
                if (done.IsChanged && grant == Grant.ClientCredentials)
                {
                    queue.Enqueue([typed.Name], RefreshTrigger.Manual, Actor);
                }

                return Tell(new(true, Name is null ? $"Added token {typed.Name}." : done.IsChanged ? $"Changed token {typed.Name}." : "Nothing to change."), PanelPaths.Token(typed.Name));
            case CatalogResult.Refused refused:
                Problems = refused.Reasons;
                return Shown(typed, tag);
            default:
                throw new System.Diagnostics.UnreachableException();
        }
    }

    private PageResult Shown(TypedToken typed, string? tag)
    {
        (Typed, Tag) = (typed, tag);
        return Page();
    }

    private static bool TryPairs(string text, out Dictionary<string, string> pairs)
    {
        pairs = new(StringComparer.OrdinalIgnoreCase);
        foreach (var line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            if (line.IndexOf('=', StringComparison.Ordinal) is not (> 0 and var at) || !pairs.TryAdd(line[..at].Trim(), line[(at + 1)..].Trim()))
            {
                return false;
            }
        }

        return true;
    }
}
