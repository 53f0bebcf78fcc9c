using System.Text.Json;
using Microsoft.Extensions.Logging;
using Shouldly;
using TokenRefresh.Jobs.Refreshing;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Jobs.Refreshing;

/// <summary>What an attempt leaves behind for people: the words and the figures of its row, and its line in the server's log.</summary>
public sealed class AttemptRowTests(PostgresFixture postgres)
{
    private const int Refreshed = 1001, Failed = 1002, NeedsPerson = 1003, Skipped = 1004;

    [Fact]
    public async Task A_first_token_has_a_new_expiry_and_no_old_one()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);

        await world.RefreshAsync();

        await ExpiriesAsync(world, null, new(2026, 3, 2, 12, 0, 0, TimeSpan.Zero));
        (await FiguresAsync(world)).ShouldBe(
        [
            "force_refresh: false",
            "new_refresh_expires_at: 2026-03-03T12:00:00+00:00",
            """steps: [{"call":"acquire","outcome":"issued","track_id":"track-1","duration_ms":0}]""",
        ]);
    }

    [Fact]
    public async Task A_further_one_has_both_and_says_whether_it_was_forced()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        await world.RefreshAsync();
        world.Clock.Advance(TimeSpan.FromHours(1));

        await world.RefreshAsync(RefreshTrigger.Forced);

        await ExpiriesAsync(world, new(2026, 3, 2, 12, 0, 0, TimeSpan.Zero), new(2026, 3, 2, 13, 0, 0, TimeSpan.Zero));
        (await FiguresAsync(world)).ShouldBe(
        [
            "force_refresh: true",
            "new_refresh_expires_at: 2026-03-03T13:00:00+00:00",
            "old_refresh_expires_at: 2026-03-03T12:00:00+00:00",
            """steps: [{"call":"renew","outcome":"issued","track_id":"track-2","duration_ms":0}]""",
        ]);
    }

    [Fact]
    public async Task What_was_odd_about_an_answer_is_in_the_row_and_fails_nothing()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        world.Provider.Before = (_, order) => Task.FromResult<ProviderResult?>(new ProviderResult.Issued(
            new($"access-{order.Name}", null, world.Clock.GetUtcNow(), world.Clock.GetUtcNow().AddHours(1), null, []) { Notes = ["expires_in is 0: ignored"] }, null));

        (await world.RefreshAsync()).ShouldBeOfType<RefreshOutcome.Refreshed>();

        (await FiguresAsync(world)).ShouldContain("""notes: ["expires_inis0:ignored"]""");
    }

    [Fact]
    public async Task A_failure_has_the_status_the_code_and_the_track_id_of_each_step()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        world.Provider.Before = (_, _) => Task.FromResult<ProviderResult?>(
            new ProviderResult.Failed(new(FailureKind.ProviderDown, "HTTP 503 busy") { HttpStatus = 503, ProviderCode = "busy", TrackId = "track-of-refusal" }));

        await world.RefreshAsync();

        (await FiguresAsync(world)).ShouldBe(
        [
            "force_refresh: false",
            """steps: [{"call":"acquire","outcome":"provider_down","track_id":"track-of-refusal","duration_ms":0,"http_status":503,"provider_code":"busy"}]""",
        ]);
    }

    [Theory]
    [InlineData(null, "Refreshed; expires 2026-03-02 12:00:00Z.")]
    [InlineData("without the scope asked for", "Refreshed without the scope asked for; expires 2026-03-02 12:00:00Z.")]
    public async Task The_row_of_a_success_says_until_when_and_what_the_provider_noted(string? note, string message)
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        world.Provider.Before = (_, _) => Task.FromResult<ProviderResult?>(new ProviderResult.Issued(Some.Issued(Some.Now, TimeSpan.FromHours(24)), null) { Note = note });

        await world.RefreshAsync();

        (await world.LogAsync()).ShouldHaveSingleItem().Message.ShouldBe(message);
    }

    [Fact]
    public async Task A_success_is_told_with_its_expiry_and_who_asked()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);

        await world.RefreshAsync();

        Told(world).ShouldBe([(LogLevel.Information, Refreshed, "Refreshed jibit; expires 2026-03-02T12:00:00.0000000+00:00 (Due, by a test)")]);
    }

    [Fact]
    public async Task A_failure_that_is_tried_again_is_told_as_a_warning_with_the_time()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        world.Provider.Before = ModelProvider.Failing(FailureKind.ProviderDown);

        await world.RefreshAsync(change: request => request with { JobId = "7", RetriesLeft = 1 });

        Told(world).ShouldBe([(LogLevel.Warning, Failed, "Refreshing jibit failed: provider_down: HTTP 503; next attempt 2026-03-01T12:01:00.0000000+00:00")]);
    }

    [Fact]
    public async Task A_failure_that_waits_for_a_person_is_told_as_an_error()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        world.Provider.Before = ModelProvider.Failing(FailureKind.CredentialRejected);

        await world.RefreshAsync();

        Told(world).ShouldBe([(LogLevel.Error, NeedsPerson, "Refreshing jibit failed, action required: credential_rejected: HTTP 503")]);
    }

    [Fact]
    public async Task A_skip_is_told_only_to_who_wants_to_hear_everything()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        await world.RefreshAsync();
        world.Events.Clear();

        var skipped = (RefreshOutcome.Skipped)await world.RefreshAsync(RefreshTrigger.Automatic);

        Told(world).ShouldBe([(LogLevel.Debug, Skipped, $"Skipped jibit: {skipped.Reason} (Automatic)")]);
    }

    [Fact]
    public async Task The_lease_of_an_attempt_bears_its_nodes_name_and_is_no_other_attempts()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        List<string?> owners = [];
        world.Provider.Before = async (_, _) =>
        {
            owners.Add((await world.TokenAsync()).LeaseOwner);
            return null;
        };

        await world.RefreshAsync();
        await world.RefreshAsync(RefreshTrigger.Forced);

        owners.ShouldAllBe(owner => owner!.StartsWith("node-1/"));
        owners.ShouldBeUnique();
    }

    private static List<(LogLevel, int, string)> Told(TokenWorld world) => [.. world.Events.Where(line => line.Id is >= Refreshed and <= Skipped)];

    private static async Task ExpiriesAsync(TokenWorld world, DateTimeOffset? old, DateTimeOffset? next)
    {
        var row = (await world.LogAsync())[^1];
        (row.OldExpiresAt, row.NewExpiresAt).ShouldBe((old, next));
    }

    private static async Task<IEnumerable<string>> FiguresAsync(TokenWorld world) => JsonDocument.Parse((await world.LogAsync())[^1].Metadata).RootElement.EnumerateObject()
        .Select(figure => $"{figure.Name}: {(figure.Value.ValueKind == JsonValueKind.String ? figure.Value.GetString() : figure.Value.GetRawText().Replace(" ", "", StringComparison.Ordinal))}")
        .Order(StringComparer.Ordinal);
}
