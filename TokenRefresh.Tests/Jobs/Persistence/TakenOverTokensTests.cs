using System.Net;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using Shouldly;
using TokenRefresh.Jobs.Catalog;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Tests.Fixtures;
using TokenRefresh.Tests.Server.Api;

namespace TokenRefresh.Tests.Jobs.Persistence;

/// <summary>A database as the version before the catalogue left it, with ten declared tokens, one of them paused; the same settings, and this version's program.</summary>
public sealed class TakenOverTokensTests(PostgresFixture postgres)
{
    private const string Stored =
        """
        SELECT string_agg(concat_ws('|', name, provider, version, access_token, refresh_token, issued_at, expires_at, refresh_expires_at, refresh_due_at, last_attempt_at, last_success_at, paused_at, pause_reason, metadata), E'\n' ORDER BY name) FROM tokens
        """;

    private const string Log = "SELECT string_agg(token_refresh_logs::text, E'\\n' ORDER BY id) FROM token_refresh_logs";

    /// <summary>Within the life of each of these tokens, and before any is due.</summary>
    private static readonly DateTimeOffset Then = new(2026, 12, 1, 15, 0, 0, TimeSpan.Zero);

    [Fact]
    public async Task Ten_declared_tokens_are_served_as_they_are_stored_and_no_provider_is_asked()
    {
        var database = await postgres.CreateMigratedDatabaseAsync();
        using var dump = new StreamReader(typeof(TakenOverTokensTests).Assembly.GetManifestResourceStream("BeforeCatalog.sql")!);
        await RestoreAsync(database, $"DROP SCHEMA public CASCADE; {await dump.ReadToEndAsync()}");
        var (tokens, log) = (await ReadAsync(database, Stored), await ReadAsync(database, Log));

        await using (var server = await RunningServer.StartAsync(
            postgres, database, withSandbox: true, clock: new ShiftedClock(Then - TimeProvider.System.GetUtcNow()),
            settings: [("Encryption:MasterKey", Convert.ToBase64String([.. Enumerable.Range(0, MasterKey.Length).Select(number => (byte)number)])), ("TokenRefresh:Schedule:DueCheckCron", "* * * * * *")]))
        {
            await RunningServer.UntilAsync(async () => await CountAsync(database, "heartbeats WHERE name = 'scheduler'") > 0, "the due check has looked");
            using var http = new ApiProgram(server, await ApiServer.KeyAsync(server, "program", "*")).Http;
            var names = server.Services.GetRequiredService<ConfiguredTokens>().All.Select(token => token.Name).ToList();
            foreach (var name in names)
            {
                var read = await http.GetAsync($"/api/tokens/{name}/access-token");
                read.StatusCode.ShouldBe(HttpStatusCode.OK, $"{name}: {await read.Content.ReadAsStringAsync()}");
                JsonDocument.Parse(await read.Content.ReadAsStringAsync()).RootElement.GetProperty("version").GetInt64().ShouldBe(1);
                JsonDocument.Parse(await http.GetStringAsync($"/api/tokens/{name}")).RootElement.GetProperty("origin").GetString().ShouldBe("declared");
            }

            names.Count.ShouldBe(10);
            await using var db = await server.Services.GetRequiredService<IDbContextFactory<TokenRefreshDbContext>>().CreateDbContextAsync();
            (await db.Providers.OrderBy(provider => provider.Name).Select(provider => provider.Name).ToListAsync()).ShouldBe(["finnotech", "jibit"]);
            (await db.Tokens.AsNoTracking().SingleAsync(token => token.Name == "fino_token")).Scopes.ShouldBe(["boomrang:tokens:get", "boomrang:wages:get", "boomrang:token:delete"]);
        }

        (await ReadAsync(database, Stored)).ShouldBe(tokens);
        (await ReadAsync(database, Log)).ShouldBe(log);
        await postgres.DropDatabaseAsync(database);
    }

    private static async Task RestoreAsync(string database, string sql)
    {
        await using var connection = new NpgsqlConnection(database);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }

    private static Task<long> CountAsync(string database, string what) => ScalarAsync<long>(database, $"SELECT count(*) FROM {what}");

    private static Task<string> ReadAsync(string database, string sql) => ScalarAsync<string>(database, sql);

    private static async Task<T> ScalarAsync<T>(string database, string sql)
    {
        await using var connection = new NpgsqlConnection(database);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        return (T)(await command.ExecuteScalarAsync())!;
    }
}
