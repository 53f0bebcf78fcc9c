using Shouldly;
using TokenRefresh.Jobs;
using TokenRefresh.Jobs.Alerts;
using TokenRefresh.Jobs.Health;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Jobs.Health;

public sealed class SystemDiagnosisTests
{
    private static readonly DateTimeOffset Now = Some.Now;
    private static readonly SystemStatus Alive = new(Now, TimeSpan.FromMinutes(1), 5, null);
    private static readonly IReadOnlyList<DiagnosisReason> Ready = new NotificationReadiness(ReadinessState.Ready, "By mail to 1 recipient.").Reasons;

    [Theory]
    [InlineData("healthy", OverallStatus.Operational)]
    [InlineData("pending", OverallStatus.Operational)]
    [InlineData("not configured", OverallStatus.Operational)]
    [InlineData("paused", OverallStatus.Operational)]
    [InlineData("failing", OverallStatus.Degraded)]
    [InlineData("critical", OverallStatus.ActionRequired)]
    [InlineData("refused", OverallStatus.ActionRequired)]
    [InlineData("never obtained, refused", OverallStatus.ActionRequired)]
    [InlineData("never imported", OverallStatus.ActionRequired)]
    [InlineData("late", OverallStatus.ActionRequired)]
    [InlineData("never obtained, failing", OverallStatus.Outage)]
    [InlineData("expired", OverallStatus.Outage)]
    [InlineData("refused and expired", OverallStatus.Outage)]
    [InlineData("paused and expired", OverallStatus.Outage)]
    public void The_whole_stands_as_its_worst_token(string situation, OverallStatus overall)
    {
        var seen = SystemDiagnosis.Of([View(Some.Fresh(), name: "other"), Token(situation)], Alive, Ready, [], Now);

        seen.Overall.ShouldBe(overall);
        seen.Wrong.Select(reason => reason.Subject).ShouldBe(overall == OverallStatus.Operational ? [] : ["jibit"]);
    }

    [Fact]
    public void Without_a_worker_or_two_ticks_of_the_schedule_it_is_an_outage()
    {
        Of(Alive with { Workers = 0 }).ShouldBe(OverallStatus.Outage);
        Of(Alive with { SchedulerTick = null }).ShouldBe(OverallStatus.Outage);
        Of(Alive with { SchedulerTick = Now.AddSeconds(-121) }).ShouldBe(OverallStatus.Outage);
        Of(Alive with { SchedulerTick = Now.AddSeconds(-120) }).ShouldBe(OverallStatus.Operational);
        SystemDiagnosis.WithoutDatabase(Now).Overall.ShouldBe(OverallStatus.Outage);
    }

    [Theory]
    [InlineData(ReadinessState.Ready, OverallStatus.Operational, 0)]
    [InlineData(ReadinessState.SwitchedOff, OverallStatus.Operational, 0)]
    [InlineData(ReadinessState.NoRecipient, OverallStatus.Operational, 1)]
    [InlineData(ReadinessState.NoMailServer, OverallStatus.Operational, 1)]
    [InlineData(ReadinessState.Failing, OverallStatus.ActionRequired, 1)]
    public void Messages_that_are_not_delivered_need_somebody_and_that_none_are_configured_is_a_notice(ReadinessState state, OverallStatus overall, int reasons)
    {
        var seen = SystemDiagnosis.Of([View(Some.Fresh())], Alive, new NotificationReadiness(state, "As it is.").Reasons, [], Now);

        (seen.Overall, seen.Reasons.Count).ShouldBe((overall, reasons));
    }

    [Theory]
    [InlineData(RecurringJobIds.DueTokenRefresh, OverallStatus.ActionRequired)]
    [InlineData(RecurringJobIds.AutomaticTokenRefresh, OverallStatus.ActionRequired)]
    [InlineData(RecurringJobIds.LogCleanup, OverallStatus.Operational)]
    public void A_paused_job_that_refreshes_tokens_needs_somebody_and_another_does_not(string job, OverallStatus overall)
    {
        var pause = new RecurringJobPause { Job = job, PausedBy = "sara", Reason = "moving", PausedAt = Now, Until = Now.AddHours(1) };

        SystemDiagnosis.Of([View(Some.Fresh())], Alive with { TickPeriod = job == RecurringJobIds.DueTokenRefresh ? null : TimeSpan.FromMinutes(1) }, Ready, [pause], Now).Overall.ShouldBe(overall);
    }

    [Theory]
    [InlineData(OverallStatus.Operational, "operational", "healthy")]
    [InlineData(OverallStatus.Degraded, "degraded", "partial")]
    [InlineData(OverallStatus.ActionRequired, "action_required", "partial")]
    [InlineData(OverallStatus.Outage, "outage", "unhealthy")]
    public void Each_status_has_its_word_and_the_seeds(OverallStatus status, string word, string seeds) => (status.Code(), status.SeedCode()).ShouldBe((word, seeds));

    [Fact]
    public void What_strangers_may_read_names_nothing()
    {
        var pause = new RecurringJobPause { Job = RecurringJobIds.AutomaticTokenRefresh, PausedBy = "sara", Reason = "moving", PausedAt = Now, Until = Now.AddHours(1) };

        SystemDiagnosis.Of([Token("expired"), Token("failing")], Alive with { Workers = 0, SchedulerTick = null }, new NotificationReadiness(ReadinessState.Failing, "Failing.").Reasons, [pause], Now).WrongWithoutNames
            .ShouldBe("a token needs attention, the schedule is stalled, no worker is alive, notifications cannot be delivered, the schedule is paused, a refresh is failing");
    }

    private static OverallStatus Of(SystemStatus pulse) => SystemDiagnosis.Of([View(Some.Fresh())], pulse, Ready, [], Now).Overall;

    private static TokenView Token(string situation) => situation switch
    {
        "healthy" => View(Some.Fresh()),
        "pending" => View(TokenRefresh.Jobs.Tokens.Token.New("jibit", Now)),
        "not configured" => View(Some.Expired(), new ModelProvider { MissingSettings = ["Providers__Jibit__ApiKey"] }),
        "paused" => View(Paused(Failing(Some.Fresh(), FailureKind.ProviderDown))),
        "failing" => View(Failing(Some.Fresh(), FailureKind.ProviderDown)),
        "critical" => View(Failing(Some.Aged(TimeSpan.FromHours(23)), FailureKind.ProviderDown)),
        "refused" => View(Failing(Some.Fresh(), FailureKind.CredentialRejected)),
        "never obtained, refused" => View(Failing(Some.New(), FailureKind.CredentialRejected)),
        "never obtained, failing" => View(Failing(Some.New(), FailureKind.ProviderDown)),
        "never imported" => View(Some.New(), grant: Grant.Imported),
        "late" => View(Some.Due()),
        "expired" => View(Failing(Some.Expired(), FailureKind.ProviderDown)),
        "refused and expired" => View(Failing(Some.Expired(), FailureKind.CredentialRejected)),
        "paused and expired" => View(Paused(Some.Expired())),
        _ => throw new ArgumentOutOfRangeException(nameof(situation)),
    };

    private static TokenView View(Token token, ModelProvider? provider = null, Grant grant = Grant.ClientCredentials, string name = "jibit")
    {
        var settings = Some.Settings(grant, provider);
        settings = settings with { Order = settings.Order with { Name = name } };
        return new(settings, TokenHealth.Of(token, settings, Now), token, Now);
    }

    private static Token Failing(Token token, FailureKind kind)
    {
        token.RecordFailure(new(kind, "HTTP 503"), kind.IsRetryable() ? Now.AddMinutes(2) : null, null);
        return token;
    }

    private static Token Paused(Token token)
    {
        token.Pause(Now, null, "maintenance");
        return token;
    }
}
