using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;

namespace TokenRefresh.Server.Cli;

/// <summary><c>tokens import</c>: for grants that only a person can start.</summary>
internal static class ImportCommand
{
    /// <summary>Far above any token of the providers; a whole file piped in by mistake is refused.</summary>
    private const int LongestInput = 64 * 1024;

    private const long LatestUnixSecond = 253_402_300_800;

    private const string Shape = """{"access_token":"…","refresh_token":"…","expires_at":"2026-01-31T12:00:00Z"} (refresh_token may be left out, and expires_at where the token is a JWT that tells it)""";

    public static Command Create(VerbHost host)
    {
        var name = Options.Token();
        var command = new Command("import", $"Store a token that a person has started elsewhere; reads JSON from stdin: {Shape}") { name };
        command.SetAction((call, cancellationToken) => host.RunAsync(
            async services =>
            {
                var token = TokensCommands.Require(services, call.GetValue(name)!);
                var imported = Parse(await ReadAsync(cancellationToken), services.GetRequiredService<TimeProvider>().GetUtcNow());
                await services.GetRequiredService<TokenControls>().ImportAsync(token.Name, imported, Options.Caller, cancellationToken);
                if (token.Order.Grant != Grant.Imported)
                {
                    Output.Note($"{token.Name} renews itself with the provider's credentials: what was imported is served until its next refresh. The token before it is kept; an administrator rolls back to it at /access/tokens/{token.Name}.");
                }

                Console.Out.WriteLine($"{token.Name} is imported; it expires {imported.ExpiresAt:u}. Try it with: tokens test {token.Name}");
                return ExitCode.Done;
            },
            cancellationToken));
        return command;
    }

    /// <summary>Reads and checks the pair; the messages never repeat what was read.</summary>
    /// <exception cref="UsageException">It is not a pair that could work.</exception>
    internal static ImportedToken Parse(string text, DateTimeOffset now)
    {
        try
        {
            using var document = JsonDocument.Parse(text);
            DateTimeOffset? stated = Time(document.RootElement, "expires_at") switch
            {
                null or "" => null,
                { } seconds when long.TryParse(seconds, NumberStyles.None, CultureInfo.InvariantCulture, out var unix) && unix < LatestUnixSecond => DateTimeOffset.FromUnixTimeSeconds(unix),
                { } expiresAt when DateTimeOffset.TryParse(expiresAt, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var expires) => expires,
                _ => throw new UsageException("expires_at is not a time such as 2026-01-31T12:00:00Z."),
            };
            return ImportedToken.Of(Text(document.RootElement, "access_token"), Text(document.RootElement, "refresh_token") is { Length: > 0 } refresh ? refresh : null, stated, now);
        }
        catch (ImportException error)
        {
            throw new UsageException($"{error.Message} Expected: {Shape}");
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            throw new UsageException($"stdin does not hold a JSON object of that shape. Expected: {Shape}");
        }
    }

    private static string? Text(JsonElement pair, string key) =>
        pair.TryGetProperty(key, out var value) && value.ValueKind != JsonValueKind.Null ? value.GetString() : null;

    // Providers tell it as a time or as the seconds since 1970.
    private static string? Time(JsonElement pair, string key) =>
        pair.TryGetProperty(key, out var value) && value.ValueKind == JsonValueKind.Number ? value.GetRawText() : Text(pair, key);

    private static async Task<string> ReadAsync(CancellationToken cancellationToken)
    {
        if (!Console.IsInputRedirected)
        {
            Output.Note($"Paste the JSON and end with Ctrl-D: {Shape}");
        }

        var buffer = new char[LongestInput + 1];
        var length = await Console.In.ReadBlockAsync(buffer, cancellationToken);
        return length <= LongestInput ? new(buffer, 0, length) : throw new UsageException("stdin holds more than 64 KB; that is no token.");
    }
}
