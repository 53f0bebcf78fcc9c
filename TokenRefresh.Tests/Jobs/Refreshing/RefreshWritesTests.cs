using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using Shouldly;
using TokenRefresh.Jobs.Attempts;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Refreshing;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Jobs.Refreshing;

/// <summary>What several refreshes write in one statement is each one's own: its condition, its outcome, its mistakes.</summary>
public sealed class RefreshWritesTests(PostgresFixture postgres)
{
    private static readonly string[] Names = ["first", "a", "b", "c"];

    [Fact]
    public async Task Leases_are_taken_together_and_each_row_is_read_under_its_own()
    {
        await using var crowd = await CrowdAsync();

        var taken = await crowd.TogetherAsync(name => crowd.TakeAsync(name, name));

        taken.Select(token => (token!.Name, token.LeaseOwner)).ShouldBe([("a", "a"), ("b", "b"), ("c", "c")]);
        (await crowd.World.TokenAsync("b")).LeaseUntil.ShouldNotBeNull();
        crowd.Statements("UPDATE tokens SET lease_owner").ShouldBe(2, "the first one's, and one for all others");
    }

    [Fact]
    public async Task Of_two_that_ask_for_one_token_at_once_one_gets_it()
    {
        await using var crowd = await CrowdAsync();

        var taken = await crowd.TogetherAsync(name => crowd.TakeAsync(name == "first" ? name : "a", $"for-{name}"));

        taken.Count(token => token is not null).ShouldBe(1);
        (await crowd.World.TokenAsync("a")).LeaseOwner.ShouldBe(taken.Single(token => token is not null)!.LeaseOwner);
    }

    [Fact]
    public async Task A_token_that_another_holds_is_refused_and_the_others_are_leased()
    {
        await using var crowd = await CrowdAsync();
        await crowd.World.ExecuteAsync("UPDATE tokens SET lease_owner = 'another', lease_until = clock_timestamp() + interval '1 minute' WHERE name = 'b'");

        var taken = await crowd.TogetherAsync(name => crowd.TakeAsync(name, name));

        taken.Select(token => token?.Name).ShouldBe(["a", null, "c"]);
    }

    [Fact]
    public async Task A_row_that_somebody_has_locked_keeps_only_its_own_refresh_waiting()
    {
        await using var crowd = await CrowdAsync();
        await using var other = await crowd.World.ContextAsync();
        await using var locked = await other.Database.BeginTransactionAsync();
        await other.Database.ExecuteSqlAsync($"SELECT FROM tokens WHERE name = 'b' FOR UPDATE");

        var (first, tasks) = await crowd.StartAsync(name => crowd.TakeAsync(name, name));
        await first();

        (await tasks[0])!.Name.ShouldBe("a");
        (await tasks[2])!.Name.ShouldBe("c");
        tasks[1].IsCompleted.ShouldBeFalse();
        await locked.RollbackAsync();
        (await tasks[1])!.Name.ShouldBe("b");
    }

    [Fact]
    public async Task Attempts_are_written_together_and_each_gets_its_own_number()
    {
        await using var crowd = await CrowdAsync();
        var rows = Names.ToDictionary(name => name, Attempt);

        await crowd.TogetherAsync(async name =>
        {
            await crowd.Writes.OpenAsync(rows[name], default);
            return name;
        }, name => crowd.Writes.OpenAsync(rows[name], default), "token_refresh_logs");

        var stored = (await crowd.World.LogAsync()).ToDictionary(row => row.Id, row => row.TokenName);
        rows.ShouldAllBe(row => stored[row.Value.Id] == row.Key);
        crowd.Statements("INSERT INTO token_refresh_logs").ShouldBe(2);
    }

    [Fact]
    public async Task Results_are_saved_together_with_their_attempts()
    {
        await using var crowd = await CrowdAsync();
        var saves = await crowd.RefreshesAsync();

        var stored = await crowd.TogetherAsync(name => crowd.Writes.SaveAsync(saves[name], default));

        stored.Select(token => token?.Version).ShouldBe([1, 1, 1]);
        foreach (var name in Names)
        {
            (await crowd.World.TokenAsync(name)).ShouldSatisfyAllConditions(
                token => token.AccessToken.ShouldBe($"sealed {name}"), token => token.LeaseOwner.ShouldBeNull(), token => token.ExpiresAt.ShouldBe(Some.Now.AddDays(1)), token => token.DueReason.ShouldBe("in time"));
        }

        (await crowd.World.LogAsync()).ShouldAllBe(row => row.Status == AttemptStatus.Success && row.Message == $"Refreshed {row.TokenName}.");
        crowd.Statements("UPDATE tokens SET \"access_token\"").ShouldBe(2);
    }

    [Fact]
    public async Task One_that_lost_its_row_is_told_so_and_leaves_its_attempt_as_it_was()
    {
        await using var crowd = await CrowdAsync();
        var saves = await crowd.RefreshesAsync();
        await crowd.World.ExecuteAsync("UPDATE tokens SET version = 7 WHERE name = 'a'; UPDATE tokens SET lease_owner = 'another' WHERE name = 'b'");

        var stored = await crowd.TogetherAsync(name => crowd.Writes.SaveAsync(saves[name], default));

        stored.Select(token => token?.Name).ShouldBe([null, null, "c"]);
        (await crowd.World.TokenAsync("a")).ShouldSatisfyAllConditions(token => token.Version.ShouldBe(7), token => token.AccessToken.ShouldBeNull());
        (await crowd.World.TokenAsync("b")).LeaseOwner.ShouldBe("another");
        (await crowd.World.LogAsync()).Where(row => row.Status == AttemptStatus.Running).Select(row => row.TokenName).ShouldBe(["a", "b"], ignoreOrder: true);
    }

    [Fact]
    public async Task One_whose_attempt_the_database_has_lost_saves_nothing_by_this_way()
    {
        await using var crowd = await CrowdAsync();
        var saves = await crowd.RefreshesAsync();
        await crowd.World.ExecuteAsync("DELETE FROM token_refresh_logs WHERE token_name = 'b'");

        var stored = await crowd.TogetherAsync(name => crowd.Writes.SaveAsync(saves[name], default));

        stored.Select(token => token?.Name).ShouldBe(["a", null, "c"]);
        (await crowd.World.TokenAsync("b")).AccessToken.ShouldBeNull();
    }

    [Fact]
    public async Task A_statement_that_fails_for_one_saves_the_others()
    {
        await using var crowd = await CrowdAsync();
        var saves = await crowd.RefreshesAsync();
        await crowd.World.ExecuteAsync("ALTER TABLE tokens ADD CONSTRAINT ours CHECK (name <> 'b' OR version < 1)");

        var (first, tasks) = await crowd.StartAsync(name => crowd.Writes.SaveAsync(saves[name], default));
        await first();

        (await tasks[0])!.Name.ShouldBe("a");
        (await tasks[2])!.Name.ShouldBe("c");
        (await Should.ThrowAsync<PostgresException>(() => tasks[1])).ConstraintName.ShouldBe("ours");
    }

    [Fact]
    public async Task What_the_change_does_not_touch_stays_as_others_have_written_it()
    {
        await using var crowd = await CrowdAsync();
        var saves = await crowd.RefreshesAsync();
        await crowd.World.ExecuteAsync("UPDATE tokens SET paused_at = now(), pause_reason = 'meanwhile', origin = 'managed', last_used_at = '2026-01-01Z'");

        await crowd.TogetherAsync(name => crowd.Writes.SaveAsync(saves[name], default));

        (await crowd.World.TokenAsync("b")).ShouldSatisfyAllConditions(
            token => token.PauseReason.ShouldBe("meanwhile"), token => token.Origin.ShouldBe(Origin.Managed), token => token.LastUsedAt.ShouldNotBeNull(), token => token.Version.ShouldBe(1));
    }

    [Fact]
    public async Task Results_of_another_kind_have_a_statement_of_their_own_and_all_are_saved()
    {
        await using var crowd = await CrowdAsync();
        var saves = await crowd.RefreshesAsync();
        saves["b"] = saves["b"] with { Written = saves["b"].Read.With(saves["b"].Read.Skipped(Some.Now), 1), Attempt = null };
        saves["c"] = saves["c"] with { Gap = new() { TokenName = "c", From = Some.Now.AddHours(-1), To = Some.Now, Cause = "provider_down" } };

        var stored = await crowd.TogetherAsync(name => crowd.Writes.SaveAsync(saves[name], default));

        stored.ShouldAllBe(token => token != null);
        await using var db = await crowd.World.ContextAsync();
        (await db.UnavailableIntervals.SingleAsync()).ShouldSatisfyAllConditions(gap => gap.TokenName.ShouldBe("c"), gap => gap.Cause.ShouldBe("provider_down"));
        (await crowd.World.TokenAsync("b")).ShouldSatisfyAllConditions(token => token.LastLookedAt.ShouldBe(Some.Now), token => token.Version.ShouldBe(0), token => token.LeaseOwner.ShouldBeNull());
    }

    [Fact]
    public async Task Each_column_of_a_token_has_a_bit_of_its_own()
    {
        await using var crowd = await CrowdAsync();
        await using var db = await crowd.World.ContextAsync();

        EntityColumn.Of<Token>(db).Count.ShouldBeInRange(30, 64);
    }

    private static RefreshAttempt Attempt(string name) => RefreshAttempt.Open("jibit", new(name, RefreshTrigger.Due, "a test"), "due", "node-1", Some.Now);

    private async Task<Crowd> CrowdAsync()
    {
        var statements = new StatementCount();
        var world = await TokenWorld.CreateAsync(postgres, [.. Names.Select(name => ($"Tokens:{name}:Provider", "jibit"))]);
        return new(world, world.AddNode("node-9", shape: services => services.ConfigureDbContext<TokenRefreshDbContext>(options => options.AddInterceptors(statements))), statements);
    }

    /// <summary>Three that write while a first one is made to wait, so that they share the next write.</summary>
    private sealed class Crowd(TokenWorld world, ServiceProvider node, StatementCount statements) : IAsyncDisposable
    {
        public TokenWorld World => world;

        public IRefreshWrites Writes { get; } = node.GetRequiredService<IRefreshWrites>();

        public int Statements(string part) => statements.Count(part);

        public Task<Token?> TakeAsync(string name, string owner) => Writes.TakeAsync(new(name, owner, TimeSpan.FromMinutes(1)), default);

        public async Task<List<T>> TogetherAsync<T>(Func<string, Task<T>> write, Func<string, Task>? first = null, string table = "tokens")
        {
            var (go, tasks) = await StartAsync(write, first, table);
            await go();
            return [.. await Task.WhenAll(tasks)];
        }

        /// <summary>The first one waits for a lock until it is let go; the others have come by then.</summary>
        public async Task<(Func<Task> Go, List<Task<T>> Others)> StartAsync<T>(Func<string, Task<T>> write, Func<string, Task>? first = null, string table = "tokens")
        {
            var db = await world.ContextAsync();
            var transaction = await db.Database.BeginTransactionAsync();
            await db.Database.ExecuteSqlRawAsync(table == "tokens" ? "SELECT FROM tokens WHERE name = 'first' FOR UPDATE" : $"LOCK TABLE {table} IN SHARE MODE");
            statements.Clear();
            var waits = (first ?? write)("first");
            var others = Names[1..].Select(write).ToList();
            return (async () =>
            {
                await transaction.RollbackAsync();
                await db.DisposeAsync();
                await waits;
            }, others);
        }

        public async Task<Dictionary<string, RefreshResult>> RefreshesAsync()
        {
            var saves = new Dictionary<string, RefreshResult>();
            foreach (var name in Names)
            {
                var read = (await TakeAsync(name, $"owner of {name}"))!;
                var attempt = Attempt(name);
                await Writes.OpenAsync(attempt, default);
                var issued = new IssuedToken($"access {name}", null, Some.Now, Some.Now.AddDays(1), null, []);
                var change = read.Issued(issued, $"sealed {name}", null, new(Some.Now.AddHours(16), "in time"), "{}", new(Some.Now, "settings"), Some.Now);
                attempt.End(AttemptResult.Succeeded($"Refreshed {name}.", "{}", null, issued.ExpiresAt, TimeSpan.FromMilliseconds(50)), Some.Now);
                saves[name] = new(read, read.With(change, read.Version + 1), attempt, null);
            }

            return saves;
        }

        public ValueTask DisposeAsync() => world.DisposeAsync();
    }
}
