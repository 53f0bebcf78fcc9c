using Npgsql;

namespace TokenRefresh.Bench;

/// <summary>What Postgres writes of the statements that it runs.</summary>
internal static class PostgresLog
{
    /// <summary>The statements per second within a time in which nothing is asked of the nodes.</summary>
    public static async Task<double> StatementsAsync(string connectionString, TimeSpan rest)
    {
        await using var db = NpgsqlDataSource.Create(connectionString);
        var log = Path.Combine(Path.GetDirectoryName((string)(await db.CreateCommand("SHOW data_directory").ExecuteScalarAsync())!)!, "server.log");
        await db.CreateCommand("ALTER SYSTEM SET log_statement = 'all'").ExecuteNonQueryAsync();
        await db.CreateCommand("SELECT pg_reload_conf()").ExecuteNonQueryAsync();
        await Task.Delay(TimeSpan.FromSeconds(1), TimeProvider.System);
        var before = new FileInfo(log).Length;
        await Task.Delay(rest, TimeProvider.System);
        await using var stream = new FileStream(log, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        stream.Seek(before, SeekOrigin.Begin);
        using var reader = new StreamReader(stream);
        var lines = (await reader.ReadToEndAsync()).Split('\n').Count(line => line.Contains("LOG:  execute", StringComparison.Ordinal) || line.Contains("LOG:  statement:", StringComparison.Ordinal));
        await db.CreateCommand("ALTER SYSTEM RESET log_statement").ExecuteNonQueryAsync();
        await db.CreateCommand("SELECT pg_reload_conf()").ExecuteNonQueryAsync();
        return lines / rest.TotalSeconds;
    }
}
