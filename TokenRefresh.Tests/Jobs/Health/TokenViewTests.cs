using Shouldly;
using TokenRefresh.Jobs.Health;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Jobs.Health;

public sealed class TokenViewTests
{
    private static readonly DateTimeOffset Soon = Some.Now.AddMinutes(2);
    private static readonly ScheduleOutlook Schedule = ScheduleOutlook.DueCheckAlone with { Now = Some.Now };

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
    public void A_token_that_failed_before_it_was_due_is_refreshed_next_at_its_retry()
    {
        var token = Some.Fresh();
        token.RecordFailure(new(FailureKind.ProviderDown, "HTTP 500"), Soon, null);

        var view = View(token);

        view.NextRefreshAt.ShouldBe(Soon);
        view.NextRefreshReason.ShouldBe("after 1 failure (provider_down)");
    }

    [Fact]
    public void While_a_job_has_retries_left_the_next_is_its_own_though_the_due_check_is_paused()
    {
        var token = Some.Fresh();
        token.RecordFailure(new(FailureKind.ProviderDown, "HTTP 500"), Soon, "7");

        View(token).NextRefreshAt.ShouldBe(Soon);
        View(token, Schedule with { DueCheckPausedUntil = Some.Now.AddHours(3) }).NextRefreshAt.ShouldBe(Soon);
    }

    [Fact]
    public void Nothing_is_planned_for_what_waits_for_a_person()
    {
        var view = View(Some.Failing(FailureKind.GrantRevoked), Schedule with { NextBackupAt = Soon });

        view.NextRefreshAt.ShouldBeNull();
        view.NextRefreshReason.ShouldBe("retries stopped: update the credentials");
        view.RenewedBy.ShouldBe(RenewedBy.Person);
    }

    [Fact]
    public void Refused_credentials_are_tried_next_by_the_backup_job_where_it_is_on()
    {
        var token = Some.Failing(FailureKind.CredentialRejected);

        View(token).NextRefreshAt.ShouldBeNull();
        View(token, Schedule with { NextBackupAt = Soon }).NextRefreshAt.ShouldBe(Soon);
    }

    [Theory]
    [InlineData(null, 180)]
    [InlineData(30, 180)]
    [InlineData(90, 90)]
    [InlineData(200, 180)]
    public void While_the_due_check_is_paused_the_next_is_when_it_goes_on_or_at_the_sweep(int? sweepInMinutes, int inMinutes)
    {
        var runs = Schedule with { DueCheckPausedUntil = Some.Now.AddHours(3), NextSweepAt = sweepInMinutes is { } minutes ? Some.Now.AddMinutes(minutes) : null };

        View(Some.Failing(FailureKind.ProviderDown, Some.Now.AddHours(1)), runs).NextRefreshAt.ShouldBe(Some.Now.AddMinutes(inMinutes));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_backup_job_that_takes_every_token_is_the_next_where_it_comes_first(bool takesAll)
    {
        var token = Some.Fresh();

        View(token, Schedule with { NextBackupAt = Soon, BackupTakesAll = takesAll }).NextRefreshAt.ShouldBe(takesAll ? Soon : token.RefreshDueAt);
    }

    [Fact]
    public void Nothing_is_planned_for_a_token_whose_provider_has_lost_its_credentials_though_it_lives()
    {
        var (token, settings) = (Some.Fresh(), Some.Settings(provider: new ModelProvider { MissingSettings = ["Providers__Jibit__ApiKey"] }));
        var view = new TokenView(settings, TokenHealth.Of(token, settings, Some.Now), token, Some.Now);

        view.State.ShouldBe(TokenState.Healthy);
        view.NextRefreshAt.ShouldBeNull();
        view.NextRefreshReason.ShouldBe("set Providers__Jibit__ApiKey");
    }

    [Theory]
    [InlineData(TokenState.Healthy, 1, true, false)]
    [InlineData(TokenState.Healthy, 17, true, true)]
    [InlineData(TokenState.Pending, 1, true, true)]
    [InlineData(TokenState.NotConfigured, 25, true, false)]
    [InlineData(TokenState.Paused, 1, true, false)]
    [InlineData(TokenState.Paused, 24, false, false)]
    [InlineData(TokenState.Paused, 25, false, false)]
    [InlineData(TokenState.Degraded, 1, false, true)]
    [InlineData(TokenState.Critical, 23, false, true)]
    [InlineData(TokenState.ActionRequired, 1, false, true)]
    [InlineData(TokenState.Expired, 25, false, true)]
    public void Some_states_are_well_and_in_some_a_refresh_is_waited_for(TokenState state, int hoursOld, bool isWell, bool needsRefresh)
    {
        var view = new TokenView(Some.Settings(), state, Some.Aged(TimeSpan.FromHours(hoursOld)), Some.Now);

        (view.IsWell, view.NeedsRefresh).ShouldBe((isWell, needsRefresh));
    }

    [Theory]
    [InlineData(5, false)]
    [InlineData(6, true)]
    public void A_retry_that_has_not_come_five_minutes_after_its_time_is_late(int minutes, bool isLate)
    {
        var token = Some.Fresh();
        token.RecordFailure(new(FailureKind.ProviderDown, "HTTP 500"), Some.Now.AddMinutes(-minutes), null);

        View(token).IsLate.ShouldBe(isLate);
    }

    private static TokenView View(Token token, ScheduleOutlook? outlook = null) =>
        new(Some.Settings(), TokenHealth.Of(token, Some.Settings(), Some.Now), token, Some.Now) { Outlook = outlook ?? Schedule };
}
