using System.Diagnostics;
using Npgsql;

namespace TokenRefresh.Server.Hosting;

/// <summary>A move that was not made; the message says why and what to do. Nothing was changed on either side.</summary>
internal sealed class DatabaseMoveException(string message) : Exception(message);

/// <summary>One side of a move.</summary>
/// <param name="Connection">A session whose search path is the schema.</param>
/// <param name="Schema">Where the program's own tables are, or will be.</param>
internal sealed record MoveSide(NpgsqlConnection Connection, string Schema);

/// <summary>A table that was moved.</summary>
internal sealed record MovedTable(string Name, long Rows);

/// <summary>
/// Copies all of the program's tables, Hangfire's too, from one database into another that was prepared by the same version and is not
/// in use yet: one snapshot, one transaction, so that a move that is cut short leaves the target as it was. Neither side needs more
/// rights than the owner of the tables has, nor tools of Postgres.
/// </summary>
internal sealed class DatabaseMove(MoveSide from, MoveSide to, TimeProvider clock)
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);

    /// <summary>A process that has just ended is seen by Postgres for a moment.</summary>
    private const int Looks = 10;

    // Which migrations a database has is its own matter, and the sandbox's pairs are worth nothing.
    private const string TablesSql =
        """
        SELECT t.oid::bigint, CASE n.nspname WHEN $1 THEN '' ELSE 'hangfire.' END || t.relname, format('%I.%I', n.nspname, t.relname),
               (SELECT string_agg(format('%I', a.attname), ', ' ORDER BY a.attname) FROM pg_attribute a WHERE a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''),
               ARRAY(SELECT f.confrelid::bigint FROM pg_constraint f WHERE f.conrelid = t.oid AND f.contype = 'f' AND f.confrelid <> t.oid)
        FROM pg_class t JOIN pg_namespace n ON n.oid = t.relnamespace
        WHERE t.relkind = 'r' AND n.nspname IN ($1, 'hangfire') AND t.relname NOT LIKE '\_\_%' AND (n.nspname, t.relname) <> ('hangfire', 'schema')
        ORDER BY 2
        """;

    private const string SequencesSql =
        "SELECT CASE schemaname WHEN $1 THEN $2 ELSE 'hangfire' END, sequencename::text, last_value FROM pg_sequences WHERE schemaname IN ($1, 'hangfire') AND last_value IS NOT NULL";

    /// <summary>Finds what stands against the move before anything is written.</summary>
    /// <param name="masterKey">The fingerprint of this process's master key.</param>
    /// <exception cref="DatabaseMoveException">Something does.</exception>
    public async Task CheckAsync(string masterKey, CancellationToken cancellationToken)
    {
        await RefuseWhileInUseAsync(cancellationToken);
        if (!await IsPreparedAsync(from, cancellationToken))
        {
            throw new DatabaseMoveException("Nothing to move: no server has used this database yet. Start one with the new connection string.");
        }

        if (await ScalarAsync<string>(from, "SELECT fingerprint FROM master_key_mark", cancellationToken) != masterKey)
        {
            throw new DatabaseMoveException("Encryption__MasterKey is not the key that this database is encrypted with. Use the key of its nodes.");
        }

        await RefuseUsedTargetAsync(cancellationToken);
    }

    /// <summary>Copies everything; what the target held is replaced.</summary>
    /// <param name="progress">Hears of each table.</param>
    /// <exception cref="DatabaseMoveException">The two do not have the same schema.</exception>
    public async Task<IReadOnlyList<MovedTable>> RunAsync(Action<string> progress, CancellationToken cancellationToken)
    {
        await using var snapshot = await from.Connection.BeginTransactionAsync(System.Data.IsolationLevel.RepeatableRead, cancellationToken);
        await using var change = await to.Connection.BeginTransactionAsync(cancellationToken);
        var tables = await TablesAsync(to, cancellationToken);
        var source = (await TablesAsync(from, cancellationToken)).ToDictionary(table => table.Key);
        if (tables.Find(table => source.GetValueOrDefault(table.Key)?.Columns != table.Columns) is { } other)
        {
            throw new DatabaseMoveException($"The table {other.Name} differs between the two databases. Start this version once on the source database (or run: db migrate), stop it, then move.");
        }

        // What triggers count, tell and refuse was counted, told and refused at the old place.
        await ForEachAsync(tables, "DISABLE TRIGGER USER", cancellationToken);
        await ExecuteAsync($"TRUNCATE {string.Join(", ", tables.Select(table => table.Name))}", cancellationToken);
        var moved = new List<MovedTable>();
        foreach (var table in InOrder(tables))
        {
            progress(table.Name);
            moved.Add(await CopyAsync(source[table.Key], table, cancellationToken));
        }

        foreach (var (schema, sequence, last) in await RowsAsync(from, SequencesSql, row => (row.GetString(0), row.GetString(1), row.GetInt64(2)), cancellationToken, to.Schema))
        {
            // A sequence that the target does not have does not belong to this program.
            await using var set = new NpgsqlCommand("SELECT setval(to_regclass(format('%I.%I', $1, $2)), $3)", to.Connection) { Parameters = { new() { Value = schema }, new() { Value = sequence }, new() { Value = last } } };
            await set.ExecuteNonQueryAsync(cancellationToken);
        }

        await ForEachAsync(tables, "ENABLE TRIGGER USER", cancellationToken);

        // A supervisor may have started a node meanwhile; what it renewed is not in the snapshot.
        await RefuseWhileInUseAsync(cancellationToken);
        await change.CommitAsync(cancellationToken);
        await ExecuteAsync("ANALYZE", cancellationToken);
        return moved;
    }

    private async Task<MovedTable> CopyAsync(Table source, Table table, CancellationToken cancellationToken)
    {
        await using (var rows = await from.Connection.BeginRawBinaryCopyAsync($"COPY {source.Name} ({table.Columns}) TO STDOUT (FORMAT BINARY)", cancellationToken))
        await using (var copy = await to.Connection.BeginRawBinaryCopyAsync($"COPY {table.Name} ({table.Columns}) FROM STDIN (FORMAT BINARY)", cancellationToken))
        {
            await rows.CopyToAsync(copy, cancellationToken);
        }

        var (there, here) = (await ScalarAsync<long>(from, $"SELECT count(*) FROM {source.Name}", cancellationToken), await ScalarAsync<long>(to, $"SELECT count(*) FROM {table.Name}", cancellationToken));
        return there == here ? new(table.Name, here) : throw new DatabaseMoveException($"Only {here} of {there} rows of {table.Name} were copied. Nothing was moved; try again.");
    }

    // Two databases that renew the same grant kill each other's refresh tokens.
    private async Task RefuseWhileInUseAsync(CancellationToken cancellationToken)
    {
        const string Others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'TokenRefresh' AND pid <> pg_backend_pid()";
        for (var look = 1; await ScalarAsync<long>(from, Others, cancellationToken) > 0; look++)
        {
            if (look == Looks)
            {
                throw new DatabaseMoveException("A server or a verb is using the source database. Stop every node, then move: a token renewed in between would be lost.");
            }

            await Task.Delay(Pause, clock, cancellationToken);
        }
    }

    // A target that a move has prepared and then not filled is as good as empty.
    private async Task RefuseUsedTargetAsync(CancellationToken cancellationToken)
    {
        var isUsed = await IsPreparedAsync(to, cancellationToken)
            ? "SELECT EXISTS (SELECT FROM tokens WHERE version > 0) OR EXISTS (SELECT FROM token_refresh_logs)"
            : "SELECT EXISTS (SELECT FROM pg_tables WHERE schemaname IN (current_schema(), 'hangfire'))";
        if (await ScalarAsync<bool>(to, isUsed, cancellationToken))
        {
            throw new DatabaseMoveException($"The target {to.Connection.Host}/{to.Connection.Database} is not empty. Create a database for TokenRefresh only, and use that one.");
        }
    }

    private static Task<bool> IsPreparedAsync(MoveSide db, CancellationToken cancellationToken) =>
        ScalarAsync<bool>(db, "SELECT to_regclass('master_key_mark') IS NOT NULL", cancellationToken);

    private async Task ForEachAsync(IEnumerable<Table> tables, string change, CancellationToken cancellationToken)
    {
        foreach (var table in tables)
        {
            await ExecuteAsync($"ALTER TABLE {table.Name} {change}", cancellationToken);
        }
    }

    /// <summary>Those that others refer to come first.</summary>
    private static IEnumerable<Table> InOrder(List<Table> tables)
    {
        HashSet<long> done = [];
        for (var left = tables; left.Count > 0; left = [.. left.Where(table => !done.Contains(table.Id))])
        {
            var ready = left.Where(table => table.RefersTo.All(done.Contains)).ToList();
            if (ready.Count == 0)
            {
                throw new UnreachableException("Tables refer to each other in a circle.");
            }

            foreach (var table in ready)
            {
                done.Add(table.Id);
                yield return table;
            }
        }
    }

    private static Task<List<Table>> TablesAsync(MoveSide db, CancellationToken cancellationToken) =>
        RowsAsync(db, TablesSql, row => new Table(row.GetInt64(0), row.GetString(1), row.GetString(2), row.GetString(3), row.GetFieldValue<long[]>(4)), cancellationToken);

    private static async Task<List<T>> RowsAsync<T>(MoveSide db, string sql, Func<NpgsqlDataReader, T> read, CancellationToken cancellationToken, params string[] further)
    {
        await using var command = new NpgsqlCommand(sql, db.Connection);
        foreach (var value in further.Prepend(db.Schema))
        {
            command.Parameters.Add(new() { Value = value });
        }

        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var rows = new List<T>();
        while (await reader.ReadAsync(cancellationToken))
        {
            rows.Add(read(reader));
        }

        return rows;
    }

    private static async Task<T> ScalarAsync<T>(MoveSide db, string sql, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(sql, db.Connection);
        return (T)(await command.ExecuteScalarAsync(cancellationToken))!;
    }

    private async Task ExecuteAsync(string sql, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(sql, to.Connection) { CommandTimeout = 0 };
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <param name="Key">The same on both sides, whatever the schema is called.</param>
    private sealed record Table(long Id, string Key, string Name, string Columns, IReadOnlyList<long> RefersTo);
}
