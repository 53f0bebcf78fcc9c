using TokenRefresh.Jobs.Administration;
using TokenRefresh.Jobs.Catalog;
using TokenRefresh.Jobs.Persistence;

namespace TokenRefresh.Server.Api;

/// <summary>What requests that change the catalogue have in common.</summary>
internal static class CatalogRequests
{
    /// <summary>Changes of providers concern every token, so the key must be for all.</summary>
    private const string Everything = "*";

    /// <summary>Null where the client may change providers.</summary>
    public static Problem? RefuseProviders(this Client client) =>
        !client.May(ClientActs.Manage) ? Problem.ActNotAllowed(ClientActs.Manage)
        : !client.Key.Tokens.Split(',', StringSplitOptions.TrimEntries).Contains(Everything) ? Problem.Forbidden
        : null;

    /// <summary>Null where the client may change that token.</summary>
    public static Problem? RefuseToken(this Client client, string name) =>
        !client.May(ClientActs.Manage) ? Problem.ActNotAllowed(ClientActs.Manage) : !client.MayRead(name) ? Problem.Forbidden : null;

    /// <summary>How a change is to be made: by whom, of which version (<c>If-Match</c>), whether untested (<c>?untested=true</c>), and with which scopes a provider without tokens is tried (<c>?scopes=a,b</c>).</summary>
    public static CatalogChange Change(this HttpContext context) => new(
        context.Client().Key.Actor,
        bool.TryParse(context.Request.Query["untested"], out var isUntested) && isUntested,
        context.Request.Headers.IfMatch is [{ } match] && match != Everything ? match.Trim('"') : null)
    {
        TrialScopes = $"{context.Request.Query["scopes"]}".Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries),
    };

    /// <summary>The answer to a change; its <c>ETag</c> is for the next one.</summary>
    /// <param name="done">Of what was stored.</param>
    public static async Task<IResult> AnswerAsync(this HttpContext context, CatalogResult result, Func<Task<IResult>> done)
    {
        switch (result)
        {
            case CatalogResult.Done(var tag, _):
                context.Tag(tag);
                try
                {
                    return await done();
                }
                catch (Exception error) when (DatabaseFaults.IsAway(error))
                {
                    return Problem.StoredUnread;
                }

            case CatalogResult.Refused refused:
                return Problem.Of(refused);
            default:
                throw new System.Diagnostics.UnreachableException();
        }
    }

    /// <summary>Sends a version with an answer.</summary>
    public static void Tag(this HttpContext context, string tag)
    {
        if (tag.Length > 0)
        {
            context.Response.Headers.ETag = $"\"{tag}\"";
        }
    }
}
