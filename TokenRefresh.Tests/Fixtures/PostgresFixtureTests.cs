using Npgsql;
using Shouldly;

namespace TokenRefresh.Tests.Fixtures;

public sealed class PostgresFixtureTests(PostgresFixture postgres)
{
    [Fact]
    public async Task A_template_is_prepared_once_and_every_clone_is_a_database_of_its_own()
    {
        var prepared = 0;
        var template = Guid.NewGuid().ToString("N");
        Task<string> CloneAsync() => postgres.CreateDatabaseAsync(
            connectionString =>
            {
                prepared++;
                return ExecuteAsync(connectionString, "CREATE TABLE things (n int)");
            },
            template);

        var clones = await Task.WhenAll(CloneAsync(), CloneAsync(), CloneAsync());
        await ExecuteAsync(clones[0], "INSERT INTO things VALUES (1)");

        prepared.ShouldBe(1);
        (await CountAsync(clones[0])).ShouldBe(1);
        (await CountAsync(clones[1])).ShouldBe(0);
    }

    private static async Task ExecuteAsync(string connectionString, string sql)
    {
        await using var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }

    private static async Task<long> CountAsync(string connectionString)
    {
        await using var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand("SELECT count(*) FROM things", connection);
        return (long)(await command.ExecuteScalarAsync())!;
    }
}
