using Npgsql;

namespace TokenRefresh.Tests.Fixtures;

/// <summary>Sets a database read-only as an administrator does, with all its connections cut, and back.</summary>
internal static class ReadOnlyDatabase
{
    public static Task BeginAsync(string connectionString) => SetAsync(connectionString, "SET default_transaction_read_only = on", cuts: true);

    /// <param name="cuts">False where the sessions of the read-only time go on.</param>
    public static Task EndAsync(string connectionString, bool cuts = false) => SetAsync(connectionString, "RESET default_transaction_read_only", cuts);

    private static async Task SetAsync(string connectionString, string setting, bool cuts)
    {
        await using var admin = NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(connectionString) { Pooling = false, Options = "-c default_transaction_read_only=off" }.ConnectionString);
        var name = new NpgsqlConnectionStringBuilder(connectionString).Database;
        await admin.CreateCommand($"ALTER DATABASE \"{name}\" {setting}").ExecuteNonQueryAsync();
        if (cuts)
        {
            await admin.CreateCommand("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()").ExecuteNonQueryAsync();
        }
    }
}
