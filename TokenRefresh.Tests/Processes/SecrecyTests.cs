using System.Net;
using System.Text;
using Microsoft.AspNetCore.Http;
using Npgsql;
using Shouldly;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Processes;

/// <summary>Credentials and tokens leave the program in calls to their provider and nowhere else.</summary>
public sealed class SecrecyTests(PostgresFixture postgres)
{
    private const string Planted = "planted-secret";

    private static readonly string[] TracedCategories = ["Default", "Microsoft", "Microsoft.EntityFrameworkCore", "Microsoft.Hosting.Lifetime", "Hangfire", "Npgsql", "System.Net.Http", "Polly"];

    [Fact]
    public async Task No_secret_appears_in_outputs_traces_job_arguments_or_rows()
    {
        await using var data = new DataFolder();
        await using var stub = await JibitStub.StartAsync();
        var connectionString = await postgres.CreateMigratedDatabaseAsync();
        var traced = new Dictionary<string, string>(stub.Settings(data, connectionString)) { ["Tokens__sms__Provider"] = "jibit", ["Tokens__sms__Grant"] = "Imported" };
        foreach (var category in TracedCategories)
        {
            traced[$"Logging__LogLevel__{category}"] = "Trace";
        }

        var seen = new StringBuilder();
        await using (var server = await ServerProcess.ServeAsync(traced))
        {
            await server.UntilAsync(() => Task.FromResult(!stub.Calls.IsEmpty), "a first token");
            var soon = TimeProvider.System.GetUtcNow().AddHours(5).ToString("O");
            var imported = await ServerProcess.RunWithInputAsync(traced, $$"""{"access_token":"{{Planted}}-imported","refresh_token":"{{Planted}}-imported-too","expires_at":"{{soon}}"}""", "tokens", "import", "sms");
            imported.ExitCode.ShouldBe(0, imported.Error);
            Keep(imported);
            await VerbAsync("tokens auto-refresh --token jibit --force --sync");

            foreach (var refusal in new[] { HttpStatusCode.InternalServerError, HttpStatusCode.Unauthorized })
            {
                stub.Before = _ => Task.FromResult(refusal);
                await VerbAsync("tokens auto-refresh --token jibit --force --sync");
            }

            stub.Before = async context =>
            {
                await context.Response.WriteAsync($$"""{"accessToken":"{{Planted}}-cut-of""");
                return HttpStatusCode.OK;
            };
            await VerbAsync("tokens auto-refresh --token jibit --force --json");
            await server.UntilAsync(async () => (await VerbAsync("logs show --json")).Contains("invalid_response", StringComparison.Ordinal), "the broken answer logged");
            foreach (var verb in new[] { "tokens health", "tokens list --json", "tokens test jibit", "tokens test sms", "logs show", "logs statistics", "schedule list", "queue status --json", "db status" })
            {
                await VerbAsync(verb);
            }

            Keep(await server.StopAsync());
        }

        seen.ToString().ShouldContain("trce: ");
        Lines(seen.ToString()).ShouldBeEmpty("in outputs and traces");
        Lines(await DumpAsync(connectionString)).ShouldBeEmpty("in the database");
        stub.Reused.ShouldBeEmpty();

        async Task<string> VerbAsync(string call) => Keep(await ServerProcess.RunAsync(traced, call.Split(' '))).Out;

        Finished Keep(Finished end)
        {
            seen.AppendLine(end.Out).AppendLine(end.Error);
            return end;
        }
    }

    private static IEnumerable<string> Lines(string text) => text.Split('\n').Where(line => line.Contains(Planted, StringComparison.OrdinalIgnoreCase)).Take(5);

    private static async Task<string> DumpAsync(string connectionString)
    {
        await using var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync();
        await using var dump = new NpgsqlCommand("SELECT schema_to_xml('public', true, false, '')::text || schema_to_xml('hangfire', true, false, '')::text", connection);
        var text = (string)(await dump.ExecuteScalarAsync())!;
        text.ShouldContain("jibit");
        text.ShouldContain("RefreshTokensJob");
        return text;
    }
}
