using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Mvc.RazorPages;
using TokenRefresh.Jobs;
using TokenRefresh.Jobs.Catalog;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;
using TokenRefresh.Server.Access;

namespace TokenRefresh.Server.Pages.Access.Tokens;

/// <summary>Adds a token, also as a copy of another, or changes one that was added while the server ran; for administrators.</summary>
[Authorize(nameof(Role.Admin))]
internal sealed class TokenFormModel(TokenDefinitionChanges changes, Subjects subjects, ITokenProviders providers, TokenFinder tokens, PanelActions actions) : PanelPage
{
    private const string SubjectField = $"{FormField.SecretPrefix}subject";

    /// <summary>The token that is changed; null for a new one.</summary>
    [BindProperty(SupportsGet = true)]
    public string? Name { get; set; }

    /// <summary>The token of which a new one is a copy.</summary>
    [BindProperty(SupportsGet = true)]
    public string? Like { get; set; }

    /// <summary>The provider of a new one.</summary>
    [BindProperty(SupportsGet = true)]
    public string? Provider { get; set; }

    /// <summary>The version that is changed; null for a new one.</summary>
    public string? Tag { get; private set; }

    /// <summary>Whom it belongs to, masked; null for nobody.</summary>
    public string? Subject { get; private set; }

    /// <summary>The form.</summary>
    public FormShown Form { get; private set; } = new([], []);

    /// <summary>True where the provider issued no such token, so that storing it all the same is offered.</summary>
    public bool IsRefused { get; private set; }

    /// <summary>True where some provider can issue tokens.</summary>
    public bool IsAnyReady => providers.All.Any(IsReady);

    /// <summary>Where one goes who changes their mind.</summary>
    public string Back => Name is not null ? PanelPaths.Token(Name) : Provider is { } provider && providers.Find(provider) is { } known ? PanelPaths.Provider(known.Name) : PanelPaths.Tokens;

    public async Task<IActionResult> OnGetAsync(string? scopes, CancellationToken cancellationToken)
    {
        if (Name is not null || Like is not null)
        {
            Subject = Name is null ? null : await subjects.MaskedAsync(Name, cancellationToken);
            return await changes.FindAsync(Name ?? Like!, cancellationToken) switch
            {
                null => Unknown(),
                { Origin: Origin.Undeclared } => Unknown(),
                { Origin: Origin.Declared } when Name is not null => Tell(new(false, $"Token {Name} is declared by the server's settings; change it there and restart."), PanelPaths.Token(Name)),
                var token => Shown(TypedToken.Of(Name ?? await FreeAsync(Like!.ToLowerInvariant(), cancellationToken), token), Name is null ? null : token.Tag),
            };
        }

        // Most have one token of a provider, and call it as that.
        var provider = providers.Find(Provider ?? "") ?? providers.All.FirstOrDefault(IsReady);
        return Shown(new(provider is null ? "" : await FreeAsync(provider.Name, cancellationToken), provider?.Name ?? "", string.Join(", ", TypedToken.Words(scopes)), Grant.ClientCredentials, "", ""), null);
    }

    [Needs(Role.Admin)]
    public async Task<IActionResult> OnPostAsync(string? newName, string? scopes, Grant grant, string? parameters, string? labels, [FromForm(Name = SubjectField)] string? subject, bool forget, bool untested, string? tag, CancellationToken cancellationToken)
    {
        Subject = Name is null ? null : await subjects.MaskedAsync(Name, cancellationToken);
        var typed = new TypedToken(Name?.ToLowerInvariant() ?? (newName ?? "").Trim().ToLowerInvariant(), Provider ?? "", scopes ?? "", grant, parameters ?? "", labels ?? "");
        if ((TypedToken.Pairs(typed.Parameters), TypedToken.Pairs(typed.Labels)) is not ({ } read, { } notes))
        {
            string[] wrong = [TypedToken.Pairs(typed.Parameters) is null ? "parameters" : "", TypedToken.Pairs(typed.Labels) is null ? "labels" : ""];
            return Shown(typed, tag, [.. wrong.Where(what => what.Length > 0).Select(what => $"{what} are one key=value a line, each key once.")]);
        }

        var words = TypedToken.Words(typed.Scopes);
        var change = new CatalogChange(Actor, untested, string.IsNullOrEmpty(tag) ? null : tag);
        var result = Name is null
            ? await changes.AddAsync(new(typed.Name, typed.Provider, words, grant, read, notes) { Subject = subject }, change, cancellationToken)
            : await changes.ChangeAsync(typed.Name, new(words, grant, read, notes) { Subject = forget ? "" : string.IsNullOrWhiteSpace(subject) ? null : subject }, change, cancellationToken);
        switch (result)
        {
            case CatalogResult.Done { IsChanged: false }:
                return Tell(new(true, "Nothing to change."), PanelPaths.Token(typed.Name));
            case CatalogResult.Done:
                var isObtained = grant != Grant.ClientCredentials || await tokens.FindAsync(typed.Name, cancellationToken) is not { NotConfiguredBecause: null } ? null : await actions.RefreshAsync([typed.Name], false, Actor, cancellationToken);
                return Tell(isObtained is { IsWell: false } ? isObtained : new(true, Name is null ? $"Added token {typed.Name}." : $"Changed token {typed.Name}."), PanelPaths.Token(typed.Name));
            case CatalogResult.Refused { Why: CatalogRefusal.Stale } when await changes.FindAsync(typed.Name, cancellationToken) is { } token:
                return Stale(TypedToken.Of(typed.Name, token), token.Tag, typed);
            case CatalogResult.Refused { Why: CatalogRefusal.Unknown or CatalogRefusal.Declared, Reasons: var reasons }:
                return Tell(new(false, string.Join(" ", reasons)), PanelPaths.Tokens);
            case CatalogResult.Refused refused:
                IsRefused = refused.Why == CatalogRefusal.RefusedByProvider;
                return Shown(typed, tag, refused.Reasons);
            default:
                throw new System.Diagnostics.UnreachableException();
        }
    }

    // Named as a secret, so that no form that is kept for a new sign-in keeps it.
    private FormField SubjectAsField => new(SubjectField, "Belongs to")
    {
        Most = 200, IsAside = true, LastCharacters = Subject?.TrimStart('•'), Hint = "A mobile number, a national code or a customer number. It is stored encrypted, and only its last characters are shown.",
    };

    private static bool IsReady(ITokenProvider provider) => provider is { IsEnabled: true, MissingSettings.Count: 0 };

    private NotFoundResult Unknown()
    {
        ErrorPages.SayInstead(HttpContext, "No token has that name.");
        return NotFound();
    }

    private async Task<string> FreeAsync(string wanted, CancellationToken cancellationToken)
    {
        var names = FormField.Names(wanted);
        var taken = await tokens.FindAsync(names, cancellationToken);
        return names.Except(taken.Select(token => token.Name)).FirstOrDefault() ?? "";
    }

    // The present state, and beside it what was typed over an older one.
    private PageResult Stale(TypedToken stored, string tag, TypedToken typed)
    {
        var mine = typed.Fields(isNew: false).ToDictionary(field => field.Name, field => field.Value.ReplaceLineEndings("\n"));
        (Tag, Form) = (tag, new(
            [.. stored.Fields(isNew: false).Select(field => mine[field.Name] == field.Value || (field.Name == "scopes" && TypedToken.Words(mine["scopes"]).SequenceEqual(TypedToken.Words(field.Value))) ? field : field with { Typed = mine[field.Name] }), SubjectAsField],
            [$"Token {stored.Name} was changed meanwhile. The form shows its present state; repeat your change where it is still wanted."]));
        return Page();
    }

    private PageResult Shown(TypedToken typed, string? tag, params IReadOnlyList<string> complaints)
    {
        var fields = typed.Fields(isNew: Name is null).ToList();
        if (Name is null)
        {
            fields.Insert(1, new("provider", "Provider", FieldKind.Choice) { Code = "provider", Value = typed.Provider, Choices = [.. providers.All.Select(provider => (provider.Name, IsReady(provider) ? (Phrase)$"{provider.Name}" : (Phrase)$"{provider.Name} (cannot issue tokens yet)"))] });
        }

        fields.Add(SubjectAsField);
        (Tag, Form) = (tag, FormShown.Of(fields, complaints, "A token name ", $"A token {typed.Name} exists"));
        return Page();
    }
}
