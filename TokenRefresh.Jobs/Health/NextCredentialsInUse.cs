using Microsoft.EntityFrameworkCore;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;

namespace TokenRefresh.Jobs.Health;

/// <summary>
/// Says of which providers the credential that follows is taken, because the present one is refused: their tokens are well, and someone should make it the
/// present one before it is forgotten.
/// </summary>
public sealed class NextCredentialsInUse(IDbContextFactory<TokenRefreshDbContext> contexts, ITokenProviders providers, SecretProtection secrets) : IDiagnosisSource
{
    /// <summary>So many tokens of a provider are enough to know it, however many there are.</summary>
    private const int Sample = 1000;

    /// <inheritdoc />
    public async Task<IReadOnlyList<DiagnosisReason>> ReasonsAsync(CancellationToken cancellationToken)
    {
        var reasons = new List<DiagnosisReason>();
        foreach (var provider in providers.All)
        {
            if (await IsOfAsync(provider, cancellationToken))
            {
                reasons.Add(new(OverallStatus.Operational, DiagnosedPart.Provider, provider.Name, "the present credential is refused, the next one is in use", "a next credential is in use")
                {
                    Remedy = "Make the next credential the present one.",
                });
            }
        }

        return reasons;
    }

    /// <summary>True where the token that was issued last with a credential was issued with the next one, and the settings are the same since then.</summary>
    public async Task<bool> IsOfAsync(ITokenProvider provider, CancellationToken cancellationToken)
    {
        if (!provider.IsEnabled || provider.NextCredentials.Count == 0)
        {
            return false;
        }

        var settings = TakenCredential.Of(provider, secrets);
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        return await db.Database.SqlQuery<bool>(
            $$"""
              SELECT (metadata #>> '{credential,next}')::boolean AS "Value"
              FROM (SELECT metadata, last_success_at FROM tokens WHERE provider = {{provider.Name}} LIMIT {{Sample}}) AS sample
              WHERE metadata #>> '{credential,settings}' = {{settings}}
              ORDER BY last_success_at DESC NULLS LAST LIMIT 1
              """).SingleOrDefaultAsync(cancellationToken);
    }
}
