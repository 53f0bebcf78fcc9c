using Shouldly;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Jobs.Tokens;

public sealed class TokenViewTests
{
    private static readonly DateTimeOffset Soon = Some.Now.AddMinutes(2);

    [Fact]
    public void A_due_token_that_failed_is_refreshed_next_when_its_pause_ends()
    {
        var view = View(Some.Failing(FailureKind.ProviderDown, Soon));

        view.NextRefreshAt.ShouldBe(Soon);
        view.NextRefreshReason.ShouldBe("after 1 failure (provider_down)");
    }

    [Fact]
    public void Two_failures_are_told_as_two()
    {
        var token = Some.Failing(FailureKind.ProviderDown, Soon);
        token.RecordFailure(new(FailureKind.ProviderDown, "HTTP 500"), Soon, null);

        View(token).NextRefreshReason.ShouldBe("after 2 failures (provider_down)");
    }

    [Fact]
    public void A_token_that_failed_before_it_was_due_is_refreshed_next_when_it_is()
    {
        var token = Some.Fresh();
        token.RecordFailure(new(FailureKind.ProviderDown, "HTTP 500"), Soon, null);

        var view = View(token);

        view.NextRefreshAt.ShouldBe(token.RefreshDueAt);
        view.NextRefreshReason.ShouldBe(token.DueReason);
    }

    [Fact]
    public void While_a_job_has_retries_left_the_next_is_its_own()
    {
        var token = Some.Fresh();
        token.RecordFailure(new(FailureKind.ProviderDown, "HTTP 500"), Soon, "7");

        View(token).NextRefreshAt.ShouldBe(Soon);
    }

    [Fact]
    public void Nothing_is_planned_for_what_waits_for_a_person()
    {
        var view = View(Some.Failing(FailureKind.CredentialRejected));

        view.NextRefreshAt.ShouldBeNull();
        view.NextRefreshReason.ShouldBe("waits for changed settings or a person");
        view.RenewedBy.ShouldBe(RenewedBy.Person);
    }

    [Fact]
    public void Nothing_is_planned_for_a_token_whose_provider_has_lost_its_credentials_though_it_lives()
    {
        var (token, settings) = (Some.Fresh(), Some.Settings(provider: new ModelProvider { MissingSettings = ["Providers__Jibit__ApiKey"] }));
        var view = new TokenView(settings, TokenHealth.Of(token, settings, Some.Now), token, Some.Now);

        view.State.ShouldBe(TokenState.Fresh);
        view.NextRefreshAt.ShouldBeNull();
        view.NextRefreshReason.ShouldBe("set Providers__Jibit__ApiKey");
    }

    [Theory]
    [InlineData(2, 0, "healthy")]
    [InlineData(1, 1, "partial")]
    [InlineData(0, 2, "unhealthy")]
    [InlineData(0, 0, "healthy")]
    public void Tokens_are_healthy_together_where_all_that_count_are_well_and_unhealthy_where_none_is(int well, int dead, string words)
    {
        var paused = Some.Fresh();
        paused.Pause(Some.Now, null, "holiday");

        var health = OverallHealth.Of([.. Enumerable.Repeat(View(Some.Fresh()), well), .. Enumerable.Repeat(View(Some.Expired()), dead), View(paused)]);

        health.ShouldBe(new(well, well + dead));
        (health.InWords, health.IsUnhealthy).ShouldBe((words, words == "unhealthy"));
    }

    [Fact]
    public void A_valid_token_whose_refresh_failed_is_failing_and_a_paused_or_dead_one_is_not()
    {
        var paused = Some.Fresh();
        paused.RecordFailure(new(FailureKind.ProviderDown, "HTTP 500"), Soon, null);
        var failing = View(paused);
        failing.IsFailing.ShouldBeTrue();
        paused.Pause(Some.Now, null, "holiday");

        View(paused).IsFailing.ShouldBeFalse();
        View(Some.Fresh()).IsFailing.ShouldBeFalse();
        View(Some.Expired()).IsFailing.ShouldBeFalse();
    }

    private static TokenView View(Token token) => new(Some.Settings(), TokenHealth.Of(token, Some.Settings(), Some.Now), token, Some.Now);
}
