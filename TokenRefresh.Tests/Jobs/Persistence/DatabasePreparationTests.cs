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

namespace TokenRefresh.Tests.Jobs.Persistence;

public sealed class DatabasePreparationTests(PostgresFixture postgres)
{
    [Fact]
    public async Task Nodes_that_start_together_prepare_an_empty_database_once_and_can_open_what_the_others_seal()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        var nodes = Enumerable.Range(2, 4).Select(number => world.AddNode($"node-{number}")).ToList();

        await Task.WhenAll(nodes.Select(node => node.GetRequiredService<DatabasePreparation>().RunAsync(true, CancellationToken.None)));

        var sealedByOne = nodes[0].GetRequiredService<SecretProtection>().SealAccess("jibit", "secret");
        nodes.ShouldAllBe(node => node.GetRequiredService<SecretProtection>().OpenAccess("jibit", sealedByOne) == "secret");
    }

    [Fact]
    public async Task A_node_waits_for_another_that_prepares_longer_than_a_statement_may_take()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        await using var other = await world.ContextAsync();
        await other.Database.OpenConnectionAsync(TestContext.Current.CancellationToken);
        await other.Database.ExecuteSqlRawAsync($"SELECT pg_advisory_lock({DatabasePreparation.LockId})", TestContext.Current.CancellationToken);
        var contexts = new ImpatientContexts(world.Node.GetRequiredService<IDbContextFactory<TokenRefreshDbContext>>());
        var preparation = ActivatorUtilities.CreateInstance<DatabasePreparation>(world.Node, contexts);

        var preparing = preparation.RunAsync(true, CancellationToken.None);
        await RunningServer.UntilAsync(
            () => other.Database.SqlQuery<bool>($"SELECT count(*) > 0 AS \"Value\" FROM pg_stat_activity WHERE query LIKE '%pg_advisory_lock%' AND wait_event = 'advisory' AND datname = current_database() AND query_start < clock_timestamp() - interval '1.5 seconds'").SingleAsync(),
            "it has waited for longer than a second");
        await other.Database.ExecuteSqlRawAsync($"SELECT pg_advisory_unlock({DatabasePreparation.LockId})", TestContext.Current.CancellationToken);

        await preparing;
    }

    [Fact]
    public async Task A_step_that_Postgres_takes_back_for_another_transaction_is_tried_again()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        var step = new TakenBack(times: 2);
        var preparation = ActivatorUtilities.CreateInstance<DatabasePreparation>(world.Node, (IEnumerable<IDatabaseStep>)[step]);

        await preparation.RunAsync(true, CancellationToken.None);

        step.Runs.ShouldBe(3);
    }

    [Fact]
    public async Task What_is_always_taken_back_is_told_and_not_tried_for_ever()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        var preparation = ActivatorUtilities.CreateInstance<DatabasePreparation>(world.Node, (IEnumerable<IDatabaseStep>)[new TakenBack(times: int.MaxValue)]);

        (await preparation.RunAsync(true, CancellationToken.None).ShouldThrowAsync<PostgresException>()).SqlState.ShouldBe("40001");
    }

    [Fact]
    public async Task A_token_that_the_settings_name_no_more_is_kept_and_marked()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        await world.ExecuteAsync("INSERT INTO tokens (name, provider, version, due_reason, consecutive_failures, is_active, metadata, created_at) VALUES ('old', 'jibit', 0, '', 0, true, '{{}}', now())");

        await world.Node.GetRequiredService<DatabasePreparation>().RunAsync(marksStrays: false, CancellationToken.None);
        (await world.TokenAsync("old")).IsActive.ShouldBeTrue();
        await world.Node.GetRequiredService<DatabasePreparation>().RunAsync(marksStrays: true, CancellationToken.None);

        (await world.TokenAsync("old")).IsActive.ShouldBeFalse();
    }

    [Fact]
    public async Task A_token_that_the_settings_name_again_and_give_to_another_provider_is_active_and_his()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        await world.ExecuteAsync("UPDATE tokens SET is_active = false, provider = 'finnotech' WHERE name = 'jibit'");

        await world.Node.GetRequiredService<DatabasePreparation>().RunAsync(marksStrays: true, CancellationToken.None);

        var token = await world.TokenAsync();
        (token.IsActive, token.Provider).ShouldBe((true, "jibit"));
    }

    [Fact]
    public async Task A_full_dump_of_the_database_holds_neither_token_nor_credential()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        world.Provider.Before = (_, _) => Task.FromResult<ProviderResult?>(
            new ProviderResult.Issued(new("planted-access", "planted-refresh", Some.Now, Some.Now.AddHours(24), null, []), null));
        await world.RefreshAsync();
        world.Provider.Before = ModelProvider.Failing(FailureKind.ProviderDown);
        await world.RefreshAsync(RefreshTrigger.Forced);

        await using var db = await world.ContextAsync();
        var dump = await db.Database.SqlQuery<string>($"SELECT schema_to_xml('public', true, false, '')::text AS \"Value\"").SingleAsync();
        dump.ShouldContain("provider_down");
        dump.ShouldNotContain("planted");
        string.Join('\n', world.LogLines).ShouldNotContain("planted");
    }

    [Fact]
    public async Task An_answer_that_could_not_be_saved_waits_on_disk_sealed_and_is_saved_at_the_next_start()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        world.Provider.Before = async (_, _) =>
        {
            await world.FillDiskAsync();
            return new ProviderResult.Issued(new("planted-access", "planted-refresh", Some.Now, Some.Now.AddHours(24), null, []), null);
        };
        var refresh = world.RefreshAsync();
        while (Directory.GetFiles(world.UnsavedFolder, "*.json").Length == 0)
        {
            await Task.Yield();
        }

        FileModes.Of(Directory.GetFiles(world.UnsavedFolder, "*.json")[0]).ShouldBe(FileModes.OwnFile);
        world.Node.GetRequiredService<ShutdownSignal>().Begin();
        await Should.ThrowAsync<OperationCanceledException>(refresh);
        File.ReadAllText(Directory.GetFiles(world.UnsavedFolder)[0]).ShouldNotContain("planted");
        await world.EmptyDiskAsync();

        (await world.AddNode("after-restart").GetRequiredService<UnsavedTokenSpool>().ReplayAsync(CancellationToken.None)).ShouldBe(1);

        var token = await world.TokenAsync();
        world.Node.GetRequiredService<SecretProtection>().OpenAccess("jibit", token.AccessToken!).ShouldBe("planted-access");
        (token.Version, token.ExpiresAt).ShouldBe((1, Some.Now.AddHours(24)));
        (await world.LogAsync()).ShouldHaveSingleItem().Status.ShouldBe(AttemptStatus.Success);
        Directory.GetFiles(world.UnsavedFolder).ShouldBeEmpty();
    }

    /// <summary>Contexts whose statements may take a second.</summary>
    private sealed class ImpatientContexts(IDbContextFactory<TokenRefreshDbContext> inner) : IDbContextFactory<TokenRefreshDbContext>
    {
        public TokenRefreshDbContext CreateDbContext()
        {
            var db = inner.CreateDbContext();
            db.Database.SetCommandTimeout(1);
            return db;
        }
    }

    private sealed class TakenBack(int times) : IDatabaseStep
    {
        public int Runs { get; private set; }

        public Task RunAsync(CancellationToken cancellationToken) =>
            ++Runs > times ? Task.CompletedTask : Task.FromException(new PostgresException("could not serialize access", "ERROR", "ERROR", "40001"));

        public Task CheckAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
