using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Shouldly;
using TokenRefresh.Jobs.Attempts;
using TokenRefresh.Jobs.Refreshing;
using TokenRefresh.Jobs.Telemetry;
using TokenRefresh.Jobs.TokenCache;
using TokenRefresh.Server.Hosting;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Jobs.Caching;

public sealed class ReadCountersTests(PostgresFixture postgres)
{
    [Fact]
    public async Task What_could_not_be_written_is_written_the_next_time()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        var counters = world.Node.GetRequiredService<ReadCounters>();
        counters.Add("an-id", "billing", "jibit");
        await world.ExecuteAsync("ALTER TABLE client_reads RENAME TO lost");
        await Should.ThrowAsync<Npgsql.PostgresException>(() => counters.FlushAsync(CancellationToken.None));
        counters.Add("an-id", "billing", "jibit");
        await world.ExecuteAsync("ALTER TABLE lost RENAME TO client_reads");

        await counters.FlushAsync(CancellationToken.None);

        (await ReadsAsync(world)).ShouldHaveSingleItem().Reads.ShouldBe(2);
    }

    [Fact]
    public async Task A_shutdown_in_the_middle_of_writing_loses_no_count()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        var counters = world.Node.GetRequiredService<ReadCounters>();
        counters.Add("an-id", "billing", "jibit");
        await Should.ThrowAsync<OperationCanceledException>(() => counters.FlushAsync(new(canceled: true)));

        await counters.FlushAsync(CancellationToken.None);

        (await ReadsAsync(world)).ShouldHaveSingleItem().Reads.ShouldBe(1);
    }

    [Fact]
    public async Task A_minute_that_went_wrong_does_not_end_the_minutes_after_it()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        var counters = world.Node.GetRequiredService<ReadCounters>();
        using var host = new TokenCacheService(
            world.Node.GetRequiredService<TokenCache>(), world.Node.GetRequiredService<TokenChangeListener>(), world.Node.GetRequiredService<UnsavedTokenSpool>(), counters, world.Node.GetRequiredService<TokenMetrics>(), world.Clock, NullLogger<TokenCacheService>.Instance);
        await host.StartAsync(CancellationToken.None);
        counters.Add("an-id", "billing", "jibit");
        await world.ExecuteAsync(
            """
            CREATE SEQUENCE refusals;
            CREATE FUNCTION refuse_read() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM nextval('refusals'); RAISE EXCEPTION 'not today'; END $$;
            CREATE TRIGGER refuse_reads BEFORE INSERT ON client_reads FOR EACH ROW EXECUTE FUNCTION refuse_read();
            """);
        await MinuteUntilAsync(async () => await IsTrueAsync(world, "SELECT is_called AS \"Value\" FROM refusals"));
        await world.ExecuteAsync("DROP TRIGGER refuse_reads ON client_reads");

        await MinuteUntilAsync(async () => (await ReadsAsync(world)).Count > 0);

        await host.StopAsync(CancellationToken.None);

        Task MinuteUntilAsync(Func<Task<bool>> holds) => RunningServer.UntilAsync(
            () =>
            {
                world.Clock.Advance(TimeSpan.FromMinutes(1));
                return holds();
            },
            "the minute's counts were tried", seconds: 30);
    }

    [Fact]
    public async Task The_minutes_of_an_hour_are_one_row_of_a_client_and_the_next_hour_has_its_own()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        var counters = world.Node.GetRequiredService<ReadCounters>();
        foreach (var minutes in new[] { 5, 50, 10 })
        {
            counters.Add("an-id", "billing", "jibit");
            counters.Add("another-id", "billing", "jibit");
            counters.Add("a-third", "reports", "jibit");
            world.Clock.Advance(TimeSpan.FromMinutes(minutes));
            await counters.FlushAsync(CancellationToken.None);
        }

        (await ReadsAsync(world)).Select(row => (row.Client, row.Hour, row.Reads, row.LastAt)).OrderBy(row => row).ShouldBe(
        [
            ("client:billing", Some.Now, 4, Some.Now.AddMinutes(55)),
            ("client:billing", Some.Now.AddHours(1), 2, Some.Now.AddMinutes(65)),
            ("client:reports", Some.Now, 2, Some.Now.AddMinutes(55)),
            ("client:reports", Some.Now.AddHours(1), 1, Some.Now.AddMinutes(65)),
        ]);
        var reads = world.Node.GetRequiredService<ClientReads>();
        (await reads.ConsumersAsync(["jibit", "other"], Some.Now, CancellationToken.None)).ShouldBe([new("client:billing", "jibit", 6), new("client:reports", "jibit", 3)]);
        (await reads.ReadersAsync("jibit", Some.Now.AddMinutes(60), CancellationToken.None)).ShouldBe(
            [new("client:billing", 2, 0, Some.Now.AddMinutes(65)), new("client:reports", 1, 0, Some.Now.AddMinutes(65))]);
    }

    [Fact]
    public async Task Counts_are_kept_as_long_as_the_log()
    {
        await using var world = await TokenWorld.CreateAsync(postgres, ("TokenRefresh:Logging:CleanupAfterDays", "7"));
        var counters = world.Node.GetRequiredService<ReadCounters>();
        foreach (var name in new[] { "old", "new" })
        {
            counters.Add($"{name}-id", name, "jibit");
            await counters.FlushAsync(CancellationToken.None);
            world.Clock.Advance(TimeSpan.FromDays(4));
        }

        await world.Node.GetRequiredService<LogCleanup>().RunAsync(CancellationToken.None);

        (await ReadsAsync(world)).ShouldHaveSingleItem().Client.ShouldBe("client:new");
    }

    private static async Task<List<ClientRead>> ReadsAsync(TokenWorld world)
    {
        await using var db = await world.ContextAsync();
        return await db.Set<ClientRead>().AsNoTracking().ToListAsync();
    }

    private static async Task<bool> IsTrueAsync(TokenWorld world, string sql)
    {
        await using var db = await world.ContextAsync();
        return await db.Database.SqlQueryRaw<bool>(sql).SingleAsync();
    }
}
