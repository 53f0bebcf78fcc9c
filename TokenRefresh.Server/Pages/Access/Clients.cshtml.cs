using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Mvc;
using TokenRefresh.Jobs.Administration;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Server.Access;

namespace TokenRefresh.Server.Pages.Access;

/// <summary>The keys of programs, for administrators.</summary>
[Authorize(nameof(Role.Admin))]
internal sealed class ClientsModel(ClientKeys keys, TokenFinder tokens) : PanelPage
{
    private const int MostOffered = 200;

    /// <summary>The good keys by name, then the revoked ones, newest first.</summary>
    public IReadOnlyList<ClientKey> Clients { get; private set; } = [];

    /// <summary>Names that the field offers; others are typed.</summary>
    public IReadOnlyList<string> Tokens { get; private set; } = [];

    /// <summary>A key that was made just now; no later page can show it.</summary>
    public (string Name, string Key)? Made { get; private set; }

    /// <summary>What was wrong with the last request.</summary>
    public string? Problem { get; private set; }

    /// <summary>What was typed, for the next try.</summary>
    public (string? Name, string? Tokens) Typed { get; private set; }

    /// <summary>True where another page has filled in the tokens, so that only the name is left to type.</summary>
    public bool IsPrepared => Made is null && Problem is null && Typed.Tokens is not null;

    public Task OnGetAsync(string? tokens, CancellationToken cancellationToken)
    {
        Typed = (null, tokens);
        return LoadAsync(cancellationToken);
    }

    // The key is shown on the very answer: anywhere else it would have to be kept.
    [Needs(Role.Admin)]
    public async Task<IActionResult> OnPostAddAsync(string? name, string? tokens, CancellationToken cancellationToken)
    {
        try
        {
            Made = (name ?? "", await keys.IssueAsync(name ?? "", tokens ?? "", Actor, cancellationToken));
            Typed = (null, tokens);
        }
        catch (ArgumentException error)
        {
            Problem = error.Message;
            Typed = (name, tokens);
        }

        await LoadAsync(cancellationToken);
        return Page();
    }

    [Needs(Role.Admin)]
    public async Task<IActionResult> OnPostRevokeAsync(string? name, CancellationToken cancellationToken) => Tell(
        await keys.RevokeAsync(name ?? "", Actor, cancellationToken)
            ? new(true, $"Revoked key \"{name}\" on every node.")
            : new(false, $"No client '{name}' with an active key."),
        PanelPaths.Clients);

    private async Task LoadAsync(CancellationToken cancellationToken)
    {
        Tokens = await tokens.NamesAsync(new(), MostOffered, cancellationToken);
        Clients = [.. (await keys.ListAsync(cancellationToken)).OrderBy(client => client.RevokedAt is not null).ThenByDescending(client => client.RevokedAt).ThenBy(client => client.Name, StringComparer.Ordinal)];
    }
}
