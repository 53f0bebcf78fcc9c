using Microsoft.EntityFrameworkCore;

namespace TokenRefresh.Jobs.Persistence;

/// <summary>The database was sealed with another master key than this node holds.</summary>
public sealed class WrongMasterKeyException() : Exception(
    "Encryption__MasterKey is not the key that this database is encrypted with. Use the same key on every node; without the old key the stored tokens cannot be decrypted.");

/// <summary>Brings a database to what this version expects. Safe when several nodes start together.</summary>
public sealed class DatabasePreparation(
    IDbContextFactory<TokenRefreshDbContext> contexts, IEnumerable<IDatabaseStep> steps, KeyRing keys, MasterKey masterKey, IEnumerable<IDatabaseSeed> seeds, TablesSchema schema)
{
    /// <summary>Any constant will do, so long as every node takes the same.</summary>
    internal const long LockId = 7_245_001_183_640_022;

    /// <summary>A transaction that Postgres takes back for the sake of another one succeeds when it is tried again; ten in a row are no coincidence.</summary>
    private const int Tries = 10;

    /// <summary>The migrations that the database does not have yet.</summary>
    public async Task<IReadOnlyList<string>> PendingAsync(CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        return [.. await db.Database.GetPendingMigrationsAsync(cancellationToken)];
    }

    /// <summary>The migrations that the database has.</summary>
    public async Task<IReadOnlyList<string>> AppliedAsync(CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        return [.. await db.Database.GetAppliedMigrationsAsync(cancellationToken)];
    }

    /// <summary>Applies migrations, checks the master key, makes the first sealing key, and gives each configured token its row.</summary>
    /// <param name="marksStrays">True for a server, whose settings say which tokens are active; a verb may run with fewer settings and only adds.</param>
    /// <exception cref="WrongMasterKeyException">The database was sealed with another master key.</exception>
    /// <exception cref="SchemaException">The schema is not current and may not be changed, or not in one piece.</exception>
    public async Task RunAsync(bool marksStrays, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await RunOnceAsync(marksStrays, cancellationToken);
                return;
            }
            catch (Exception error) when (attempt < Tries && DatabaseFaults.IsTakenBack(error))
            {
                // Every step looks at what is there already.
            }
        }
    }

    private async Task RunOnceAsync(bool marksStrays, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);

        // As long as it takes: an index over a large log, and the wait for a node that makes one, last longer than any other statement.
        db.Database.SetCommandTimeout(0);
        await db.Database.OpenConnectionAsync(cancellationToken);
        await db.Database.ExecuteSqlAsync($"SELECT pg_advisory_lock({LockId})", cancellationToken);
        try
        {
            await BringUpToDateAsync(db, cancellationToken);
            await CheckMasterKeyAsync(db, cancellationToken);

            // A first key made here, under the lock, is the same for all nodes; later ones follow Data Protection's own rotation.
            keys.EnsureKey();
            foreach (var seed in seeds)
            {
                await seed.RunAsync(db, marksStrays, cancellationToken);
            }
        }
        finally
        {
            await db.Database.ExecuteSqlAsync($"SELECT pg_advisory_unlock({LockId})", CancellationToken.None);
        }
    }

    private async Task BringUpToDateAsync(TokenRefreshDbContext db, CancellationToken cancellationToken)
    {
        await schema.MigrateAsync(db, cancellationToken);
        foreach (var step in steps)
        {
            await step.RunAsync(cancellationToken);
        }
    }

    /// <summary>Checks what <see cref="RunAsync"/> would, for those who change nothing: that the schema is current and in one piece, and the master key.</summary>
    /// <exception cref="WrongMasterKeyException">The database was sealed with another master key.</exception>
    /// <exception cref="OlderSchemaException">The schema is not current.</exception>
    /// <exception cref="SchemaException">It is not in one piece.</exception>
    public async Task CheckAsync(CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        await schema.CheckAsync(db, cancellationToken);
        foreach (var step in steps)
        {
            await step.CheckAsync(cancellationToken);
        }

        await ReadMarkAsync(db, cancellationToken);
    }

    private async Task<MasterKeyMark?> ReadMarkAsync(TokenRefreshDbContext db, CancellationToken cancellationToken)
    {
        var mark = await db.MasterKeyMarks.AsNoTracking().SingleOrDefaultAsync(cancellationToken);
        return mark is null || mark.Fingerprint == masterKey.Fingerprint ? mark : throw new WrongMasterKeyException();
    }

    private async Task CheckMasterKeyAsync(TokenRefreshDbContext db, CancellationToken cancellationToken)
    {
        if (await ReadMarkAsync(db, cancellationToken) is null)
        {
            db.MasterKeyMarks.Add(new() { Fingerprint = masterKey.Fingerprint });
            await db.SaveChangesAsync(cancellationToken);
        }
    }
}

/// <summary>Rows that the settings declare.</summary>
public interface IDatabaseSeed
{
    /// <summary>Brings the rows in line with the settings, under the lock that lets one node at a time do so; repeating it changes nothing.</summary>
    /// <param name="marksStrays">True for a server, whose settings say which rows are active; a verb may run with fewer settings and only adds.</param>
    Task RunAsync(TokenRefreshDbContext db, bool marksStrays, CancellationToken cancellationToken);
}

/// <summary>A further part of the schema that is not this room's, such as Hangfire's.</summary>
public interface IDatabaseStep
{
    /// <summary>Brings that part up to date; repeating it changes nothing.</summary>
    Task RunAsync(CancellationToken cancellationToken);

    /// <summary>Checks that this part is what <see cref="RunAsync"/> would leave, and changes nothing.</summary>
    /// <exception cref="OlderSchemaException">It is older.</exception>
    /// <exception cref="SchemaException">It is elsewhere, or not whole.</exception>
    Task CheckAsync(CancellationToken cancellationToken);
}
