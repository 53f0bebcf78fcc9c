using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using Npgsql;
using Shouldly;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Processes;

/// <summary>Two servers whose connections to Postgres are ended again and again, as a fail-over or a pooler's restart ends them. <c>bench/chaos.sh</c> does worse, for longer.</summary>
public sealed class CutConnectionsTests(PostgresFixture postgres)
{
    private const int Cuts = 4;

    [Fact]
    public async Task Cut_connections_cost_no_reader_of_either_node_a_read_and_both_hear_of_what_is_renewed_meanwhile()
    {
        await using var data = new DataFolder();
        await using var stub = await JibitStub.StartAsync();
        var settings = new Dictionary<string, string>(stub.Settings(data, await postgres.CreateMigratedDatabaseAsync())) { ["Encryption__MasterKey"] = Convert.ToBase64String(new byte[MasterKey.Length]) };
        await using var first = await ServerProcess.ServeAsync(settings);
        await using var second = await ServerProcess.ServeAsync(settings);
        var key = (await ServerProcess.RunAsync(settings, "clients", "add", "reader", "--tokens", "*")).Out.Trim();
        ServerProcess[] nodes = [first, second];
        foreach (var node in nodes)
        {
            node.Http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
            await node.UntilAsync(async () => (await node.Http.GetAsync("/api/tokens/jibit/access-token")).IsSuccessStatusCode, "the token served");
        }

        using var stop = new CancellationTokenSource();
        var reading = nodes.Select(node => Task.Run(() => ReadAsync(node, stop.Token))).ToArray();
        for (var cut = 1; cut <= Cuts; cut++)
        {
            (await CutAsync(settings)).ShouldBeGreaterThan(2);

            // The answer to the call before may have met the cut; until it is saved, that attempt is in flight and answers for every order.
            var saved = cut;
            await first.UntilAsync(async () => await VersionAsync(first) == saved, "what was in flight is saved");
            await first.UntilAsync(
                async () => (await first.Http.PostAsJsonAsync("/api/tokens/refresh", new { token = "jibit", force = true })).IsSuccessStatusCode, "a refresh is ordered");
            var calls = cut + 1;
            await first.UntilAsync(() => Task.FromResult(stub.Calls.Count >= calls), "the provider called");
        }

        foreach (var node in nodes)
        {
            await node.UntilAsync(async () => await VersionAsync(node) == stub.Calls.Count, "the newest token served");
        }

        await stop.CancelAsync();
        (await Task.WhenAll(reading)).ShouldAllBe(reads => reads > 10);
        stub.Peak.ShouldBe(1);
        stub.Reused.ShouldBeEmpty();
    }

    // The first read that fails ends the test.
    private static async Task<int> ReadAsync(ServerProcess node, CancellationToken stop)
    {
        var reads = 0;
        for (; !stop.IsCancellationRequested; reads++)
        {
            await VersionAsync(node);
            await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System, CancellationToken.None);
        }

        return reads;
    }

    private static async Task<long> VersionAsync(ServerProcess node) =>
        (await node.Http.GetFromJsonAsync<JsonElement>("/api/tokens/jibit/access-token")).GetProperty("version").GetInt64();

    private static async Task<long> CutAsync(Dictionary<string, string> settings)
    {
        await using var db = NpgsqlDataSource.Create(settings["ConnectionStrings__TokenRefresh"] + ";Pooling=false");
        return (long)(await db.CreateCommand(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()").ExecuteScalarAsync())!;
    }
}
