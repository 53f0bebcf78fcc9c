using Npgsql;
using Shouldly;

namespace TokenRefresh.Tests.Processes;

/// <summary>What the tests of databases that people really have share.</summary>
internal static class RealDatabases
{
    public const string Setting = "ConnectionStrings__TokenRefresh";

    private static readonly string[][] Makers = [["serve", "--urls", "http://127.0.0.1:0"], ["db", "migrate"], ["users", "add", "olga", "--role", "viewer"]];
    private static readonly string[] Reader = ["tokens", "health"];

    /// <summary>The one line in which a start and the commonest verbs all end.</summary>
    public static Task<string> RefusedAsync(Dictionary<string, string> settings) => RefusedAsync(settings, [.. Makers, Reader]);

    /// <summary>The one line in which all end that would make the schema where there is none.</summary>
    public static Task<string> MakersRefusedAsync(Dictionary<string, string> settings) => RefusedAsync(settings, Makers);

    private static async Task<string> RefusedAsync(Dictionary<string, string> settings, string[][] calls)
    {
        var ends = await Task.WhenAll(calls.Select(call => ServerProcess.RunAsync(settings, call)));

        ends.ShouldAllBe(end => end.ExitCode == 1 || end.ExitCode == 2, string.Join('\n', ends.Select(end => end.Error)));
        ends.ShouldAllBe(end => end.Out.Length == 0);
        return ends.SelectMany(end => end.ErrorLines.Length == 1 ? end.ErrorLines : [$"no single line: {end.Error}"]).Distinct().ShouldHaveSingleItem();
    }

    public static async Task ExecuteAsync(string connectionString, string sql)
    {
        await using var db = NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(connectionString) { Pooling = false });
        await using var command = db.CreateCommand(sql);
        await command.ExecuteNonQueryAsync();
    }

    public static async Task<T> ScalarAsync<T>(string connectionString, string sql)
    {
        await using var db = NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(connectionString) { Pooling = false });
        await using var command = db.CreateCommand(sql);
        return (T)(await command.ExecuteScalarAsync())!;
    }
}
