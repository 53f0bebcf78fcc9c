using Microsoft.Extensions.DependencyInjection;
using Shouldly;
using TokenRefresh.Jobs.Administration;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Refreshing;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;
using TokenRefresh.Tests.Fixtures;
using TokenRefresh.Tests.Sandbox;

namespace TokenRefresh.Tests.Jobs.Administration;

public sealed class RollBackTests(PostgresFixture postgres)
{
    [Fact]
    public async Task After_a_rollback_the_token_is_renewed_with_the_refresh_token_it_had()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        await world.RefreshAsync();
        await ImportAsync(world);

        (await Controls(world).RollBackAsync("jibit", "a person", CancellationToken.None)).ShouldBeTrue();

        (await world.RefreshAsync(RefreshTrigger.Forced)).ShouldBeOfType<RefreshOutcome.Refreshed>();
        world.Provider.Calls.Last().ShouldBe("renew:jibit");
        world.Provider.Reused.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_rollback_forgets_what_failed_with_the_imported_token()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        await world.RefreshAsync();
        await ImportAsync(world);
        world.Provider.Before = ModelProvider.Failing(FailureKind.CredentialRejected);
        await world.RefreshAsync(RefreshTrigger.Forced);

        await Controls(world).RollBackAsync("jibit", "a person", CancellationToken.None);

        var token = await world.TokenAsync();
        (token.LastErrorCode, token.ConsecutiveFailures, token.NextAttemptAt).ShouldBe((null, 0, null));
        token.RefreshDueAt.ShouldNotBeNull();
    }

    [Fact]
    public async Task A_dead_token_is_no_token_to_go_back_to()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        await world.RefreshAsync();
        await ImportAsync(world);
        world.Clock.Advance(TimeSpan.FromHours(49));

        (await Controls(world).RollBackAsync("jibit", "a person", CancellationToken.None)).ShouldBeFalse();
        (await world.TokenAsync()).Version.ShouldBe(2);
    }

    [Fact]
    public async Task Two_imports_at_once_both_count_and_the_one_before_is_kept()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        await world.RefreshAsync();

        await Task.WhenAll(ImportAsync(world, "one"), ImportAsync(world, "two"));

        (await world.TokenAsync()).Version.ShouldBe(3);
        var kept = await Controls(world).ReplacedAsync("jibit", CancellationToken.None);
        world.Node.GetRequiredService<SecretProtection>().OpenAccess("jibit", kept!.AccessToken!).ShouldBeOneOf("one", "two");
    }

    [Fact]
    public async Task A_token_kept_for_a_rollback_is_sealed_anew_when_keys_rotate()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        await world.RefreshAsync();
        await ImportAsync(world);
        var before = await Controls(world).ReplacedAsync("jibit", CancellationToken.None);

        var rotation = world.Node.GetRequiredService<KeyRotation>().RunAsync("a test", new Progress<RotationProgress>(), CancellationToken.None);
        await RunningServer.UntilAsync(
            () =>
            {
                world.Clock.Advance(TimeSpan.FromSeconds(1));
                return Task.FromResult(rotation.IsCompleted);
            },
            "the rotation has ended");
        (await rotation).Unopened.ShouldBeEmpty();

        var after = await Controls(world).ReplacedAsync("jibit", CancellationToken.None);
        after!.AccessToken.ShouldNotBe(before!.AccessToken);
        KeyRing.KeyOf(System.Buffers.Text.Base64Url.DecodeFromChars(after.AccessToken!)).ShouldBe((await rotation).Key);
        KeyRing.KeyOf(System.Buffers.Text.Base64Url.DecodeFromChars(after.RefreshToken!)).ShouldBe((await rotation).Key);
        (await Controls(world).RollBackAsync("jibit", "a person", CancellationToken.None)).ShouldBeTrue();
        (await world.RefreshAsync(RefreshTrigger.Forced)).ShouldBeOfType<RefreshOutcome.Refreshed>();
    }

    private static TokenControls Controls(TokenWorld world) => world.Node.GetRequiredService<TokenControls>();

    private static Task ImportAsync(TokenWorld world, string access = "imported") =>
        Controls(world).ImportAsync("jibit", new(access, "imported-refresh", world.Clock.GetUtcNow().AddHours(240)), "a person", CancellationToken.None);
}
