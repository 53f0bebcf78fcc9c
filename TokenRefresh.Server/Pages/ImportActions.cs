using System.Text;
using Microsoft.Extensions.Options;
using TokenRefresh.Jobs;
using TokenRefresh.Jobs.Administration;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;

namespace TokenRefresh.Server.Pages;

/// <summary>A pair as an administrator has pasted it. Holds secrets, so it never prints them.</summary>
/// <param name="Expires">Date and time in the configured zone; blank to read it from the token.</param>
/// <param name="Anyway">To store it though the provider does not take it.</param>
internal sealed record PastedPair(string? Access, string? Refresh, string? Expires, bool Anyway)
{
    public override string ToString() => nameof(PastedPair);
}

/// <summary>Imports a token by hand: reads its expiry, tries it at the provider, and only then stores it.</summary>
internal sealed class ImportActions(TokenControls controls, TokenProbe probe, AuditTrail audit, IOptions<ScheduleOptions> schedule, TimeFormat times, TimeProvider clock)
{
    private const string Scheme = "Bearer ";

    /// <summary>Reads and tries the pair, and stores it where that is asked for and the provider takes it.</summary>
    public async Task<(FlashMessage FlashMessage, bool IsStored)> ImportAsync(string name, PastedPair pasted, bool store, string actor, CancellationToken cancellationToken)
    {
        ImportedToken imported;
        try
        {
            imported = Read(pasted);
        }
        catch (ImportException error)
        {
            return (new(false, $"Nothing was stored. {error.Message}"), false);
        }

        var result = await probe.TryAsync(name, imported, cancellationToken);
        await audit.WriteAsync(actor, "token.import_tried", name, new { accepted = result?.Accepted, http_status = result?.HttpStatus, failure = result?.Failure?.Kind.Code(), expires_at = imported.ExpiresAt });
        var found = $"It expires at {times.InZone(imported.ExpiresAt)} {times.Zone}, in {DurationFormat.InWords(imported.ExpiresAt - clock.GetUtcNow())}; "
            + (result is null ? "it could not be tested, because its provider is not configured." : PanelActions.InWords(result))
            + string.Concat(imported.Notes.Select(note => $" Note: {note}."));
        if (!store)
        {
            return (new(result?.Accepted == true, $"{found} Nothing was stored."), false);
        }

        if (result?.Accepted != true && !pasted.Anyway)
        {
            return (new(false, $"Nothing was stored. {found} To store it anyway, check that option."), false);
        }

        await controls.ImportAsync(name, imported, actor, cancellationToken);
        var isKept = await controls.ReplacedAsync(name, cancellationToken) is not null;
        return (new(result?.Accepted == true, $"Imported {name}. {found}{(isKept ? " The previous token is kept, so you can roll back." : "")}"), true);
    }

    /// <summary>Stores the token before the last import again.</summary>
    public async Task<FlashMessage> RollBackAsync(string name, string actor, CancellationToken cancellationToken) =>
        await controls.RollBackAsync(name, actor, cancellationToken)
            ? new(true, $"Rolled back {name} to the previous token. The imported token is kept, so you can undo this.")
            : new(false, "There is no token to roll back to: none is kept, or it has expired.");

    // Where the whole answer was pasted it is read as the verb reads it.
    private ImportedToken Read(PastedPair pasted)
    {
        var now = clock.GetUtcNow();
        return (Clean(pasted.Access), Clean(pasted.Refresh), string.IsNullOrWhiteSpace(pasted.Expires)) switch
        {
            (['{', ..] json, null, true) => ImportedToken.Read(Encoding.UTF8.GetBytes(json), now),
            (['{', ..], _, _) => throw new ImportException("Paste the provider's whole answer into the first field only."),
            var (access, refresh, _) => ImportedToken.Of(access, refresh, Stated(pasted.Expires), now),
        };
    }

    private DateTimeOffset? Stated(string? text)
    {
        if (string.IsNullOrWhiteSpace(text))
        {
            return null;
        }

        var zone = schedule.Value.Zone;
        return StatedTime.Of(text, local => zone.IsInvalidTime(local) ? throw new ImportException($"This time does not exist in {schedule.Value.TimeZone}.") : new(local, zone.GetUtcOffset(local)))
            is { At: { Year: > 1 and < 9999 } at }
                ? at
                : throw new ImportException($"The expiry is not a date and time, or is ambiguous. Allowed: {StatedTime.Forms}; without an offset the zone is {schedule.Value.TimeZone}.");
    }

    // Consoles wrap what they show, and show it with its scheme.
    private static string? Clean(string? text)
    {
        var clean = text is null ? "" : string.Concat(text.Where(sign => !char.IsWhiteSpace(sign) || sign == ' ')).Trim();
        clean = clean.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase) ? clean[Scheme.Length..].TrimStart() : clean;
        return clean.Length == 0 ? null : clean;
    }
}
