using Microsoft.AspNetCore.Mvc;
using TokenRefresh.Jobs;
using TokenRefresh.Jobs.Administration;
using TokenRefresh.Jobs.Alerts;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;
using TokenRefresh.Server.Access;

namespace TokenRefresh.Server.Pages.Access;

/// <summary>One thing that was found.</summary>
internal sealed record SearchHit(Phrase What, Phrase Name, string Path);

/// <summary>Finds tokens, providers, clients, incidents and pages by a part of their name.</summary>
internal sealed class SearchModel(TokenFinder tokens, ITokenProviders providers, ClientKeys clients, IncidentService incidents, PanelText text) : PanelPage
{
    private const int MostOfAKind = 20, MostIncidents = 100;

    /// <summary>What is looked for.</summary>
    [BindProperty(SupportsGet = true)]
    public string? Q { get; set; }

    /// <summary>What was found, pages first.</summary>
    public IReadOnlyList<SearchHit> Found { get; private set; } = [];

    public async Task OnGetAsync(CancellationToken cancellationToken)
    {
        if (Q?.Trim() is not { Length: > 0 } asked)
        {
            return;
        }

        bool Fits(string name) => name.Contains(asked, StringComparison.OrdinalIgnoreCase);
        var found = new List<SearchHit>();
        bool Says(Phrase words) => Fits($"{words}") || Fits(text.Plain(words));
        IEnumerable<(string Path, Phrase Words)> pages = [.. PanelFrame.Links.Select(link => (link.Path, link.Words)).Where(page => May(Role.Admin) || page.Path != PanelPaths.Clients), .. May(Role.Admin) ? PanelFrame.ForAdmins : []];
        found.AddRange(pages.Where(page => Says(page.Words)).Select(page => new SearchHit("Page", page.Words, page.Path)));
        found.AddRange((await tokens.NamesAsync(new(Part: asked), MostOfAKind, cancellationToken)).Select(token => new SearchHit("Token", $"{token}", PanelPaths.Token(token))));
        found.AddRange(providers.All.Where(provider => Fits(provider.Name)).Take(MostOfAKind).Select(provider => new SearchHit("Provider", $"{provider.Name}", PanelPaths.Provider(provider.Name))));
        if (May(Role.Admin))
        {
            found.AddRange((await clients.ListAsync(cancellationToken)).Where(client => Fits(client.Name)).Take(MostOfAKind).Select(client => new SearchHit("Client", $"{client.Name}", PanelPaths.Clients)));
        }

        IEnumerable<Incident> known = [.. await incidents.OpenAsync(cancellationToken), .. await incidents.EndedAsync(MostIncidents, cancellationToken)];
        found.AddRange(known.Where(incident => asked == $"{incident.Id}" || asked == $"#{incident.Id}" || incident.Subjects.Any(Fits) || Fits(incident.Scope) || Fits(incident.Cause) || Says(IncidentWords.Title(incident))).Take(MostOfAKind)
            .Select(incident => new SearchHit("Incident", $"#{incident.Id} {IncidentWords.Title(incident)}", PanelPaths.Incident(incident.Id))));
        Found = found;
    }
}
