using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using Shouldly;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Scheduling;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Server.Hosting;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Processes;

/// <summary>Two servers on one database: neither sends what the other has sent, and one goes on where the other was killed.</summary>
public sealed class TwoNodesTests(PostgresFixture postgres)
{
    private const int Jobs = 30;

    [Fact]
    public async Task Two_nodes_and_a_person_never_have_two_calls_in_flight_for_one_token_nor_send_a_used_refresh_token()
    {
        await using var data = new DataFolder();
        await using var stub = await JibitStub.StartAsync();
        var settings = Settings(stub, data, await postgres.CreateMigratedDatabaseAsync());
        await using var first = await ServerProcess.ServeAsync(settings);
        await using var second = await ServerProcess.ServeAsync(settings);
        await first.UntilAsync(async () => (await first.Http.GetAsync("/health/fresh")).IsSuccessStatusCode, "the token fresh");
        stub.Before = async context =>
        {
            await Task.Delay(TimeSpan.FromMilliseconds(200), TimeProvider.System, context.RequestAborted);
            return HttpStatusCode.OK;
        };

        await using var client = ServerHost.Build(settings.ToDictionary(pair => pair.Key.Replace("__", ":", StringComparison.Ordinal), pair => (string?)pair.Value), Roles.None);
        await StartUp.PrepareAsync(client.Services, isServer: false, TestContext.Current.CancellationToken);
        var queue = client.Services.GetRequiredService<RefreshQueue>();
        for (var job = 0; job < Jobs; job++)
        {
            queue.Enqueue(["jibit"], RefreshTrigger.Forced, "a test");
        }

        // Whoever asks before a call begins is content with what it brings.
        await first.UntilAsync(() => Task.FromResult(stub.Calls.Count > 1), "a call of these jobs");
        var people = await Task.WhenAll(Enumerable.Range(0, 2).Select(_ => ServerProcess.RunAsync(settings, "tokens", "auto-refresh", "--token", "jibit", "--force", "--sync")));
        var view = client.Services.GetRequiredService<QueueView>();
        await first.UntilAsync(() => Task.FromResult(view.Status() is { Enqueued: 0, Processing: 0, Scheduled: 0 }), "every job done");

        people.ShouldAllBe(person => person.ExitCode == 0);
        view.Status().Failed.ShouldBe(0);
        stub.Calls.Count.ShouldBeGreaterThan(2);
        stub.Peak.ShouldBe(1);
        stub.Reused.ShouldBeEmpty();
        (await RowsAsync(settings, "status NOT IN ('success', 'skipped')")).ShouldBe(0);
        foreach (var node in new[] { first, second })
        {
            (await node.StopAsync()).ExitCode.ShouldBe(0);
        }
    }

    [Fact]
    public async Task A_verb_that_has_just_come_takes_nothing_over_because_a_node_may_be_about_to_save_what_it_was_issued()
    {
        await using var data = new DataFolder();
        await using var stub = await JibitStub.StartAsync();
        var settings = Settings(stub, data, await postgres.CreateMigratedDatabaseAsync());
        await ServerProcess.RunAsync(settings, "tokens", "auto-refresh", "--token", "jibit", "--sync");
        await using (var db = NpgsqlDataSource.Create(settings["ConnectionStrings__TokenRefresh"]))
        {
            await db.CreateCommand("UPDATE tokens SET lease_owner = 'another', lease_until = clock_timestamp() - interval '1 second'").ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        }

        var verb = await ServerProcess.RunAsync(settings, "tokens", "auto-refresh", "--token", "jibit", "--force", "--sync");

        verb.Out.ShouldContain("in flight");
        stub.Calls.ShouldBe(["generate"]);
    }

    /// <summary>It waits for the real lease to run out, which is the provider's time limit and ten seconds.</summary>
    [Fact]
    public async Task A_node_that_is_killed_in_the_middle_of_a_call_is_stood_in_for_within_two_minutes()
    {
        await using var data = new DataFolder();
        await using var stub = await JibitStub.StartAsync();
        var settings = Settings(stub, data, await postgres.CreateMigratedDatabaseAsync());
        (settings["Providers__Jibit__Timeout"], settings["TokenRefresh__Schedule__DueCheckCron"]) = ("00:00:15", "*/5 * * * * *");
        stub.Before = async context =>
        {
            if (stub.Calls.Count == 1)
            {
                await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, context.RequestAborted);
            }

            return HttpStatusCode.OK;
        };
        await using var killed = await ServerProcess.ServeAloneAsync(settings);
        await killed.UntilAsync(() => Task.FromResult(!stub.Calls.IsEmpty), "a call held by the provider");
        await using var other = await ServerProcess.ServeAsync(settings);
        killed.Signal("KILL");

        await other.UntilAsync(
            async () => (await other.Http.GetAsync("/health/fresh")).IsSuccessStatusCode && await RowsAsync(settings, "status = 'running'") == 0,
            "the token fresh and no row running", TimeSpan.FromMinutes(2));
        (await RowsAsync(settings, "error_code = 'abandoned'")).ShouldBe(1);
        stub.Calls.Count.ShouldBe(2);
    }

    private static Dictionary<string, string> Settings(JibitStub stub, DataFolder data, string connectionString) =>
        new(stub.Settings(data, connectionString)) { ["Encryption__MasterKey"] = Convert.ToBase64String(new byte[MasterKey.Length]) };

    private static async Task<long> RowsAsync(Dictionary<string, string> settings, string condition)
    {
        await using var connection = new NpgsqlConnection(settings["ConnectionStrings__TokenRefresh"]);
        await connection.OpenAsync();
        await using var count = new NpgsqlCommand($"SELECT count(*) FROM token_refresh_logs WHERE {condition}", connection);
        return (long)(await count.ExecuteScalarAsync())!;
    }
}
