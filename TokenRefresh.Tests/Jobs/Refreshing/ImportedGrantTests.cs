using Microsoft.Extensions.DependencyInjection;
using Shouldly;
using TokenRefresh.Jobs.Administration;
using TokenRefresh.Jobs.Refreshing;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Jobs.Refreshing;

/// <summary>Nothing but its refresh token renews an imported grant: it is renewed before that one dies, and afterwards only a person can help.</summary>
public sealed class ImportedGrantTests(PostgresFixture postgres)
{
    private const string BeforeItsRefreshTokenDies = "scheduled before its refresh token expires";

    [Fact]
    public async Task It_is_due_before_its_refresh_token_dies()
    {
        await using var world = await ImportedAsync();
        world.Provider.Before = Issuing("refresh-2", refreshLifeHours: 4);

        await world.RefreshAsync(RefreshTrigger.Forced);

        var token = await world.TokenAsync();
        (token.RefreshDueAt, token.DueReason).ShouldBe((Some.Now.AddHours(2), BeforeItsRefreshTokenDies));
    }

    [Fact]
    public async Task An_answer_without_a_new_refresh_token_leaves_it_due_before_the_stored_one_dies()
    {
        await using var world = await ImportedAsync();
        world.Provider.Before = Issuing("refresh-2", refreshLifeHours: 4);
        await world.RefreshAsync(RefreshTrigger.Forced);
        world.Provider.Before = Issuing(null, refreshLifeHours: null);

        await world.RefreshAsync(RefreshTrigger.Forced);

        var token = await world.TokenAsync();
        (token.Version, token.RefreshDueAt, token.DueReason).ShouldBe((3, Some.Now.AddHours(2), BeforeItsRefreshTokenDies));
    }

    [Fact]
    public async Task A_new_refresh_token_that_lives_longer_than_the_stored_one_lifts_that_bound()
    {
        await using var world = await ImportedAsync();
        world.Provider.Before = Issuing("refresh-2", refreshLifeHours: 4);
        await world.RefreshAsync(RefreshTrigger.Forced);
        world.Provider.Before = Issuing("refresh-3", refreshLifeHours: 480);

        await world.RefreshAsync(RefreshTrigger.Forced);

        var token = await world.TokenAsync();
        (token.Version, token.DueReason).ShouldBe((3, "scheduled at 67 % of its 24-hour lifetime"));
    }

    [Fact]
    public async Task A_new_refresh_token_of_unknown_life_is_not_bound_by_the_death_of_the_one_before()
    {
        await using var world = await ImportedAsync();
        world.Provider.Before = Issuing("refresh-2", refreshLifeHours: 4);
        await world.RefreshAsync(RefreshTrigger.Forced);
        world.Provider.Before = Issuing("refresh-3", refreshLifeHours: null);

        await world.RefreshAsync(RefreshTrigger.Forced);

        (await world.TokenAsync()).DueReason.ShouldBe("scheduled at 67 % of its 24-hour lifetime");
    }

    [Fact]
    public async Task A_grant_that_can_be_acquired_anew_does_not_care_when_its_refresh_token_dies()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        world.Provider.Before = Issuing("refresh-1", refreshLifeHours: 4);

        await world.RefreshAsync();

        (await world.TokenAsync()).DueReason.ShouldBe("scheduled at 67 % of its 24-hour lifetime");
    }

    [Theory]
    [InlineData(false, "The refresh token was refused (HTTP 401 refreshToken.not_valid). Start the grant again and import it.")]
    [InlineData(true, "The refresh token was refused (HTTP 401 refreshToken.not_valid) after an attempt whose result is unknown: the process ended before the answer was saved. Start the grant again and import it.")]
    public async Task A_refused_refresh_token_is_told_with_what_may_have_used_it_up(bool isAfterUnknownOutcome, string reason)
    {
        await using var world = await ImportedAsync();
        if (isAfterUnknownOutcome)
        {
            await world.ExecuteAsync("UPDATE tokens SET last_error_code = 'abandoned', last_error = ''");
        }

        var failure = (await world.RefreshAsync(RefreshTrigger.Forced)).ShouldBeOfType<RefreshOutcome.Failed>().Failure;

        (failure.Kind, failure.Reason).ShouldBe((FailureKind.GrantRevoked, reason));
    }

    [Fact]
    public async Task A_refresh_token_that_has_expired_is_told_without_asking_the_provider()
    {
        await using var world = await ImportedAsync();
        world.Provider.Before = Issuing("refresh-2", refreshLifeHours: 4);
        await world.RefreshAsync(RefreshTrigger.Forced);
        world.Clock.Advance(TimeSpan.FromHours(4));

        var failure = (await world.RefreshAsync(RefreshTrigger.Forced)).ShouldBeOfType<RefreshOutcome.Failed>().Failure;

        (failure.Kind, failure.Reason).ShouldBe((FailureKind.GrantRevoked, "The refresh token has expired. Start the grant again and import it."));
        world.Provider.Calls.Count.ShouldBe(1);
    }

    [Fact]
    public async Task The_backup_renews_it_because_nothing_else_can()
    {
        await using var world = await ImportedAsync();
        world.Provider.Before = Issuing("refresh-2", refreshLifeHours: null);

        (await world.RefreshAsync(RefreshTrigger.Backup)).ShouldBeOfType<RefreshOutcome.Refreshed>();

        world.Provider.Calls.ShouldBe(["renew:jibit"]);
    }

    private static Func<string, TokenOrder, Task<ProviderResult?>> Issuing(string? refreshToken, double? refreshLifeHours) => (_, _) => Task.FromResult<ProviderResult?>(
        new ProviderResult.Issued(
            new("access", refreshToken, Some.Now, Some.Now.AddHours(24), refreshLifeHours is { } hours ? Some.Now.AddHours(hours) : null, []), null));

    private async Task<TokenWorld> ImportedAsync()
    {
        var world = await TokenWorld.CreateAsync(postgres, ("Tokens:jibit:Provider", "jibit"), ("Tokens:jibit:Grant", "Imported"));
        await world.Node.GetRequiredService<TokenControls>().ImportAsync("jibit", new("a", "r", Some.Now.AddHours(5)), "a person", CancellationToken.None);
        return world;
    }
}
