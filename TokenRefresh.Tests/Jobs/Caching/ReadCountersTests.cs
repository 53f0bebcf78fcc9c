using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Shouldly;
using TokenRefresh.Jobs.Administration;
using TokenRefresh.Jobs.Refreshing;
using TokenRefresh.Jobs.Telemetry;
using TokenRefresh.Jobs.TokenCache;
using TokenRefresh.Server.Hosting;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Jobs.Caching;

public sealed class ReadCountersTests(PostgresFixture postgres)
{
    private static readonly ClientKey Client = ClientKey.Issue("billing", "*", Some.Now).Key;

    [Fact]
    public async Task What_could_not_be_written_is_written_the_next_time()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        var counters = world.Node.GetRequiredService<ReadCounters>();
        counters.Add(Client, "jibit");
        await world.ExecuteAsync("ALTER TABLE audit_log RENAME TO lost");
        await Should.ThrowAsync<DbUpdateException>(() => counters.FlushAsync(CancellationToken.None));
        counters.Add(Client, "jibit");
        await world.ExecuteAsync("ALTER TABLE lost RENAME TO audit_log");

        await counters.FlushAsync(CancellationToken.None);

        (await DetailsAsync(world)).ShouldHaveSingleItem().ShouldContain("2");
    }

    [Fact]
    public async Task A_shutdown_in_the_middle_of_writing_loses_no_count()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        var counters = world.Node.GetRequiredService<ReadCounters>();
        counters.Add(Client, "jibit");
        await Should.ThrowAsync<OperationCanceledException>(() => counters.FlushAsync(new(canceled: true)));

        await counters.FlushAsync(CancellationToken.None);

        (await DetailsAsync(world)).ShouldHaveSingleItem().ShouldContain("1");
    }

    [Fact]
    public async Task A_minute_that_went_wrong_does_not_end_the_minutes_after_it()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        var counters = world.Node.GetRequiredService<ReadCounters>();
        using var host = new TokenCacheService(
            world.Node.GetRequiredService<TokenCache>(), world.Node.GetRequiredService<TokenChangeListener>(), world.Node.GetRequiredService<UnsavedTokenSpool>(), counters, world.Node.GetRequiredService<TokenMetrics>(), world.Clock, NullLogger<TokenCacheService>.Instance);
        await host.StartAsync(CancellationToken.None);
        counters.Add(Client, "jibit");
        await world.ExecuteAsync(
            """
            CREATE SEQUENCE refusals;
            CREATE FUNCTION refuse_read() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM nextval('refusals'); RAISE EXCEPTION 'not today'; END $$;
            CREATE TRIGGER refuse_reads BEFORE INSERT ON audit_log FOR EACH ROW EXECUTE FUNCTION refuse_read();
            """);
        await MinuteUntilAsync(async () => await IsTrueAsync(world, "SELECT is_called AS \"Value\" FROM refusals"));
        await world.ExecuteAsync("DROP TRIGGER refuse_reads ON audit_log");

        await MinuteUntilAsync(async () => (await DetailsAsync(world)).Count > 0);

        await host.StopAsync(CancellationToken.None);

        Task MinuteUntilAsync(Func<Task<bool>> holds) => RunningServer.UntilAsync(
            () =>
            {
                world.Clock.Advance(TimeSpan.FromMinutes(1));
                return holds();
            },
            "the minute's counts were tried", seconds: 30);
    }

    private static async Task<List<string>> DetailsAsync(TokenWorld world)
    {
        await using var db = await world.ContextAsync();
        return await db.Audit.Where(entry => entry.Action == "token.read").Select(entry => entry.Details).ToListAsync();
    }

    private static async Task<bool> IsTrueAsync(TokenWorld world, string sql)
    {
        await using var db = await world.ContextAsync();
        return await db.Database.SqlQueryRaw<bool>(sql).SingleAsync();
    }
}
