using System.Data.Common;
using System.Net.Sockets;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Npgsql;
using Shouldly;
using TokenRefresh.Jobs.Attempts;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Refreshing;
using TokenRefresh.Providers;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Jobs.Refreshing;

/// <summary>The provider has answered, and the database is away when the answer is to be saved.</summary>
public sealed class DatabaseAwayTests(PostgresFixture postgres)
{
    private const int Away = 1021;

    private readonly WaitlessClock clock = new();
    private readonly AwayDatabase database = new();

    [Fact]
    public async Task A_save_is_tried_again_after_half_a_second_and_then_after_twice_as_long_up_to_ten_seconds()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);

        var outcome = await RefreshAsync(world, failedSaves: 7);

        clock.Waits.ShouldBe([.. new[] { 0.5, 1, 2, 4, 8, 10, 10 }.Select(TimeSpan.FromSeconds)]);
        outcome.ShouldBeOfType<RefreshOutcome.Refreshed>().Version.ShouldBe(1);
        (await world.TokenAsync()).Version.ShouldBe(1);
        (await world.LogAsync()).ShouldHaveSingleItem().Status.ShouldBe(AttemptStatus.Success);
    }

    [Fact]
    public async Task Each_try_that_fails_is_told_as_a_warning_with_the_error_and_the_wait()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);

        await RefreshAsync(world, failedSaves: 2);

        world.Events.Where(line => line.Id == Away).ShouldBe(
        [
            (LogLevel.Warning, Away, "The database is away (SocketException); an answer is kept and saved when it is back. Next try in 00:00:00.5000000"),
            (LogLevel.Warning, Away, "The database is away (SocketException); an answer is kept and saved when it is back. Next try in 00:00:01"),
        ]);
    }

    [Fact]
    public async Task The_answer_lies_sealed_on_disk_until_it_is_saved()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        List<string> kept = [];
        clock.OnWait = wait =>
        {
            kept.AddRange(Kept(world).Select(File.ReadAllText));
            clock.Advance(wait);
        };

        await RefreshAsync(world, failedSaves: 1);

        var answer = kept.ShouldHaveSingleItem();
        answer.ShouldContain("\"jibit\"");
        answer.ShouldNotContain("access-of-jibit");
        answer.ShouldNotContain("refresh-of-jibit");
        Kept(world).ShouldBeEmpty();
    }

    [Fact]
    public async Task A_stop_meanwhile_leaves_the_answer_on_disk_from_where_the_next_start_saves_it()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        using var stop = new CancellationTokenSource();
        clock.OnWait = _ => stop.Cancel();

        await Should.ThrowAsync<OperationCanceledException>(() => RefreshAsync(world, failedSaves: 1, cancellationToken: stop.Token));

        (await world.TokenAsync()).Version.ShouldBe(0);
        Kept(world).ShouldHaveSingleItem();
        (await world.AddNode("node-3").GetRequiredService<UnsavedAnswers>().ReplayAsync(CancellationToken.None)).ShouldBe(1);
        (await world.TokenAsync()).Version.ShouldBe(1);
        (await world.LogAsync()).ShouldHaveSingleItem().Status.ShouldBe(AttemptStatus.Success);
        Kept(world).ShouldBeEmpty();
    }

    [Fact]
    public async Task A_database_that_goes_away_while_a_conflict_is_looked_into_costs_no_answer()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        var node = world.AddNode("node-2", shape: services =>
        {
            services.AddSingleton<TimeProvider>(clock);
            services.ConfigureDbContext<TokenRefreshDbContext>(options => options.AddInterceptors(new AwayAtConflict()));
        });
        world.Provider.Before = async (_, _) =>
        {
            await world.ExecuteAsync("UPDATE tokens SET lease_owner = 'another'");
            return null;
        };

        var outcome = await node.GetRequiredService<TokenRefresher>().RefreshAsync(new("jibit", RefreshTrigger.Due, "a test"), CancellationToken.None);

        clock.Waits.ShouldBe([TimeSpan.FromSeconds(0.5)]);
        outcome.ShouldBeOfType<RefreshOutcome.Refreshed>();
        (await world.TokenAsync()).Version.ShouldBe(1);
        Kept(world).ShouldBeEmpty();
    }

    [Fact]
    public async Task A_failure_waits_in_the_same_way_and_leaves_nothing_on_disk()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        var kept = 0;
        clock.OnWait = wait =>
        {
            kept += Kept(world).Length;
            clock.Advance(wait);
        };

        var outcome = await RefreshAsync(world, failedSaves: 2, answer: new ProviderResult.Failed(new(FailureKind.ProviderDown, "HTTP 503")));

        clock.Waits.ShouldBe([TimeSpan.FromSeconds(0.5), TimeSpan.FromSeconds(1)]);
        kept.ShouldBe(0);
        outcome.ShouldBeOfType<RefreshOutcome.Failed>();
        (await world.TokenAsync()).LastErrorCode.ShouldBe("provider_down");
        (await world.LogAsync()).ShouldHaveSingleItem().Status.ShouldBe(AttemptStatus.Failed);
    }

    [Fact]
    public async Task A_stop_while_a_failure_waits_leaves_its_attempt_open_for_the_next_one_to_close()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        using var stop = new CancellationTokenSource();
        clock.OnWait = _ => stop.Cancel();

        await Should.ThrowAsync<OperationCanceledException>(
            () => RefreshAsync(world, failedSaves: 1, new ProviderResult.Failed(new(FailureKind.ProviderDown, "HTTP 503")), stop.Token));

        Kept(world).ShouldBeEmpty();
        (await world.LogAsync()).ShouldHaveSingleItem().Status.ShouldBe(AttemptStatus.Running);
    }

    private static string[] Kept(TokenWorld world) => Directory.GetFiles(world.UnsavedFolder, "*.json");

    // On a node of its own, whose database goes away with the provider's answer.
    private Task<RefreshOutcome> RefreshAsync(TokenWorld world, int failedSaves, ProviderResult? answer = null, CancellationToken cancellationToken = default)
    {
        var node = world.AddNode("node-2", shape: services =>
        {
            services.AddSingleton<TimeProvider>(clock);
            services.ConfigureDbContext<TokenRefreshDbContext>(options => options.AddInterceptors(database));
        });
        world.Provider.Before = (_, _) =>
        {
            database.Saves = failedSaves;
            return Task.FromResult(answer);
        };
        return node.GetRequiredService<TokenRefresher>().RefreshAsync(new("jibit", RefreshTrigger.Due, "a test"), cancellationToken);
    }

    // Once, right after the first conflict.
    private sealed class AwayAtConflict : DbCommandInterceptor, ISaveChangesInterceptor
    {
        private int conflicts;
        private bool isAway;

        public ValueTask<InterceptionResult> ThrowingConcurrencyExceptionAsync(ConcurrencyExceptionEventData eventData, InterceptionResult result, CancellationToken cancellationToken = default)
        {
            isAway = ++conflicts == 1;
            return new(result);
        }

        public override ValueTask<InterceptionResult<DbDataReader>> ReaderExecutingAsync(
            DbCommand command, CommandEventData eventData, InterceptionResult<DbDataReader> result, CancellationToken cancellationToken = default)
        {
            if (isAway)
            {
                isAway = false;
                throw new NpgsqlException("Nobody listens.", new SocketException((int)SocketError.ConnectionRefused));
            }

            return new(result);
        }
    }
}
