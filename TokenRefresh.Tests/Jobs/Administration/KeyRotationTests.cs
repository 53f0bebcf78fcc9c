using System.Buffers.Text;
using Microsoft.AspNetCore.DataProtection.KeyManagement;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Shouldly;
using TokenRefresh.Jobs.Administration;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Refreshing;
using TokenRefresh.Jobs.TokenCache;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Tests.Fixtures;
using TokenRefresh.Tests.Sandbox;

namespace TokenRefresh.Tests.Jobs.Administration;

public sealed class KeyRotationTests(PostgresFixture postgres)
{
    private static readonly string[] Names = [.. Enumerable.Range(0, 12).Select(number => $"token-{number:00}")];

    [Fact]
    public async Task Every_secret_is_sealed_with_the_new_key_and_opens_as_before()
    {
        await using var world = await ObtainedAsync();
        var before = world.Node.GetRequiredService<KeyRing>().SealingKey;

        var result = await RotateAsync(world);

        result.WasResumed.ShouldBeFalse();
        result.Key.ShouldNotBe(before);
        result.Unopened.ShouldBeEmpty();
        (await KeysInUseAsync(world)).ShouldBe([result.Key]);
        (await ReadAllAsync(world.AddNode("started-later"))).ShouldBe(0);
    }

    [Fact]
    public async Task A_rotation_that_is_killed_at_ten_places_fails_no_read_and_the_next_leaves_nothing_in_the_old_key()
    {
        await using var world = await ObtainedAsync();
        var other = world.AddNode("node-2");
        await other.GetRequiredService<TokenCache>().ReloadAsync(default);
        var before = world.Node.GetRequiredService<KeyRing>().SealingKey;
        using var end = new CancellationTokenSource();
        var readers = new[] { world.Node, other }.Select(node => Task.Run(() => ReadUntilAsync(node, end.Token))).ToList();

        for (var place = 0; place < 10; place++)
        {
            await Should.ThrowAsync<KilledException>(() => RotateAsync(world, killedAt: place));

            // A node that was told nothing renews with a refresh token of either key, and one that starts now opens them all.
            (await other.GetRequiredService<TokenRefresher>().RefreshAsync(new(Names[place], RefreshTrigger.Forced, "a test"), default)).ShouldBeOfType<RefreshOutcome.Refreshed>();
            (await ReadAllAsync(world.AddNode($"started-{place}"))).ShouldBe(0);
        }

        var result = await RotateAsync(world);
        await end.CancelAsync();

        (await Task.WhenAll(readers)).ShouldAllBe(failures => failures == 0);
        result.WasResumed.ShouldBeTrue();
        result.Key.ShouldNotBe(before);
        (await KeysInUseAsync(world)).ShouldBe([result.Key]);
        world.Provider.Reused.ShouldBeEmpty();
        world.LogLines.ShouldNotContain(line => line.Contains("cannot be decrypted", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_secret_that_no_key_opens_is_left_and_named()
    {
        await using var world = await ObtainedAsync();
        await world.ExecuteAsync("UPDATE tokens SET access_token = (SELECT access_token FROM tokens WHERE name = 'token-01') WHERE name = 'token-00'");

        (await RotateAsync(world)).Unopened.ShouldBe(["token-00"]);
    }

    [Fact]
    public async Task Two_rotations_at_once_are_refused()
    {
        await using var world = await ObtainedAsync();
        RotationRefusedException? refusal = null;

        // Within the first, so that it cannot have ended before the second asks.
        await RotateAsync(world, progress: new Told(_ => refusal ??= Should.Throw<RotationRefusedException>(() => RotateAsync(world))));

        refusal.ShouldNotBeNull().Message.ShouldStartWith("Another rotation is running.");
    }

    [Fact]
    public async Task A_key_of_the_future_that_has_sealed_already_is_not_revoked()
    {
        await using var world = await ObtainedAsync();
        var used = world.Node.GetRequiredService<KeyRing>().SealingKey;
        var ahead = TimeProvider.System.GetUtcNow().AddHours(1);
        await world.ExecuteAsync($"UPDATE data_protection_keys SET xml = regexp_replace(xml, '<activationDate>[^<]*', '<activationDate>{ahead:O}')");

        var refusal = await Should.ThrowAsync<RotationRefusedException>(() => RotateAsync(world));

        refusal.Message.ShouldContain($"{used} must not be used before {ahead:u}");
        (await ReadAllAsync(world.AddNode("started-later"))).ShouldBe(0);
    }

    [Fact]
    public async Task A_rotation_in_the_last_days_of_a_key_neither_stays_with_it_nor_goes_on_to_the_one_that_was_made_ahead()
    {
        await using var world = await ObtainedAsync();
        var ring = world.Node.GetRequiredService<KeyRing>();
        await using var other = new ServiceCollection().AddLogging().AddSingleton(world.Node.GetRequiredService<MasterKey>())
            .AddScoped(_ => world.Node.GetRequiredService<IDbContextFactory<TokenRefreshDbContext>>().CreateDbContext()).AddSealingKeys().BuildServiceProvider();
        var manager = other.GetRequiredService<IKeyManager>();
        var now = TimeProvider.System.GetUtcNow();
        var ahead = manager.CreateNewKey(now.AddDays(1), now.AddDays(91)).KeyId;

        var result = await RotateAsync(world);

        result.Key.ShouldBe(ring.SealingKey);
        result.Key.ShouldNotBe(ahead);
        (await KeysInUseAsync(world)).ShouldBe([result.Key]);
        manager.GetAllKeys().Single(key => key.KeyId == ahead).IsRevoked.ShouldBeTrue();
    }

    [Fact]
    public async Task Each_rotation_is_in_the_audit()
    {
        await using var world = await ObtainedAsync();

        var result = await RotateAsync(world);

        await using var db = await world.ContextAsync();
        (await db.Audit.OrderBy(entry => entry.Id).Select(entry => new { entry.Actor, entry.Action, entry.Subject }).ToListAsync()).ShouldBe(
        [
            new { Actor = "a test", Action = "keys.rotation_begun", Subject = $"{result.Key}" },
            new { Actor = "a test", Action = "keys.rotation_ended", Subject = $"{result.Key}" },
        ]);
        var state = await db.KeyRotations.SingleAsync();
        (state.Key, state.BegunBy, state.EndedAt > state.BegunAt).ShouldBe((result.Key, "a test", true));
    }

    private async Task<TokenWorld> ObtainedAsync()
    {
        var world = await TokenWorld.CreateAsync(postgres, [.. Names.Select(name => ($"Tokens:{name}:Provider", "jibit"))]);
        foreach (var name in Names)
        {
            await world.RefreshAsync(token: name);
        }

        await world.Node.GetRequiredService<TokenCache>().ReloadAsync(default);
        return world;
    }

    private static async Task<RotationResult> RotateAsync(TokenWorld world, int killedAt = -1, IProgress<RotationProgress>? progress = null)
    {
        var place = 0;
        var running = world.Node.GetRequiredService<KeyRotation>().RunAsync(
            "a test", progress ?? new Told(_ =>
            {
                if (place++ == killedAt)
                {
                    throw new KilledException();
                }
            }),
            default);
        while (!running.IsCompleted)
        {
            world.Clock.Advance(TimeSpan.FromSeconds(1));
            await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System);
        }

        return await running;
    }

    private static async Task<List<Guid?>> KeysInUseAsync(TokenWorld world)
    {
        await using var db = await world.ContextAsync();
        var secrets = await db.Tokens.Select(token => new { token.AccessToken, token.RefreshToken }).ToListAsync();
        return [.. secrets.SelectMany(pair => new[] { pair.AccessToken!, pair.RefreshToken! }).Select(text => KeyRing.KeyOf(Base64Url.DecodeFromChars(text))).Distinct()];
    }

    /// <summary>How many of the tokens a node cannot read from the database.</summary>
    private static async Task<int> ReadAllAsync(ServiceProvider node)
    {
        var vault = node.GetRequiredService<TokenCache>();
        await vault.ReloadAsync(default);
        var failures = 0;
        foreach (var name in Names)
        {
            failures += (await vault.ReadAsync(name, TimeSpan.Zero, default))!.Value.IsServed ? 0 : 1;
        }

        return failures;
    }

    private static async Task<int> ReadUntilAsync(ServiceProvider node, CancellationToken end)
    {
        var failures = 0;
        while (!end.IsCancellationRequested)
        {
            failures += await ReadAllAsync(node);
        }

        return failures;
    }

    private sealed class KilledException : Exception;

    private sealed class Told(Action<RotationProgress> told) : IProgress<RotationProgress>
    {
        public void Report(RotationProgress value) => told(value);
    }
}
