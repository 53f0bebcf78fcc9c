using Microsoft.Extensions.DependencyInjection;
using Shouldly;
using TokenRefresh.Jobs.Administration;
using TokenRefresh.Jobs.Attempts;
using TokenRefresh.Jobs.Scheduling;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Jobs.Scheduling;

public sealed class DueTokensTests(PostgresFixture postgres)
{
    [Fact]
    public async Task A_token_that_was_never_obtained_is_claimed_and_only_once()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);

        (await ClaimAsync(world)).ShouldBe(["jibit"]);
        (await ClaimAsync(world)).ShouldBeEmpty();
    }

    [Fact]
    public async Task A_claim_whose_job_never_began_is_made_again()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        await ClaimAsync(world);

        world.Clock.Advance(TimeSpan.FromMinutes(3));

        (await ClaimAsync(world)).ShouldBe(["jibit"]);
    }

    [Fact]
    public async Task Two_nodes_that_ask_at_once_share_the_tokens_between_them()
    {
        await using var world = await TokenWorld.CreateAsync(postgres, [.. Enumerable.Range(0, 20).Select(number => ($"Tokens:t{number}:Provider", "jibit"))]);
        var other = world.AddNode("node-2");

        var claims = await Task.WhenAll(ClaimAsync(world), other.GetRequiredService<DueTokens>().ClaimAsync(CancellationToken.None));

        claims.SelectMany(names => names).Order().ShouldBe(Enumerable.Range(0, 20).Select(number => $"t{number}").Order());
    }

    [Fact]
    public async Task A_fresh_token_is_not_due_until_its_stored_time_comes()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        await world.RefreshAsync();

        (await ClaimAsync(world)).ShouldBeEmpty();
        world.Clock.Advance(TimeSpan.FromHours(16.1));
        (await ClaimAsync(world)).ShouldBe(["jibit"]);
    }

    [Fact]
    public async Task Equally_urgent_ones_come_in_the_order_of_their_names_wherever_their_rows_lie()
    {
        await using var world = await TokenWorld.CreateAsync(postgres, ("Tokens:a:Provider", "jibit"), ("Tokens:b:Provider", "jibit"), ("Tokens:c:Provider", "jibit"));
        await world.ExecuteAsync("UPDATE tokens SET metadata = metadata WHERE name = 'a'");

        (await ClaimAsync(world)).ShouldBe(["a", "b", "c"]);
    }

    [Fact]
    public async Task The_most_urgent_come_first()
    {
        await using var world = await TokenWorld.CreateAsync(postgres, ("Tokens:a:Provider", "jibit"), ("Tokens:b:Provider", "jibit"), ("Tokens:c:Provider", "jibit"));
        await world.RefreshAsync(token: "b");
        world.Clock.Advance(TimeSpan.FromHours(1));
        await world.RefreshAsync(token: "a");
        world.Clock.Advance(TimeSpan.FromHours(20));

        (await ClaimAsync(world)).ShouldBe(["c", "b", "a"]);
    }

    [Fact]
    public async Task A_paused_token_is_not_claimed_and_a_pause_that_has_run_out_ends()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        await world.Node.GetRequiredService<TokenControls>().PauseAsync("jibit", "maintenance", Some.Now.AddHours(1), "a person", CancellationToken.None);

        (await ClaimAsync(world)).ShouldBeEmpty();
        world.Clock.Advance(TimeSpan.FromHours(1));
        (await ClaimAsync(world)).ShouldBe(["jibit"]);
        (await world.TokenAsync()).IsActive.ShouldBeTrue();
    }

    [Fact]
    public async Task Refused_credentials_are_left_alone_until_the_settings_change()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        world.Provider.Before = ModelProvider.Failing(FailureKind.CredentialRejected);
        await world.RefreshAsync();
        world.Clock.Advance(TimeSpan.FromDays(1));

        (await ClaimAsync(world)).ShouldBeEmpty();
        world.Provider.SettingsDigest = [9];
        (await ClaimAsync(world)).ShouldBe(["jibit"]);
    }

    [Fact]
    public async Task A_provider_without_credentials_has_no_due_tokens()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        world.Provider.MissingSettings = ["Providers__Jibit__ApiKey"];

        (await ClaimAsync(world)).ShouldBeEmpty();
        (await BackupAsync(world)).ShouldBeEmpty();
    }

    [Fact]
    public async Task A_lease_that_ran_out_is_reclaimed_its_row_closed_and_its_token_due()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        await world.RefreshAsync();
        await world.ExecuteAsync(
            """
            UPDATE tokens SET lease_owner = 'dead', lease_until = clock_timestamp() - interval '1 second';
            INSERT INTO token_refresh_logs (provider, token_name, status, trigger_type, triggered_by, message, metadata, started_at, attempt, node)
            VALUES ('jibit', 'jibit', 'running', 'forced', 'a person', '', '{{}}', now(), 1, 'dead')
            """);

        (await ClaimAsync(world)).ShouldBe(["jibit"]);
        var row = (await world.LogAsync())[^1];
        (row.Status, row.ErrorCode).ShouldBe((AttemptStatus.Failed, "abandoned"));
    }

    [Fact]
    public async Task A_lease_that_ran_out_before_a_call_was_begun_leaves_the_token_as_it_was()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        world.Provider.Before = ModelProvider.Failing(FailureKind.CredentialRejected);
        await world.RefreshAsync();
        var before = await world.TokenAsync();
        await world.ExecuteAsync("UPDATE tokens SET lease_owner = 'dead', lease_until = clock_timestamp() - interval '1 second'");

        (await ClaimAsync(world)).ShouldBeEmpty();

        var after = await world.TokenAsync();
        (after.LeaseOwner, after.LeaseUntil).ShouldBe((null, null));
        (after.LastErrorCode, after.LastError, after.ConsecutiveFailures, after.RefreshDueAt).ShouldBe((before.LastErrorCode, before.LastError, before.ConsecutiveFailures, before.RefreshDueAt));
    }

    [Fact]
    public async Task The_end_of_a_pause_brings_no_token_back_that_the_settings_do_not_name()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        await world.ExecuteAsync(
            "INSERT INTO tokens SELECT (jsonb_populate_record(tokens, jsonb_build_object('name', 'gone', 'is_active', false, 'origin', 'undeclared', 'paused_at', now(), 'paused_until', '2020-01-01'))).* FROM tokens");

        (await ClaimAsync(world)).ShouldBe(["jibit"]);

        var gone = await world.TokenAsync("gone");
        (gone.PausedAt, gone.IsActive).ShouldBe((null, false));
    }

    [Fact]
    public async Task An_import_is_no_sign_that_the_provider_answers_again()
    {
        await using var world = await TokenWorld.CreateAsync(
            postgres, ("Tokens:imported:Provider", "jibit"), ("Tokens:imported:Grant", "Imported"), ("Tokens:waiting:Provider", "jibit"));
        world.Provider.Before = ModelProvider.Failing(FailureKind.ProviderDown);
        await world.RefreshAsync(token: "waiting");
        var waitsUntil = (await world.TokenAsync("waiting")).NextAttemptAt;
        world.Clock.Advance(TimeSpan.FromSeconds(1));
        await world.Node.GetRequiredService<TokenControls>().ImportAsync("imported", new("access-1", "refresh-1", Some.Now.AddHours(9)), "a person", default);

        (await ClaimAsync(world)).ShouldBeEmpty();

        (await world.TokenAsync("waiting")).NextAttemptAt.ShouldBe(waitsUntil);
    }

    [Fact]
    public async Task When_a_provider_answers_again_its_waiting_tokens_are_woken_apart_from_each_other()
    {
        await using var world = await TokenWorld.CreateAsync(postgres, [.. Enumerable.Range(0, 12).Select(number => ($"Tokens:t{number}:Provider", "jibit"))]);
        world.Provider.Before = ModelProvider.Failing(FailureKind.ProviderDown);
        for (var number = 0; number < 12; number++)
        {
            await world.RefreshAsync(token: $"t{number}");
        }

        world.Provider.Before = (_, _) => Task.FromResult<ProviderResult?>(null);
        world.Clock.Advance(TimeSpan.FromSeconds(30));
        await world.RefreshAsync(RefreshTrigger.Forced, "t0");

        var first = await ClaimAsync(world);
        world.Clock.Advance(TimeSpan.FromSeconds(3));
        var later = await ClaimAsync(world);

        first.Count.ShouldBe(1);
        later.Count.ShouldBe(10);
    }

    [Fact]
    public async Task The_backup_takes_what_failed_last_and_what_nothing_has_looked_at_for_twelve_hours()
    {
        await using var world = await TokenWorld.CreateAsync(postgres, ("Tokens:failed:Provider", "jibit"), ("Tokens:seen:Provider", "jibit"), ("Tokens:unseen:Provider", "jibit"));
        await world.RefreshAsync(token: "unseen");
        world.Clock.Advance(TimeSpan.FromHours(13));
        await world.RefreshAsync(token: "seen");
        world.Provider.Before = ModelProvider.Failing(FailureKind.CredentialRejected);
        await world.RefreshAsync(token: "failed");

        (await BackupAsync(world)).Order().ShouldBe(["failed", "unseen"]);
    }

    [Fact]
    public async Task A_backup_that_is_not_only_for_failures_takes_every_token()
    {
        await using var world = await TokenWorld.CreateAsync(postgres, ("Tokens:jibit:Provider", "jibit"), ("TokenRefresh:Backup:OnlyOnFailure", "false"));
        await world.RefreshAsync();

        (await BackupAsync(world)).ShouldBe(["jibit"]);
    }

    [Fact]
    public async Task Few_names_make_a_job_each_and_thousands_share_jobs_of_the_batch_size()
    {
        await using var world = await TokenWorld.CreateAsync(postgres, ("Tokens:jibit:Provider", "jibit"), ("TokenRefresh:Performance:BatchSize", "50"));
        var queue = world.Node.GetRequiredService<RefreshQueue>();

        queue.Enqueue([.. Enumerable.Range(0, 10).Select(number => $"t{number}")], RefreshTrigger.Manual, "a test").Count.ShouldBe(10);
        queue.Enqueue([.. Enumerable.Range(0, 10_000).Select(number => $"t{number}")], RefreshTrigger.Due, "a test").Count.ShouldBe(200);
        world.Jobs.Created[0].Job.Queue.ShouldBe("tokens");
    }

    private static async Task<IReadOnlyList<string>> ClaimAsync(TokenWorld world) =>
        await world.Node.GetRequiredService<DueTokens>().ClaimAsync(CancellationToken.None);

    private static Task<IReadOnlyList<string>> BackupAsync(TokenWorld world) =>
        world.Node.GetRequiredService<DueTokens>().ForBackupAsync(CancellationToken.None);
}
