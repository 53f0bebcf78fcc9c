using Hangfire;
using Hangfire.PostgreSql;
using Hangfire.PostgreSql.Factories;

namespace TokenRefresh.Bench;

/// <summary>What people write without this program: Hangfire on the same Postgres, a job that makes the call, and nothing saved.</summary>
internal static class BareHangfire
{
    private static readonly HttpClient Http = new();

    /// <summary>Enqueues the jobs, then starts a server of twenty workers (Hangfire's most by default) and waits until all calls were made.</summary>
    public static async Task RunAsync(string connectionString, string address, int jobs, int callsEach)
    {
        var options = new PostgreSqlStorageOptions { QueuePollInterval = TimeSpan.FromSeconds(1.5), UseSlidingInvisibilityTimeout = true, InvisibilityTimeout = TimeSpan.FromMinutes(1) };
        var storage = new PostgreSqlStorage(new NpgsqlConnectionFactory(connectionString, options), options);
        var client = new BackgroundJobClient(storage);
        for (var number = 0; number < jobs; number++)
        {
            client.Enqueue(() => CallAsync(address, callsEach));
        }

        using var server = new BackgroundJobServer(new BackgroundJobServerOptions { WorkerCount = 20 }, storage);
        var monitor = storage.GetMonitoringApi();
        await WaitFor.TrueAsync(() => Task.FromResult(monitor.SucceededListCount() >= jobs), "all jobs are done");
    }

    /// <summary>Hangfire calls this; public because it has to.</summary>
    public static Task CallAsync(string address, int calls) => Task.WhenAll(Enumerable.Range(0, calls).Select(async _ =>
    {
        using var answer = await Http.PostAsJsonAsync($"{address}/v1/tokens/generate", new { apiKey = "key", secretKey = "secret" });
        answer.EnsureSuccessStatusCode();
    }));
}
