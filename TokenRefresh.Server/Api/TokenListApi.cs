using System.Globalization;
using Microsoft.AspNetCore.Http.Extensions;
using TokenRefresh.Jobs.Health;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;

namespace TokenRefresh.Server.Api;

/// <summary>The tokens of a key, all or page by page.</summary>
internal static class TokenListApi
{
    private const int MostRows = 1000, UsualRows = 100, MostLabels = 10;

    public static void MapTokenList(this RouteGroupBuilder api) => api.MapGet("/tokens", ListAsync).WithName("ListTokens")
        .WithSummary("The tokens of this key, most urgent first; of more than 250, or with a filter, by name. With limit or cursor: a page, and the cursor of the next. No secrets.");

    private static async Task<IResult> ListAsync(
        HttpContext context, DiagnosisReader diagnosis, TokenOverview overview, ITokenProviders providers, CancellationToken cancellationToken,
        string? provider = null, string? state = null, string[]? label = null, string? cursor = null, string? limit = null)
    {
        var labels = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var pair in label?.Where(pair => pair.Length > 0) ?? [])
        {
            if (pair.IndexOf(':', StringComparison.Ordinal) is not (> 0 and var at) || !labels.TryAdd(pair[..at], pair[(at + 1)..]) || labels.Count > MostLabels)
            {
                return Problem.BadRequest($"label must be key:value, each key once, at most {MostLabels} of them.");
            }
        }

        (provider, state, cursor, limit) = (Given(provider), Given(state), Given(cursor), Given(limit));
        if (provider is not null && providers.Find(provider) is null)
        {
            return Problem.UnknownProvider(providers.All.Select(known => known.Name));
        }

        if (state is not null && TokenHealth.Parse(state) is null)
        {
            return Problem.BadRequest($"state must be one of {string.Join(", ", Enum.GetValues<TokenState>().Select(each => each.Code()))}.");
        }

        var isPaged = limit is not null || cursor is not null;
        var most = isPaged ? UsualRows : MostRows;
        if (limit is not null && !(int.TryParse(limit, NumberStyles.None, CultureInfo.InvariantCulture, out most) && most is > 0 and <= MostRows))
        {
            return Problem.BadRequest($"limit must be 1 to {MostRows}.");
        }

        if (cursor is not null && !CatalogNames.IsAllowed(cursor))
        {
            return Problem.BadRequest("cursor must be the next_cursor of an answer.");
        }

        var mine = context.Client().Tokens is { IsEverything: false } some ? some : null;
        if (!isPaged && provider is null && state is null && labels.Count == 0
            && await diagnosis.ReadAsync(cancellationToken, mine is null ? null : new(Patterns: mine)) is { IsWhole: true } seen)
        {
            return TypedResults.Ok(seen.Tokens.Select(TokenSummary.Of));
        }

        var found = await overview.PageAsync(
            new(most + 1) { Provider = provider, State = state is null ? null : TokenHealth.Parse(state), Labels = labels, Patterns = mine, After = cursor }, cancellationToken);
        var next = found.Count > most ? found[most - 1].Name : null;
        if (next is not null)
        {
            // For those who read the rows alone (RFC 8288).
            var query = new QueryBuilder(context.Request.Query.Where(pair => pair.Key is not "cursor").SelectMany(pair => pair.Value, (pair, each) => KeyValuePair.Create(pair.Key, each ?? ""))) { { "cursor", next } };
            context.Response.Headers.Link = $"<{context.Request.PathBase}{context.Request.Path}{query}>; rel=\"next\"";
        }

        var rows = found.Take(most).Select(TokenSummary.Of);
        return isPaged ? TypedResults.Ok(new { data = rows, next_cursor = next }) : TypedResults.Ok(rows);
    }

    // A form sends what was left blank, too.
    private static string? Given(string? text) => text is { Length: > 0 } ? text : null;
}
