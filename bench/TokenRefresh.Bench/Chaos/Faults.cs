using System.Collections.Concurrent;

namespace TokenRefresh.Bench.Chaos;

/// <summary>A fault as it was made.</summary>
internal sealed record Fault(string Name, DateTimeOffset From, DateTimeOffset To, string Words);

/// <summary>Makes things go wrong: three lines of faults beside one another, each in an order and at times that the seed draws, until the time is up and each was made at least once.</summary>
internal sealed class Faults(
    ChaosNodes nodes, ChaosPostgres postgres, ProviderModel provider, Mailbox mailbox, Timeline timeline, int seed)
{
    private const string MailGone = "SMTP down, and an incident meanwhile";

    /// <summary>The provider's time-out of five seconds, and ten.</summary>
    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(15);

    private static readonly TimeSpan Catching = TimeSpan.FromSeconds(90);

    private readonly ConcurrentQueue<Fault> made = [];

    /// <summary>Every fault, in order.</summary>
    public IReadOnlyList<Fault> Made => [.. made.OrderBy(fault => fault.From)];

    /// <summary>When the last fault ended that keeps tokens from being renewed.</summary>
    public DateTimeOffset LastOfTokens => made.Where(fault => fault.Name != MailGone).Max(fault => fault.To);

    public async Task RunAsync(TimeSpan time)
    {
        var end = Timeline.Now + time;
        await Task.WhenAll(
            // One node at a time, so that the others live.
            LineAsync(new(seed, 1), end,
            [
                chance => KillAsync(chance, processes: false),
                chance => KillAsync(chance, processes: true),
                StopAsync,
            ]),
            LineAsync(new(seed, 2), end,
            [
                _ => MakeAsync("Postgres restarted", () => postgres.RestartAsync()),
                _ => MakeAsync("Postgres crashed and was started by its supervisor", () => postgres.CrashAsync()),
                _ => AwayAsync(),
                _ => CutAsync(),
                .. postgres.HasOwnDisk ? new Func<Chance, Task>[] { FullDiskAsync } : [],
            ]),
            LineAsync(new(seed, 3), end, [MailAndProviderAwayAsync, SlowAsync]));
    }

    private static async Task LineAsync(Chance chance, DateTimeOffset end, IReadOnlyList<Func<Chance, Task>> faults)
    {
        for (var isFirst = true; isFirst || Timeline.Now < end; isFirst = false)
        {
            foreach (var fault in chance.Shuffle(faults))
            {
                if (!isFirst && Timeline.Now > end)
                {
                    return;
                }

                await Task.Delay(chance.Between(15, 40), TimeProvider.System);
                await fault(chance);
            }
        }
    }

    private async Task KillAsync(Chance chance, bool processes)
    {
        var (victim, trap) = await VictimAsync(chance, processes);
        await MakeAsync($"kill -9 of a node in the middle of a call, {(processes ? "which the provider had processed" : "which the provider had not processed yet")}", async () =>
        {
            nodes.Kill(victim);
            trap?.Released.TrySetResult();
            await WaitFor.TrueAsync(() => Task.FromResult(nodes.AreAllReady), "the next process is ready");
        }, $"node {victim.Node + 1}{(trap is null ? ", no call came to be in the middle of" : "")}, until the next process was ready");
    }

    private async Task StopAsync(Chance chance)
    {
        var (victim, trap) = await VictimAsync(chance, processes: true);
        await MakeAsync("SIGSTOP of a node in the middle of a call, SIGCONT after two leases", async () =>
        {
            ChaosNodes.Stop(victim);

            // Its answer waits in its socket until it goes on.
            trap?.Released.TrySetResult();
            await Task.Delay(2 * Lease, TimeProvider.System);
            ChaosNodes.Continue(victim);
        }, $"node {victim.Node + 1}{(trap is null ? ", no call came to be in the middle of" : "")}");
    }

    // Whoever makes the next call; any node, where none comes, as while the database is away.
    private async Task<(Life Life, Trap? Trap)> VictimAsync(Chance chance, bool processes)
    {
        await WaitFor.TrueAsync(() => Task.FromResult(nodes.AreAllReady), "all nodes are ready");
        if (await provider.CatchAsync(processes, Catching) is { } caught)
        {
            if (nodes.OfProcess(caught.Call.Process) is { EndedAt: null } life)
            {
                return (life, caught.Trap);
            }

            caught.Trap.Released.TrySetResult();
        }

        return (nodes.Of(chance.Pick([.. Enumerable.Range(0, ChaosNodes.Count)]))!, null);
    }

    private Task AwayAsync() => MakeAsync("Postgres stopped for a minute", async () =>
    {
        await postgres.StopAsync();
        await Task.Delay(TimeSpan.FromMinutes(1), TimeProvider.System);
        await postgres.StartAgainAsync();
    });

    private async Task CutAsync()
    {
        var from = Timeline.Now;
        timeline.Tell("all connections to Postgres cut");
        try
        {
            var cut = await postgres.CutAsync();
            made.Enqueue(new("all connections to Postgres cut", from, Timeline.Now, $"{cut} connections"));
        }
        catch (Npgsql.NpgsqlException error)
        {
            made.Enqueue(new("all connections to Postgres cut", from, Timeline.Now, $"not possible: {error.GetBaseException().Message}"));
        }
    }

    private Task FullDiskAsync(Chance chance) => MakeAsync("disk of Postgres full", async () =>
    {
        var full = Timeline.Now + chance.Between(35, 50);
        while (Timeline.Now < full)
        {
            // What is freed meanwhile is taken again.
            postgres.FillDisk();
            await Task.Delay(TimeSpan.FromMilliseconds(200), TimeProvider.System);
        }

        postgres.FreeDisk();
    });

    private async Task MailAndProviderAwayAsync(Chance chance)
    {
        await MakeAsync(MailGone, async () =>
        {
            mailbox.Leave();
            await Task.Delay(chance.Between(2, 10), TimeProvider.System);
            await MakeAsync("provider down", async () =>
            {
                provider.Weather = Weather.Down;
                await Task.Delay(chance.Between(90, 120), TimeProvider.System);
                provider.Weather = Weather.Fair;
            });
            await Task.Delay(chance.Between(20, 40), TimeProvider.System);
            mailbox.Return();
        });
    }

    private Task SlowAsync(Chance chance) => MakeAsync("provider slow, and answers lost", async () =>
    {
        provider.Weather = Weather.Slow;
        await Task.Delay(chance.Between(40, 70), TimeProvider.System);
        provider.Weather = Weather.Fair;
    });

    private async Task MakeAsync(string name, Func<Task> make, string words = "")
    {
        var from = Timeline.Now;
        timeline.Tell($"begins: {name}{(words.Length > 0 ? $" ({words})" : "")}");
        await make();
        timeline.Tell($"over: {name}");
        made.Enqueue(new(name, from, Timeline.Now, words));
    }
}
