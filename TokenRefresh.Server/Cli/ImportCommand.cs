using System.CommandLine;
using TokenRefresh.Jobs.Administration;
using TokenRefresh.Jobs.Alerts;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;

namespace TokenRefresh.Server.Cli;

/// <summary><c>tokens import</c>: for grants that only a person can start.</summary>
internal static class ImportCommand
{
    /// <summary>Far above any token of the providers; a whole file piped in by mistake is refused.</summary>
    private const int LongestInput = 512 * 1024;

    private const string Shape = """{"access_token":"…","refresh_token":"…","expires_at":"2026-01-31T12:00:00Z"}, or the provider's answer as it came, with its expires_in (refresh_token is optional, and so is the expiry if the token is a JWT that contains it)""";

    public static Command Create(CommandRunner host)
    {
        var name = Options.Token();
        var command = new Command("import", $"Store a token that a person obtained elsewhere; reads JSON from stdin: {Shape}") { name };
        command.SetAction((call, cancellationToken) => host.RunFirstAsync(
            async services =>
            {
                var token = await TokensCommands.RequireAsync(services, call.GetValue(name)!);
                var imported = Parse(await ReadAsync(cancellationToken), services.GetRequiredService<TimeProvider>().GetUtcNow());
                await services.GetRequiredService<TokenControls>().ImportAsync(token.Name, imported, Options.Caller, cancellationToken);
                if (token.Order.Grant != Grant.Imported)
                {
                    Output.Note($"{token.Name} renews itself with the provider's credentials: the imported token is served until its next refresh. The previous token is kept; an administrator can roll back to it at {services.GetRequiredService<PanelPages>().Tokens}/{token.Name}.");
                }

                foreach (var note in imported.Notes)
                {
                    Output.Note($"{token.Name}: {note}.");
                }

                Console.Out.WriteLine($"Imported {token.Name}; it expires {imported.ExpiresAt:u}. Test it: tokens test {token.Name}");
                return ExitCode.Done;
            },
            cancellationToken));
        return command;
    }

    /// <summary>Reads and checks the pair; the messages never repeat what was read.</summary>
    /// <exception cref="UsageException">It is not a pair that could work.</exception>
    internal static ImportedToken Parse(byte[] text, DateTimeOffset now)
    {
        try
        {
            return ImportedToken.Read(text, now);
        }
        catch (ImportException error)
        {
            throw new UsageException($"{error.Message} Expected: {Shape}");
        }
    }

    // As bytes, because a shell of Windows pipes UTF-16, which no setting of the console's tells.
    private static async Task<byte[]> ReadAsync(CancellationToken cancellationToken)
    {
        if (!Console.IsInputRedirected)
        {
            Output.Note($"Paste the JSON and end with Ctrl-D: {Shape}");
        }

        await using var input = Console.OpenStandardInput();
        var buffer = new byte[LongestInput + 1];
        var length = await input.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, cancellationToken);
        return length <= LongestInput ? buffer[..length] : throw new UsageException($"The input is larger than {LongestInput / 1024} KB; that is not a token.");
    }
}
