using Microsoft.EntityFrameworkCore;
using TokenRefresh.Jobs.Persistence;

namespace TokenRefresh.Jobs.Tokens;

/// <summary>Gives each token of the settings its row.</summary>
internal sealed class DeclaredTokenRows(ConfiguredTokens configured, NodeName node, TimeProvider clock) : IDatabaseSeed
{
    public async Task RunAsync(TokenRefreshDbContext db, bool marksStrays, CancellationToken cancellationToken)
    {
        // Without the sealed columns, because nearly all are as they should be; and without those that are made at run time, of which there may be a million.
        string[] names = [.. configured.All.Select(token => token.Name)];
        var stored = await db.Tokens.Where(token => token.Origin == Origin.Declared || names.Contains(token.Name))
            .Select(token => new { token.Name, token.IsActive, token.PausedAt, Definition = new TokenDefinition(token.Provider, token.Origin, token.Scopes, token.Grant, token.Parameters, token.Labels) { SubjectHash = token.SubjectHash } })
            .ToDictionaryAsync(token => token.Name, cancellationToken);
        var declared = configured.All.ToDictionary(token => token.Name);
        if (stored.Values.FirstOrDefault(row => row.Definition.Origin == Origin.Managed && declared.TryGetValue(row.Name, out var settings) && settings.Provider.Name != row.Definition.Provider) is { } other)
        {
            throw new CatalogConflictException(
                $"Tokens__{other.Name} is declared with provider {declared[other.Name].Provider.Name}, and a token of that name and of provider {other.Definition.Provider} was added at run time. Remove that one ('tokens remove {other.Name}'), or choose another name.");
        }

        var removed = await db.RemovedTokens.Where(token => declared.Keys.Contains(token.Name)).ToDictionaryAsync(token => token.Name, cancellationToken);
        foreach (var settings in declared.Values.Where(settings => !stored.ContainsKey(settings.Name)))
        {
            var gone = removed.GetValueOrDefault(settings.Name);
            var token = Token.New(settings.Name, clock.GetUtcNow(), gone?.Version ?? 0);
            token.Configure(settings);
            db.Tokens.Add(token);
            if (gone is not null)
            {
                db.RemovedTokens.Remove(gone);
            }

            if (stored.Count > 0)
            {
                Audit(db, "token.declared", settings.Name);
            }
        }

        if (marksStrays)
        {
            var changed = stored.Values
                .Where(token => declared.TryGetValue(token.Name, out var settings)
                    ? token.IsActive != token.PausedAt is null || !token.Definition.Equals(TokenDefinition.Of(settings))
                    : token.Definition.Origin == Origin.Declared)
                .Select(token => token.Name).ToList();
            foreach (var token in await db.Tokens.Where(token => changed.Contains(token.Name)).ToListAsync(cancellationToken))
            {
                if (token.EndGapOfThisCause(clock.GetUtcNow()) is { } ended)
                {
                    db.UnavailableIntervals.Add(ended);
                }

                if (declared.TryGetValue(token.Name, out var settings))
                {
                    token.Configure(settings);

                    // What is declared cannot be changed here, so personal data in it could not be taken out.
                    token.Assign(null);
                    Audit(db, "token.changed", token.Name);
                }
                else
                {
                    token.Unconfigure();
                    Audit(db, "token.undeclared", token.Name);
                }
            }
        }

        var told = db.ChangeTracker.Entries<Token>().Where(row => row.State != EntityState.Unchanged).Select(row => row.Entity.Name).ToList();
        await db.SaveChangesAsync(cancellationToken);
        foreach (var name in told)
        {
            await ChangeFeed.AnnounceAsync(db, name, cancellationToken);
        }
    }

    private void Audit(TokenRefreshDbContext db, string action, string token) => db.Audit.Add(AuditEntry.Of(clock.GetUtcNow(), $"node:{node.Value}", action, token, new { }));
}
