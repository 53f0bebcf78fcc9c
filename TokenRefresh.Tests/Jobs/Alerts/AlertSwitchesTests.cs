using Shouldly;
using TokenRefresh.Jobs.Alerts;
using TokenRefresh.Providers;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Jobs.Alerts;

public sealed class AlertSwitchesTests(PostgresFixture postgres)
{
    [Theory]
    [InlineData("Enabled", "")]
    [InlineData("OnFailure", "CRITICAL RECOVERED")]
    [InlineData("OnCritical", "FAILED RECOVERED")]
    [InlineData("OnRecovery", "FAILED CRITICAL")]
    public async Task Each_switch_takes_away_its_own_mails_only(string key, string left)
    {
        await using var world = await AlertWorld.CreateAsync(postgres, ["jibit"], ($"TokenRefresh:Notifications:{key}", "false"));
        await world.FailAsync(FailureKind.CredentialRejected, "jibit");
        await world.PassAsync(TimeSpan.FromMinutes(1));
        await world.Tokens.ExecuteAsync("UPDATE tokens SET expires_at = expires_at - interval '22 hours 30 minutes'");
        await world.PassAsync(TimeSpan.FromMinutes(1));
        await world.SucceedAsync("jibit");
        await world.PassAsync(TimeSpan.FromMinutes(1));

        string.Join(' ', world.Smtp.Subjects.Select(subject => subject.Split(' ', ',')[0])).ShouldBe(left);
        (await world.IncidentsAsync()).ShouldHaveSingleItem().IsOpen.ShouldBeFalse();
    }

    [Fact]
    public async Task Nobody_hears_of_the_end_of_what_nobody_was_told_of()
    {
        await using var world = await AlertWorld.CreateAsync(postgres, ["jibit"]);
        await world.FailAsync(FailureKind.CredentialRejected, "jibit");
        await world.TickAsync();

        await world.SucceedAsync("jibit");
        await world.PassAsync(TimeSpan.FromMinutes(5));

        world.Smtp.Mails.ShouldBeEmpty();
    }

    [Theory]
    [InlineData("OnSilence")]
    [InlineData("OnLowSuccessRate")]
    [InlineData("OnNeedsPerson")]
    public async Task What_is_switched_off_is_an_incident_without_a_mail(string key)
    {
        await using var world = await AlertWorld.CreateAsync(
            postgres, ["jibit", "other"], ($"TokenRefresh:Notifications:{key}", "false"), ("Tokens:other:Grant", key == "OnNeedsPerson" ? "Imported" : "ClientCredentials"));
        if (key == "OnSilence")
        {
            world.SystemStatus = now => new(now, TimeSpan.FromMinutes(1), 0, null);
        }
        else if (key == "OnLowSuccessRate")
        {
            await world.Tokens.ExecuteAsync("INSERT INTO token_refresh_logs (provider, token_name, status, trigger_type, triggered_by, message, metadata, started_at, attempt, node) SELECT 'jibit', 'jibit', 'failed', 'due', 'x', 'x', '{{}}', timestamptz '2026-03-01T11:59:00Z', 1, 'x' FROM generate_series(1, 20)");
        }

        await world.PassAsync(TimeSpan.FromMinutes(3));

        (await world.IncidentsAsync()).ShouldHaveSingleItem();
        world.Smtp.Mails.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_waiting_mail_is_no_reason_for_a_mail()
    {
        await using var world = await AlertWorld.CreateAsync(postgres, ["jibit"]);
        var since = world.Tokens.Clock.GetUtcNow();
        world.SystemStatus = now => new(now, TimeSpan.FromMinutes(1), 5, since);

        await world.PassAsync(TimeSpan.FromMinutes(20));

        (await world.IncidentsAsync()).ShouldHaveSingleItem().Kind.ShouldBe(IncidentKind.StalledComponent);
        world.Smtp.Mails.ShouldBeEmpty();
    }

    [Theory]
    [InlineData("3", 1)]
    [InlineData("2", 1)]
    [InlineData("0", 0)]
    public async Task The_number_of_failures_in_a_row_is_a_setting(string failures, int mails)
    {
        await using var world = await AlertWorld.CreateAsync(postgres, ["jibit"], ("TokenRefresh:Health:AlertOnConsecutiveFailures", failures));
        await world.Tokens.ExecuteAsync("UPDATE tokens SET consecutive_failures = 3, last_error_code = 'provider_down', last_error = 'HTTP 503'");

        await world.PassAsync(TimeSpan.FromMinutes(1));

        world.Smtp.Mails.Count.ShouldBe(mails);
    }

    [Fact]
    public async Task The_mail_comes_from_the_address_of_the_settings()
    {
        await using var world = await AlertWorld.CreateAsync(postgres, ["jibit"], ("Email:From", "alarm@example.com"), ("TokenRefresh:Notifications:PanelUrl", "https://panel.example.com"));
        await world.FailAsync(FailureKind.CredentialRejected, "jibit");

        await world.PassAsync(TimeSpan.FromMinutes(1));

        world.Smtp.Mails.ShouldHaveSingleItem().From.ShouldBe("alarm@example.com");
        world.Smtp.Mails[0].Text.ShouldContain("https://panel.example.com/access/incidents/1");
    }
}
