using System.Text.Json.Nodes;
using TokenRefresh.Jobs.Catalog;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;

namespace TokenRefresh.Server.Api;

/// <summary>A provider as somebody wants it. Secrets are written here and never read back.</summary>
internal sealed record ProviderOrder(string? Type = null, Dictionary<string, string?>? Settings = null);

/// <summary>A credential as programs see it.</summary>
internal sealed record CredentialAnswer(string Setting, bool IsSet, string? LastCharacters);

/// <summary>A provider as programs see it. No secrets.</summary>
internal sealed record ProviderAnswer(
    string Name, string Type, string Origin, bool Enabled, bool IsConfigured, JsonObject Settings, IReadOnlyList<CredentialAnswer> Credentials, long Version, DateTimeOffset ChangedAt)
{
    public static ProviderAnswer Of(ProviderRow row, ITokenProvider? live) => new(
        row.Name, row.Type, row.Origin.Word(), row.Enabled, row.IsConfigured, JsonNode.Parse(row.Settings)!.AsObject(),
        [.. (live?.Credentials.Concat(live.NextCredentials) ?? []).Select(credential => new CredentialAnswer(credential.Setting.Split(' ')[0].Split("__")[^1], credential.IsSet, credential.LastCharacters))], row.Version, row.ChangedAt);
}

/// <summary>Whether a provider issues a token with its settings.</summary>
internal sealed record ProviderTest(bool Issued, string? Code, string? Reason);

/// <summary>Providers: listed, added, changed, tested and removed while everything runs.</summary>
internal static class ProvidersApi
{
    public static void MapProviders(this RouteGroupBuilder api)
    {
        var providers = api.MapGroup("/providers").WithTags("Providers");
        providers.MapGet("", ListAsync).WithName("ListProviders").WithSummary("Every provider. No secrets. Act: manage.");
        providers.MapGet("/{name}", FindAsync).WithName("GetProvider").WithSummary("One provider; its ETag is for If-Match. No secrets. Act: manage.");
        providers.MapPut("/{name}", PutAsync).WithName("PutProvider").WithSummary("Adds a provider, or replaces the settings of one but for the secrets that are not given. Tried first, unless ?untested=true. Act: manage.");
        providers.MapPatch("/{name}", PatchAsync).WithName("PatchProvider").WithSummary("Changes the settings that are given; null takes one away. Tried first, unless ?untested=true. Act: manage.");
        providers.MapPost("/{name}/promote", PromoteAsync).WithName("PromoteProvider").WithSummary("Makes the next credential the present one. Tried first, unless ?untested=true. Act: manage.");
        providers.MapDelete("/{name}", DeleteAsync).WithName("DeleteProvider").WithSummary("Removes a provider that no token needs. Act: manage.");
        providers.MapPost("/{name}/adopt", AdoptAsync).WithName("AdoptProvider").WithSummary("Moves a provider that the settings declare into the database, with its settings and secrets. Tried first, unless ?untested=true. Act: manage.");
        providers.MapPost("/{name}/test", TestAsync).WithName("TestProvider").WithSummary("Acquires a token and throws it away. Act: manage.");
    }

    private static async Task<IResult> ListAsync(HttpContext context, ProviderChanges changes, ITokenProviders live, CancellationToken cancellationToken) =>
        context.Client().RefuseProviders() is { } refused ? refused
            : TypedResults.Ok((await changes.ListAsync(cancellationToken)).Select(row => ProviderAnswer.Of(row, live.Find(row.Name))));

    private static async Task<IResult> FindAsync(HttpContext context, string name, ProviderChanges changes, ITokenProviders live, CancellationToken cancellationToken) =>
        context.Client().RefuseProviders() ?? await ShowAsync(context, name, StatusCodes.Status200OK, changes, live, cancellationToken);

    private static async Task<IResult> PutAsync(HttpContext context, string name, ProviderOrder order, ProviderChanges changes, ITokenProviders live, CancellationToken cancellationToken)
    {
        if (context.Client().RefuseProviders() is { } refused)
        {
            return refused;
        }

        if (await changes.FindAsync(name, cancellationToken) is not { } row)
        {
            return context.Change().Tag is null && context.Request.Headers.IfMatch.Count == 0
                ? await context.AnswerAsync(
                    await changes.AddAsync(name, order.Type ?? name, order.Settings ?? [], context.Change(), cancellationToken),
                    () => ShowAsync(context, name, StatusCodes.Status201Created, changes, live, cancellationToken))
                : Problem.Of(new(CatalogRefusal.Stale, [$"There is no provider {name}."]));
        }

        if (order.Type is { } type && !type.Equals(row.Type, StringComparison.OrdinalIgnoreCase))
        {
            return Problem.BadRequest($"Provider {row.Name} is of type {row.Type}; a provider keeps its type. Add another one.");
        }

        var settings = new Dictionary<string, string?>(order.Settings ?? [], StringComparer.OrdinalIgnoreCase);
        foreach (var setting in JsonNode.Parse(row.Settings)!.AsObject().Where(setting => !settings.ContainsKey(setting.Key)))
        {
            settings[setting.Key] = null;
        }

        return await ChangeAsync(context, name, settings, changes, live, cancellationToken);
    }

    private static async Task<IResult> PatchAsync(HttpContext context, string name, ProviderOrder order, ProviderChanges changes, ITokenProviders live, CancellationToken cancellationToken) =>
        context.Client().RefuseProviders()
            ?? (order.Type is not null ? Problem.BadRequest("A provider keeps its type. Add another one.")
                : await ChangeAsync(context, name, order.Settings ?? [], changes, live, cancellationToken));

    private static async Task<IResult> ChangeAsync(
        HttpContext context, string name, Dictionary<string, string?> settings, ProviderChanges changes, ITokenProviders live, CancellationToken cancellationToken) =>
        await context.AnswerAsync(
            await changes.ChangeAsync(name, settings, context.Change(), cancellationToken), () => ShowAsync(context, name, StatusCodes.Status200OK, changes, live, cancellationToken));

    private static async Task<IResult> PromoteAsync(HttpContext context, string name, ProviderChanges changes, ITokenProviders live, CancellationToken cancellationToken) =>
        context.Client().RefuseProviders()
            ?? await context.AnswerAsync(
                await changes.PromoteAsync(name, context.Change(), cancellationToken), () => ShowAsync(context, name, StatusCodes.Status200OK, changes, live, cancellationToken));

    private static async Task<IResult> DeleteAsync(HttpContext context, string name, ProviderChanges changes, CancellationToken cancellationToken) =>
        context.Client().RefuseProviders()
            ?? await context.AnswerAsync(await changes.RemoveAsync(name, context.Change(), cancellationToken), () => Task.FromResult<IResult>(TypedResults.NoContent()));

    private static async Task<IResult> AdoptAsync(HttpContext context, string name, ProviderAdoption adoption, ProviderChanges changes, ITokenProviders live, CancellationToken cancellationToken) =>
        context.Client().RefuseProviders()
            ?? await context.AnswerAsync(
                await adoption.AdoptAsync(name, context.Change(), cancellationToken), () => ShowAsync(context, name, StatusCodes.Status200OK, changes, live, cancellationToken));

    private static async Task<IResult> TestAsync(HttpContext context, string name, ProviderChanges changes, ITokenProviders live, CancellationToken cancellationToken)
    {
        if (context.Client().RefuseProviders() is { } refused)
        {
            return refused;
        }

        if (live.Find(name) is not { } provider)
        {
            return Problem.UnknownProvider(live.All.Select(known => known.Name));
        }

        if (provider.MissingSettings is { Count: > 0 } missing)
        {
            return TypedResults.Ok(new ProviderTest(false, FailureKind.Configuration.Code(), $"Missing: {string.Join(", ", missing)}."));
        }

        var failure = await changes.TestAsync(provider, cancellationToken);
        return TypedResults.Ok(new ProviderTest(failure is null, failure?.Kind.Code(), failure?.Reason));
    }

    private static async Task<IResult> ShowAsync(HttpContext context, string name, int status, ProviderChanges changes, ITokenProviders live, CancellationToken cancellationToken)
    {
        if (await changes.FindAsync(name, cancellationToken) is not { } row)
        {
            return Problem.UnknownProvider(live.All.Select(known => known.Name));
        }

        context.Tag(ProviderChanges.TagOf(row));
        return TypedResults.Json(ProviderAnswer.Of(row, live.Find(row.Name)), statusCode: status);
    }
}
