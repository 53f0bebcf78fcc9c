using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Shouldly;
using TokenRefresh.Jobs.Administration;
using TokenRefresh.Jobs.Refreshing;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Jobs.Refreshing;

/// <summary>What becomes of a renewal that the provider refuses.</summary>
public sealed class RefusedRenewalTests(PostgresFixture postgres)
{
    [Fact]
    public async Task A_refused_renewal_falls_through_to_acquiring_once_within_one_row()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        await world.RefreshAsync();
        world.Provider.Before = (call, _) => Task.FromResult<ProviderResult?>(
            call == "renew" ? new ProviderResult.Failed(new(FailureKind.CredentialRejected, "HTTP 401 refreshToken.not_valid") { HttpStatus = 401, ProviderCode = "refreshToken.not_valid" }) : null);

        var outcome = await world.RefreshAsync(RefreshTrigger.Forced);

        outcome.ShouldBeOfType<RefreshOutcome.Refreshed>();
        world.Provider.Calls.ShouldBe(["acquire:jibit", "renew:jibit", "acquire:jibit"]);
        var steps = JsonDocument.Parse((await world.LogAsync())[^1].Metadata).RootElement.GetProperty("steps");
        steps.EnumerateArray().Select(step => step.GetProperty("outcome").GetString()).ShouldBe(["credential_rejected", "issued"]);
    }

    [Theory]
    [InlineData(FailureKind.InvalidResponse, 422, "never.seen.before", true)]
    [InlineData(FailureKind.InvalidResponse, 400, null, true)]
    [InlineData(FailureKind.InvalidResponse, 404, null, true)]
    [InlineData(FailureKind.InvalidResponse, 200, "VALIDATION_ERROR", true)]
    [InlineData(FailureKind.Configuration, 400, "unauthorized_client", true)]
    [InlineData(FailureKind.InvalidResponse, 200, null, false)]
    [InlineData(FailureKind.InvalidResponse, 301, null, false)]
    [InlineData(FailureKind.ProviderDown, 503, "server.error", false)]
    [InlineData(FailureKind.RateLimited, 429, "slow_down", false)]
    public async Task A_renewal_that_the_provider_refuses_in_whatever_words_falls_through_and_one_that_just_failed_does_not(
        FailureKind kind, int status, string? code, bool fallsThrough)
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        await world.RefreshAsync();
        world.Provider.Before = (call, _) => Task.FromResult<ProviderResult?>(
            call == "renew" ? new ProviderResult.Failed(new(kind, $"HTTP {status} {code}") { HttpStatus = status, ProviderCode = code }) : null);

        var outcome = await world.RefreshAsync(RefreshTrigger.Forced);

        (outcome is RefreshOutcome.Refreshed).ShouldBe(fallsThrough);
        world.Provider.Calls.ShouldBe(["acquire:jibit", "renew:jibit", .. fallsThrough ? ["acquire:jibit"] : Array.Empty<string>()]);
    }

    [Fact]
    public async Task An_imported_grant_whose_renewal_is_refused_in_unknown_words_keeps_its_refresh_token_and_is_tried_again()
    {
        await using var world = await TokenWorld.CreateAsync(postgres, ("Tokens:jibit:Provider", "jibit"), ("Tokens:jibit:Grant", "Imported"));
        await world.Node.GetRequiredService<TokenControls>().ImportAsync("jibit", new("access-1", "refresh-1", Some.Now.AddHours(1)), "a person", default);
        world.Provider.Before = (_, _) => Task.FromResult<ProviderResult?>(new ProviderResult.Failed(new(FailureKind.InvalidResponse, "HTTP 422") { HttpStatus = 422 }));

        var outcome = await world.RefreshAsync(RefreshTrigger.Forced);

        outcome.ShouldBeOfType<RefreshOutcome.Failed>().NextAttemptAt.ShouldNotBeNull();
        world.Provider.Calls.ShouldBe(["renew:jibit"]);
    }

    [Fact]
    public async Task An_imported_grant_whose_client_is_refused_waits_for_other_credentials_and_keeps_its_refresh_token()
    {
        await using var world = await TokenWorld.CreateAsync(postgres, ("Tokens:jibit:Provider", "jibit"), ("Tokens:jibit:Grant", "Imported"));
        await world.Node.GetRequiredService<TokenControls>().ImportAsync("jibit", new("access-1", "refresh-1", Some.Now.AddHours(1)), "a person", default);
        world.Provider.Before = (_, _) => Task.FromResult<ProviderResult?>(
            new ProviderResult.Failed(new(FailureKind.CredentialRejected, "HTTP 401 unauthorized_client") { HttpStatus = 401, RefusesClient = true }));
        (await world.RefreshAsync(RefreshTrigger.Forced)).ShouldBeOfType<RefreshOutcome.Failed>().Failure.Kind.ShouldBe(FailureKind.CredentialRejected);

        world.Provider.Before = (_, _) => Task.FromResult<ProviderResult?>(null);
        await world.RefreshAsync(RefreshTrigger.Forced);

        world.Provider.Calls.ShouldBe(["renew:jibit", "renew:jibit"]);
    }

    [Fact]
    public async Task A_refused_refresh_token_that_no_new_one_replaces_is_not_sent_again()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        await world.RefreshAsync();
        world.Provider.Before = (call, order) => Task.FromResult<ProviderResult?>(call == "renew"
            ? new ProviderResult.Failed(new(FailureKind.GrantRevoked, "HTTP 400 invalid_grant"))
            : new ProviderResult.Issued(new($"access-{order.Name}", null, world.Clock.GetUtcNow(), world.Clock.GetUtcNow().AddHours(1), null, []), null));

        await world.RefreshAsync(RefreshTrigger.Forced);
        await world.RefreshAsync(RefreshTrigger.Forced);

        world.Provider.Calls.ShouldBe(["acquire:jibit", "renew:jibit", "acquire:jibit", "acquire:jibit"]);
        (await world.TokenAsync()).RefreshToken.ShouldNotBeNull();
    }
}
