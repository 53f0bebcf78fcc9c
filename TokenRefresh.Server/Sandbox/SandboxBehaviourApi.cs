using System.Text.Json;
using TokenRefresh.Server.Sandbox.Finnotech;
using TokenRefresh.Server.Sandbox.Jibit;

namespace TokenRefresh.Server.Sandbox;

/// <summary><c>/sandbox/{provider}/behaviour</c>: shows and replaces how a stand-in behaves.</summary>
internal static class SandboxBehaviourApi
{
    /// <summary>Who has a stand-in.</summary>
    public static IReadOnlyList<string> Providers { get; } = [JibitSandbox.ProviderName, FinnotechSandbox.ProviderName];

    public static void MapBehaviour(this RouteGroupBuilder routes)
    {
        var behaviour = routes.MapGroup("/{provider}/behaviour");

        behaviour.MapGet("", FindAsync);
        behaviour.MapPost("", ReplaceAsync).AddEndpointFilter(SandboxGuard.NoOtherSiteAsync);
    }

    private static async Task<IResult> FindAsync(string provider, SandboxBehaviours behaviours, CancellationToken cancellationToken) =>
        Known(provider) is { } name ? await ShowAsync(name, behaviours, cancellationToken) : NoSuchProvider;

    private static async Task<IResult> ReplaceAsync(
        string provider, HttpRequest request, SandboxBehaviours behaviours, CancellationToken cancellationToken)
    {
        if (Known(provider) is not { } name)
        {
            return NoSuchProvider;
        }

        if (await ReadAsync(request, cancellationToken) is not { } form)
        {
            return Refused("The body must be one JSON object, {} for normal.", new Dictionary<string, string[]>());
        }

        if (SandboxBehaviourForm.Read(form, out var faults) is not { } wanted)
        {
            return Refused("The behaviour is not valid; nothing was changed.", faults);
        }

        await behaviours.ReplaceAsync(name, wanted, cancellationToken);
        return await ShowAsync(name, behaviours, cancellationToken);
    }

    private static IResult NoSuchProvider =>
        Results.Problem(statusCode: StatusCodes.Status404NotFound, title: $"The sandbox has only {string.Join(" and ", Providers)}.");

    private static string? Known(string provider) => Providers.FirstOrDefault(name => name.Equals(provider, StringComparison.OrdinalIgnoreCase));

    // A hand-typed curl calls its body a form; what it is decides, not what it is called.
    private static async Task<JsonElement?> ReadAsync(HttpRequest request, CancellationToken cancellationToken)
    {
        try
        {
            using var document = await SandboxBody.ParseAsync(request, cancellationToken);
            return document.RootElement.ValueKind is JsonValueKind.Object ? document.RootElement.Clone() : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static async Task<IResult> ShowAsync(string provider, SandboxBehaviours behaviours, CancellationToken cancellationToken)
    {
        var status = await behaviours.FindAsync(provider, cancellationToken);
        var shown = JsonSerializer.SerializeToNode(status.Behaviour, SandboxJson.Options)!;
        shown["calls"] = JsonSerializer.SerializeToNode(status.Calls, SandboxJson.Options);
        shown["in_flight_peak"] = status.InFlightPeak;
        return Results.Text(shown.ToJsonString(SandboxJson.Options), SandboxJson.ContentType);
    }

    private static IResult Refused(string title, IReadOnlyDictionary<string, string[]> faults) =>
        Results.ValidationProblem(
            faults,
            title: title,
            extensions: new Dictionary<string, object?> { ["allowed"] = SandboxBehaviourForm.Allowed });
}
