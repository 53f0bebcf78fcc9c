using Microsoft.EntityFrameworkCore;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Tokens;

namespace TokenRefresh.Jobs.Administration;

/// <summary>The last characters of a stored pair, enough to compare with a provider's console and too few to use.</summary>
public sealed record MaskedSecret(string Access, string? Refresh);

/// <summary>Shows the last characters of stored secrets for a given reason. The audit entry is written first.</summary>
public sealed class MaskedSecrets(IDbContextFactory<TokenRefreshDbContext> contexts, SecretProtection secrets, AuditTrail audit)
{
    private const int Shown = 4;

    /// <summary>Of a shorter secret four characters would be too large a part.</summary>
    private const int Shortest = 24;

    /// <summary>The tails, or null where no token is stored.</summary>
    public async Task<MaskedSecret?> ShowAsync(string name, string reason, string by, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var token = await db.Tokens.AsNoTracking().SingleOrDefaultAsync(token => token.Name == name, cancellationToken);
        if (token?.AccessToken is not { } access)
        {
            return null;
        }

        await audit.WriteAsync(by, "token.tail_shown", name, new { reason, version = token.Version });
        return new(Mask(secrets.OpenAccess(name, access)), secrets.OpenRefresh(name, token.RefreshToken) is { } refresh ? Mask(refresh) : null);
    }

    internal static string Mask(string secret) => secret.Length < Shortest ? $"{secret.Length} characters, too short to show a part" : $"…{secret[^Shown..]} ({secret.Length} characters)";
}
