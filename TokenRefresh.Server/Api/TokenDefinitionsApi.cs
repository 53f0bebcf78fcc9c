using System.Security.Cryptography;
using System.Text.Json.Nodes;
using TokenRefresh.Jobs.Administration;
using TokenRefresh.Jobs.Catalog;
using TokenRefresh.Jobs.Scheduling;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;

namespace TokenRefresh.Server.Api;

/// <summary>A token as somebody wants it; what a change leaves out stays as it is.</summary>
internal sealed record TokenDefinitionOrder(
    string? Name = null, string? Provider = null, IReadOnlyList<string>? Scopes = null, string? Grant = null, Dictionary<string, string>? Parameters = null, Dictionary<string, string>? Labels = null, string? Subject = null)
{
    /// <inheritdoc />
    public override string ToString() => nameof(TokenDefinitionOrder);
}

/// <summary>Whose tokens are looked for. In the body, because addresses are logged by whatever stands in between.</summary>
internal sealed record SubjectOrder(string? Subject = null)
{
    /// <inheritdoc />
    public override string ToString() => nameof(SubjectOrder);
}

/// <summary>The tokens of a subject, by name.</summary>
internal sealed record SubjectAnswer(IReadOnlyList<string> Tokens);

/// <summary>What a token is, as programs see it. No secrets; of its subject the last characters only.</summary>
internal sealed record TokenDefinitionAnswer(string Name, string Provider, string Origin, IReadOnlyList<string> Scopes, string Grant, JsonObject Parameters, JsonObject Labels, string? Subject)
{
    public static TokenDefinitionAnswer Of(string name, TokenDefinition token, string? subject) => new(
        name, token.Provider, token.Origin.Word(), token.Scopes, token.Grant.ToString(), JsonNode.Parse(token.Parameters)!.AsObject(), JsonNode.Parse(token.Labels)!.AsObject(), subject);
}

/// <summary>Tokens: added, changed and removed while everything runs.</summary>
internal static class TokenDefinitionsApi
{
    private const int MadeNameBytes = 8;

    public static void MapTokenDefinitions(this RouteGroupBuilder api)
    {
        api.MapPost("/tokens", AddAsync).WithName("AddToken").WithSummary("Adds a token; without a name one is made. Tried first, unless ?untested=true. Act: manage.");
        api.MapPost("/tokens/find", FindBySubjectAsync).WithName("FindTokens").WithSummary("The names of the tokens of a subject, among those of this key. Act: manage.");
        api.MapGet("/tokens/{name}", FindAsync).WithName("GetToken").WithSummary("What a token is; its ETag is for If-Match. No secrets.");
        api.MapPut("/tokens/{name}", PutAsync).WithName("PutToken").WithSummary("Adds a token, or replaces what one is. Tried first, unless ?untested=true. Act: manage.");
        api.MapPatch("/tokens/{name}", PatchAsync).WithName("PatchToken").WithSummary("Changes what is given. Tried first, unless ?untested=true. Act: manage.");
        api.MapDelete("/tokens/{name}", DeleteAsync).WithName("DeleteToken").WithSummary("Removes a token; its log stays. Act: manage.");
    }

    private static Task<IResult> AddAsync(HttpContext context, TokenDefinitionOrder order, TokenDefinitionChanges changes, RefreshQueue queue, CancellationToken cancellationToken) =>
        AddNamedAsync(context, order.Name ?? $"token-{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(MadeNameBytes))}", order, changes, queue, cancellationToken);

    private static async Task<IResult> AddNamedAsync(HttpContext context, string name, TokenDefinitionOrder order, TokenDefinitionChanges changes, RefreshQueue queue, CancellationToken cancellationToken)
    {
        if (context.Client().RefuseToken(name) is { } refused)
        {
            return refused;
        }

        if (!TryGrant(order.Grant, out var grant))
        {
            return UnknownGrant;
        }

        var draft = new TokenDraft(name, order.Provider ?? "", order.Scopes ?? [], grant ?? Grant.ClientCredentials, order.Parameters ?? [], order.Labels ?? []) { Subject = order.Subject };
        var result = await changes.AddAsync(draft, context.Change(), cancellationToken);
        if (result is CatalogResult.Done && draft.Grant == Grant.ClientCredentials)
        {
            queue.Enqueue([name], RefreshTrigger.Manual, context.Client().Key.Actor);
        }

        return await context.AnswerAsync(result, () => ShowAsync(context, name, StatusCodes.Status201Created, changes, cancellationToken));
    }

    private static async Task<IResult> FindBySubjectAsync(HttpContext context, SubjectOrder order, Subjects subjects, CancellationToken cancellationToken)
    {
        var client = context.Client();
        if (!client.May(ClientActs.Manage))
        {
            return Problem.ActNotAllowed(ClientActs.Manage);
        }

        return Subject.Read(order.Subject ?? "") is { } subject
            ? TypedResults.Ok(new SubjectAnswer([.. (await subjects.FindAsync(subject, cancellationToken)).Where(client.MayRead)]))
            : Problem.BadRequest($"A subject is {Subject.Allowed}.");
    }

    private static async Task<IResult> FindAsync(HttpContext context, string name, TokenDefinitionChanges changes, CancellationToken cancellationToken) =>
        context.Client().MayRead(name) ? await ShowAsync(context, name, StatusCodes.Status200OK, changes, cancellationToken) : Problem.Forbidden;

    private static async Task<IResult> PutAsync(HttpContext context, string name, TokenDefinitionOrder order, TokenDefinitionChanges changes, RefreshQueue queue, CancellationToken cancellationToken)
    {
        if (order.Name is { } other && other != name)
        {
            return Problem.BadRequest("name must be the one of the address.");
        }

        return await changes.FindAsync(name, cancellationToken) is null && context.Request.Headers.IfMatch.Count == 0
            ? await AddNamedAsync(context, name, order, changes, queue, cancellationToken)
            : await ChangeAsync(context, name, order with { Scopes = order.Scopes ?? [], Grant = order.Grant ?? $"{Grant.ClientCredentials}", Parameters = order.Parameters ?? [], Labels = order.Labels ?? [] }, changes, cancellationToken);
    }

    private static Task<IResult> PatchAsync(HttpContext context, string name, TokenDefinitionOrder order, TokenDefinitionChanges changes, CancellationToken cancellationToken) =>
        ChangeAsync(context, name, order, changes, cancellationToken);

    private static async Task<IResult> ChangeAsync(HttpContext context, string name, TokenDefinitionOrder order, TokenDefinitionChanges changes, CancellationToken cancellationToken)
    {
        if (context.Client().RefuseToken(name) is { } refused)
        {
            return refused;
        }

        if (!TryGrant(order.Grant, out var grant))
        {
            return UnknownGrant;
        }

        if (order.Provider is { } provider && await changes.FindAsync(name, cancellationToken) is { } stored && !stored.Provider.Equals(provider, StringComparison.OrdinalIgnoreCase))
        {
            return Problem.BadRequest("A token keeps its provider. Add another token.");
        }

        return await context.AnswerAsync(
            await changes.ChangeAsync(name, new(order.Scopes, grant, order.Parameters, order.Labels) { Subject = order.Subject }, context.Change(), cancellationToken),
            () => ShowAsync(context, name, StatusCodes.Status200OK, changes, cancellationToken));
    }

    private static async Task<IResult> DeleteAsync(HttpContext context, string name, TokenDefinitionChanges changes, CancellationToken cancellationToken) =>
        context.Client().RefuseToken(name)
            ?? await context.AnswerAsync(await changes.RemoveAsync(name, context.Change(), cancellationToken), () => Task.FromResult<IResult>(TypedResults.NoContent()));

    private static async Task<IResult> ShowAsync(HttpContext context, string name, int status, TokenDefinitionChanges changes, CancellationToken cancellationToken)
    {
        if (await changes.FindAsync(name, cancellationToken) is not { } token)
        {
            return Problem.UnknownToken;
        }

        context.Tag(token.Tag);
        return TypedResults.Json(TokenDefinitionAnswer.Of(name.ToLowerInvariant(), token, await context.RequestServices.GetRequiredService<Subjects>().MaskedAsync(name, cancellationToken)), statusCode: status);
    }

    private static Problem UnknownGrant { get; } = Problem.BadRequest($"grant must be one of {Grants.Allowed}.");

    private static bool TryGrant(string? text, out Grant? grant)
    {
        grant = text is not null && Grants.TryRead(text, out var known) ? known : null;
        return text is null || grant is not null;
    }
}
