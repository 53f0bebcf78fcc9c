using Npgsql;

namespace TokenRefresh.Server.Hosting;

/// <summary>Looks at a database before anything is written to it: whether the program can work there, and in which schema its tables are.</summary>
/// <param name="where">The database, for people.</param>
internal sealed class DatabaseInspection(NpgsqlConnection connection, string where)
{
    private const int OldestMajor = 14;

    // One table of each part that no other program is likely to have: the tokens' and the operators'.
    private const string FactsSql =
        """
        WITH parts(part, marker) AS (VALUES ('tokens', 'master_key_mark'), ('operators', '__operators_migrations')),
        found AS (
          SELECT part, nspname::text AS name, nspname = ANY (current_schemas(false)) AS on_path
          FROM parts JOIN pg_class c ON c.relname = marker AND c.relkind IN ('r', 'p') JOIN pg_namespace n ON n.oid = c.relnamespace
          WHERE nspname NOT LIKE 'pg\_%')
        SELECT current_setting('server_encoding'), pg_backend_pid(), current_schema()::text, current_setting('search_path'), current_user::text,
               -- A copy beside the search path, such as a backup, is not the program's unless there is nothing else.
               ARRAY(SELECT part || ' in ' || name FROM found f WHERE on_path OR NOT EXISTS (SELECT FROM found o WHERE o.part = f.part AND o.on_path) ORDER BY part DESC, name),
               ARRAY(SELECT DISTINCT name FROM found f WHERE on_path OR NOT EXISTS (SELECT FROM found o WHERE o.part = f.part AND o.on_path))
        """;

    /// <summary>The schema that holds the program's tables, or will.</summary>
    /// <exception cref="StartUpException">The program cannot work there; the message says what to do.</exception>
    public async Task<string> SchemaAsync(CancellationToken cancellationToken)
    {
        if (connection.PostgreSqlVersion.Major < OldestMajor)
        {
            throw new StartUpException($"The database at {where} is Postgres {connection.PostgreSqlVersion}; version {OldestMajor} or newer is needed.");
        }

        var facts = await FactsAsync(cancellationToken);
        if (facts.Encoding != "UTF8")
        {
            throw new StartUpException(
                $"The database at {where} is encoded in {facts.Encoding}; UTF8 is required. Create one: CREATE DATABASE tokenrefresh ENCODING 'UTF8' LOCALE 'C' TEMPLATE template0. "
                + "Use pg_dump and pg_restore to copy the old one.");
        }

        // A pooler makes up the number that a client is told; Postgres itself tells its own.
        if (facts.BackendId != connection.ProcessID && !await SessionsLastAsync(cancellationToken))
        {
            throw new StartUpException(
                $"The database at {where} is behind a connection pooler in transaction mode, such as PgBouncer with pool_mode = transaction: session notifications, locks and prepared statements are lost there. "
                + "Set pool_mode = session for this database, or connect to Postgres directly in ConnectionStrings__TokenRefresh.");
        }

        return await SchemaAsync(facts, cancellationToken);
    }

    private async Task<string> SchemaAsync(Facts facts, CancellationToken cancellationToken)
    {
        if (facts.Schemas.Length > 1)
        {
            throw new StartUpException(
                $"The program's tables at {where} are in more than one schema: {string.Join(", ", facts.Parts)}. Move them into one schema (ALTER TABLE … SET SCHEMA …), or drop the unused copy; "
                + "if each schema has a complete set, select one with 'Search Path=…' in ConnectionStrings__TokenRefresh.");
        }

        if (facts.Schemas is not [var schema])
        {
            return facts.CurrentSchema ?? throw new StartUpException(
                $"The database at {where} has no schema for the program's tables: none of the search path ({facts.SearchPath}) exists and is accessible to the role {facts.Role}. Create one, and GRANT USAGE, CREATE ON SCHEMA … TO {facts.Role}.");
        }

        // A schema that may not be used is skipped in a search path as if it were not there, and the tables would be missed one by one.
        await using var rights = new NpgsqlCommand("SELECT has_schema_privilege($1, 'USAGE')", connection) { Parameters = { new() { Value = schema } } };
        return (bool)(await rights.ExecuteScalarAsync(cancellationToken))!
            ? schema
            : throw new StartUpException($"The program's tables at {where} are in the schema {schema}, which the role {facts.Role} cannot use: GRANT USAGE ON SCHEMA {schema} TO {facts.Role}.");
    }

    // Behind a pooler in transaction mode, three clients that take turns appear on one server session, or one client on two.
    private async Task<bool> SessionsLastAsync(CancellationToken cancellationToken)
    {
        await using var second = connection.CloneWith(connection.ConnectionString);
        await using var third = connection.CloneWith(connection.ConnectionString);
        await second.OpenAsync(cancellationToken);
        await third.OpenAsync(cancellationToken);
        var seen = new Dictionary<NpgsqlConnection, int>();
        foreach (var client in new[] { connection, second, third, connection, second, connection, third })
        {
            await using var command = new NpgsqlCommand("SELECT pg_backend_pid()", client);
            var session = (int)(await command.ExecuteScalarAsync(cancellationToken))!;
            if (seen.Any(other => (other.Key == client) != (other.Value == session)))
            {
                return false;
            }

            seen[client] = session;
        }

        return true;
    }

    private async Task<Facts> FactsAsync(CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(FactsSql, connection);
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        await row.ReadAsync(cancellationToken);
        return new(
            row.GetString(0), row.GetInt32(1), await row.IsDBNullAsync(2, cancellationToken) ? null : row.GetString(2), row.GetString(3), row.GetString(4),
            row.GetFieldValue<string[]>(5), row.GetFieldValue<string[]>(6));
    }

    private sealed record Facts(string Encoding, int BackendId, string? CurrentSchema, string SearchPath, string Role, string[] Parts, string[] Schemas);
}

/// <summary>What each session of ours is set to, whatever the database and the role have as their defaults.</summary>
internal static class SessionSettings
{
    /// <summary>The statements.</summary>
    /// <param name="schema">Where the program's tables are.</param>
    /// <remarks>
    /// The schema alone, or one that is made later and comes earlier in the path would be taken for ours. Read committed, because each statement that writes
    /// carries its own conditions; the stricter levels only take back what would have been right.
    /// </remarks>
    public static string Sql(string schema) =>
        $"SET search_path TO \"{schema.Replace("\"", "\"\"", StringComparison.Ordinal)}\"; SET default_transaction_isolation TO 'read committed'";
}
