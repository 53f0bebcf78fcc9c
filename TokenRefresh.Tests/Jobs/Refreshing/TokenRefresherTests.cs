using Microsoft.Extensions.DependencyInjection;
using Shouldly;
using TokenRefresh.Jobs.Administration;
using TokenRefresh.Jobs.Attempts;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Refreshing;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Jobs.Refreshing;

public sealed class TokenRefresherTests(PostgresFixture postgres)
{
    [Fact]
    public async Task The_first_refresh_acquires_a_token_and_leaves_a_row()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);

        var outcome = await world.RefreshAsync();

        outcome.ShouldBeOfType<RefreshOutcome.Refreshed>().ExpiresAt.ShouldBe(Some.Now.AddHours(24));
        world.Provider.Calls.ShouldBe(["acquire:jibit"]);
        var row = (await world.LogAsync()).ShouldHaveSingleItem();
        (row.Status, row.TriggerType, row.TriggeredBy, row.Attempt).ShouldBe((AttemptStatus.Success, RefreshTrigger.Due, "a test", 1));
        var token = await world.TokenAsync();
        (token.Version, token.LeaseOwner, token.ConsecutiveFailures).ShouldBe((1, null, 0));
    }

    [Fact]
    public async Task The_row_is_there_and_runs_while_the_provider_is_asked()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        List<RefreshAttempt> seen = [];
        world.Provider.Before = async (_, _) =>
        {
            seen = await world.LogAsync();
            return null;
        };

        await world.RefreshAsync();

        seen.ShouldHaveSingleItem().Status.ShouldBe(AttemptStatus.Running);
    }

    [Fact]
    public async Task A_due_token_is_renewed_with_its_refresh_token_and_the_new_pair_is_stored()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        await world.RefreshAsync();
        world.Clock.Advance(TimeSpan.FromHours(17));

        await world.RefreshAsync();
        await world.RefreshAsync(RefreshTrigger.Forced);

        world.Provider.Calls.ShouldBe(["acquire:jibit", "renew:jibit", "renew:jibit"]);
        world.Provider.Reused.ShouldBeEmpty();
    }

    [Fact]
    public async Task An_expired_refresh_token_is_not_sent()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        await world.RefreshAsync();
        world.Clock.Advance(TimeSpan.FromHours(49));

        await world.RefreshAsync();

        world.Provider.Calls.ShouldBe(["acquire:jibit", "acquire:jibit"]);
    }

    [Fact]
    public async Task The_backup_acquires_anew_though_the_refresh_token_lives()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        await world.RefreshAsync();

        await world.RefreshAsync(RefreshTrigger.Backup);

        world.Provider.Calls.ShouldBe(["acquire:jibit", "acquire:jibit"]);
    }

    [Fact]
    public async Task A_fresh_token_is_skipped_with_the_reason_in_a_row()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        await world.RefreshAsync();

        var outcome = await world.RefreshAsync(RefreshTrigger.Automatic);

        outcome.ShouldBeOfType<RefreshOutcome.Skipped>();
        var row = (await world.LogAsync())[^1];
        row.Status.ShouldBe(AttemptStatus.Skipped);
        row.Message.ShouldStartWith("Fresh: due at 2026-03-02");
        world.Provider.Calls.Count.ShouldBe(1);
    }

    [Theory]
    [InlineData(FailureKind.ProviderDown)]
    [InlineData(FailureKind.RateLimited)]
    [InlineData(FailureKind.InvalidResponse)]
    [InlineData(FailureKind.CredentialRejected)]
    [InlineData(FailureKind.Configuration)]
    public async Task A_failure_leaves_the_stored_token_exactly_as_it_was(FailureKind kind)
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        await world.RefreshAsync();
        var before = await world.TokenAsync();
        world.Provider.Before = ModelProvider.Failing(kind);

        var outcome = await world.RefreshAsync(RefreshTrigger.Forced);

        outcome.ShouldBeOfType<RefreshOutcome.Failed>().Failure.Kind.ShouldBe(kind);
        var after = await world.TokenAsync();
        (after.AccessToken, after.RefreshToken, after.Version, after.ExpiresAt).ShouldBe((before.AccessToken, before.RefreshToken, before.Version, before.ExpiresAt));
        (after.ConsecutiveFailures, after.LastErrorCode, after.LeaseOwner).ShouldBe((1, kind.Code(), null));
        (await world.LogAsync())[^1].ErrorCode.ShouldBe(kind.Code());
    }

    [Fact]
    public async Task An_answer_without_a_refresh_token_leaves_the_stored_one()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        await world.RefreshAsync();
        var before = await world.TokenAsync();
        world.Provider.Before = (_, _) => Task.FromResult<ProviderResult?>(
            new ProviderResult.Issued(new("access-2", null, Some.Now, Some.Now.AddHours(24), null, []), null));

        await world.RefreshAsync(RefreshTrigger.Forced);

        var after = await world.TokenAsync();
        (after.RefreshToken, after.RefreshExpiresAt).ShouldBe((before.RefreshToken, before.RefreshExpiresAt));
        after.AccessToken.ShouldNotBe(before.AccessToken);
    }

    [Fact]
    public async Task While_a_job_has_retries_left_the_token_is_left_to_it_and_afterwards_a_pause_is_stored()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        world.Provider.Before = ModelProvider.Failing(FailureKind.ProviderDown);

        await world.RefreshAsync(change: request => request with { JobId = "7", RetriesLeft = 1 });
        var during = await world.TokenAsync();
        var other = await world.RefreshAsync();
        await world.RefreshAsync(change: request => request with { JobId = "7", RetriesLeft = 0, Attempt = 2 });
        var afterwards = await world.TokenAsync();

        (during.RetryJobId, during.NextAttemptAt, during.LeftAloneUntil).ShouldBe(("7", Some.Now.AddMinutes(1), Some.Now.AddMinutes(2)));
        other.ShouldBeOfType<RefreshOutcome.Skipped>();
        afterwards.RetryJobId.ShouldBeNull();
        afterwards.NextAttemptAt!.Value.ShouldBeInRange(Some.Now.AddMinutes(0.9), Some.Now.AddMinutes(1));
        world.Provider.Calls.Count.ShouldBe(2);
    }

    [Fact]
    public async Task Fifty_requests_at_once_on_three_nodes_make_one_call_and_every_one_leaves_a_row()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        var doors = new[] { world.Node, world.AddNode("node-2"), world.AddNode("node-3") }.Select(node => node.GetRequiredService<TokenRefresher>()).ToArray();
        var others = new TaskCompletionSource();
        world.Provider.Before = async (_, _) =>
        {
            await others.Task;
            return null;
        };

        var requests = Enumerable.Range(0, 50)
            .Select(number => doors[number % 3].RefreshAsync(new("jibit", RefreshTrigger.Forced, $"person {number}") { RequestedAt = Some.Now }, CancellationToken.None)).ToList();
        while (requests.Count(request => request.IsCompleted) < 20)
        {
            await Task.Yield();
        }

        others.SetResult();
        var outcomes = await Task.WhenAll(requests);

        world.Provider.PeakPerToken.ShouldBe(1);
        outcomes.OfType<RefreshOutcome.Refreshed>().Count().ShouldBe(world.Provider.Calls.Count);
        world.Provider.Reused.ShouldBeEmpty();
        (await world.LogAsync()).Count.ShouldBe(50);
    }

    [Fact]
    public async Task What_a_dead_process_left_running_is_closed_as_abandoned_by_the_next_attempt()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        world.Provider.Before = (_, _) => throw new InvalidOperationException("not reached by the dead process");
        await world.ExecuteAsync(
            """
            INSERT INTO token_refresh_logs (provider, token_name, status, trigger_type, triggered_by, message, metadata, started_at, attempt, node)
            VALUES ('jibit', 'jibit', 'running', 'due', 'schedule', '', '{{}}', now(), 1, 'dead');
            UPDATE tokens SET lease_owner = 'dead', lease_until = clock_timestamp() - interval '1 second'
            """);
        world.Provider.Before = (_, _) => Task.FromResult<ProviderResult?>(null);

        await world.RefreshAsync();

        var rows = await world.LogAsync();
        (rows[0].Status, rows[0].ErrorCode).ShouldBe((AttemptStatus.Failed, "abandoned"));
        rows[1].Status.ShouldBe(AttemptStatus.Success);
    }

    [Fact]
    public async Task An_imported_grant_whose_refresh_token_is_refused_needs_a_person()
    {
        await using var world = await TokenWorld.CreateAsync(postgres, ("Tokens:jibit:Provider", "jibit"), ("Tokens:jibit:Grant", "Imported"));
        await world.Node.GetRequiredService<TokenControls>().ImportAsync("jibit", new("a", "r", Some.Now.AddHours(5)), "a person", CancellationToken.None);

        var outcome = await world.RefreshAsync(RefreshTrigger.Forced);

        outcome.ShouldBeOfType<RefreshOutcome.Failed>().Failure.Kind.ShouldBe(FailureKind.GrantRevoked);
        world.Provider.Calls.ShouldBe(["renew:jibit"]);
    }

    [Fact]
    public async Task A_mistake_of_ours_closes_the_row_as_internal_and_tells_only_its_type()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        world.Provider.Before = (_, _) => throw new InvalidOperationException("planted-secret");

        var outcome = await world.RefreshAsync();

        var failure = outcome.ShouldBeOfType<RefreshOutcome.Failed>().Failure;
        failure.Kind.ShouldBe(FailureKind.Internal);
        failure.Reason.ShouldBe("InvalidOperationException in this program; see the server's log.");
        string.Join('\n', world.LogLines).ShouldNotContain("planted-secret");
    }

    [Fact]
    public async Task Sealed_secrets_do_not_open_under_another_tokens_name()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        var secrets = world.Node.GetRequiredService<SecretProtection>();

        var sealedSecret = secrets.SealAccess("jibit", "secret");

        secrets.OpenAccess("jibit", sealedSecret).ShouldBe("secret");
        Should.Throw<System.Security.Cryptography.CryptographicException>(() => secrets.OpenAccess("fino", sealedSecret));
    }

    [Fact]
    public async Task A_node_with_another_master_key_refuses_to_start_and_says_why()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        var stranger = world.AddNode("stranger", new byte[MasterKey.Length]);

        var refusal = await Should.ThrowAsync<WrongMasterKeyException>(() => stranger.GetRequiredService<DatabasePreparation>().RunAsync(true, CancellationToken.None));

        refusal.Message.ShouldContain("Encryption__MasterKey");
    }
}
