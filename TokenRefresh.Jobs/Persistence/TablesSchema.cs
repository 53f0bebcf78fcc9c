using System.Data.Common;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace TokenRefresh.Jobs.Persistence;

/// <summary>The database's schema is not what this version needs, and this process cannot make it so; the message says who can.</summary>
public sealed class SchemaException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>The schema is older than this version's, and the verb that found it so only reads.</summary>
/// <param name="database">The database's name.</param>
/// <param name="pending">What it lacks.</param>
public sealed class OlderSchemaException(string database, string pending) : Exception(
    $"The schema of the database {database} is older than this version, and a read-only verb does not change it. Start this version's server, or run: db migrate (pending: {pending})");

/// <summary>Where the program's tables are, or will be made.</summary>
/// <param name="Name">The schema; every connection has it as its whole search path.</param>
public sealed record TablesSchema(string Name)
{
    /// <summary>The default schema.</summary>
    public static readonly TablesSchema Usual = new("public");

    /// <summary>Makes a change to the schema.</summary>
    /// <param name="connection">Tells who makes it, and where.</param>
    /// <exception cref="SchemaException">This role may not.</exception>
    public async Task ChangeAsync(DbConnection connection, Func<Task> change)
    {
        try
        {
            await change();
        }
        catch (PostgresException error) when (error.SqlState == PostgresErrorCodes.InsufficientPrivilege)
        {
            var role = (connection as NpgsqlConnection)?.UserName;
            throw new SchemaException(
                $"The schema does not match this version, and the role {role} cannot change it ({error.MessageText}). Run 'db migrate' once with the role that owns the tables; "
                + $"on an empty database this also works: GRANT CREATE ON DATABASE \"{connection.Database}\" TO \"{role}\"; GRANT CREATE ON SCHEMA \"{Name}\" TO \"{role}\".", error);
        }
    }

    /// <summary>Applies the migrations that a context has and the database lacks, and checks that its tables are here. What is current needs no right to change anything.</summary>
    /// <exception cref="SchemaException">This role may not, or a table is elsewhere.</exception>
    public async Task MigrateAsync(DbContext db, CancellationToken cancellationToken)
    {
        if ((await db.Database.GetPendingMigrationsAsync(cancellationToken)).Any())
        {
            await ChangeAsync(db.Database.GetDbConnection(), () => db.Database.MigrateAsync(cancellationToken));
        }

        await CheckTablesAsync(db, cancellationToken);
    }

    /// <summary>Checks that a context's migrations are applied and its tables here, and changes nothing.</summary>
    /// <exception cref="OlderSchemaException">A migration is pending.</exception>
    /// <exception cref="SchemaException">A table is elsewhere.</exception>
    public async Task CheckAsync(DbContext db, CancellationToken cancellationToken)
    {
        var pending = (await db.Database.GetPendingMigrationsAsync(cancellationToken)).ToList();
        if (pending.Count > 0)
        {
            throw new OlderSchemaException(db.Database.GetDbConnection().Database, string.Join(", ", pending));
        }

        await CheckTablesAsync(db, cancellationToken);
    }

    /// <summary>Checks that tables are in this schema. One elsewhere would be missed at the first statement, or come back as an empty one.</summary>
    /// <exception cref="SchemaException">One is not.</exception>
    public async Task CheckAsync(DbContext db, string[] tables, CancellationToken cancellationToken)
    {
        var missing = await db.Database.SqlQuery<string>(
            $"""
             SELECT wanted AS "Value" FROM unnest({tables}) AS wanted
             WHERE NOT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = {Name} AND c.relname = wanted)
             """).ToListAsync(cancellationToken);
        if (missing.Count > 0)
        {
            var elsewhere = await db.Database.SqlQuery<string>(
                $"""
                 SELECT format('%I.%I', n.nspname, c.relname) AS "Value" FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                 WHERE c.relname = ANY ({missing}) AND c.relkind IN ('r', 'p') AND n.nspname <> 'sandbox' AND n.nspname NOT LIKE 'pg\_%'
                 """).ToListAsync(cancellationToken);
            throw new SchemaException(elsewhere.Count > 0
                ? $"The program's tables are in the schema {Name}, but {string.Join(", ", elsewhere)} are elsewhere. Move them into one schema, for example with: ALTER TABLE {elsewhere[0]} SET SCHEMA {Name}."
                : $"The schema {Name} has no {string.Join(", ", missing)}, although every migration was applied. Restore it from a backup.");
        }
    }

    private Task CheckTablesAsync(DbContext db, CancellationToken cancellationToken) =>
        CheckAsync(db, [.. db.Model.GetEntityTypes().Select(entity => entity.GetTableName()!).Distinct()], cancellationToken);
}
