using Microsoft.Extensions.DependencyInjection;
using Shouldly;
using TokenRefresh.Jobs.Alerts;
using TokenRefresh.Providers;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Jobs.Alerts;

public sealed class AlertEvaluationTests(PostgresFixture postgres)
{
    private static readonly string[] Nine = [.. Enumerable.Range(1, 9).Select(number => $"fino_{number}")];

    [Fact]
    public async Task In_normal_work_nobody_is_told_anything()
    {
        await using var world = await AlertWorld.CreateAsync(postgres, Nine);

        await world.PassAsync(TimeSpan.FromMinutes(5));
        await world.SucceedAsync(Nine);
        await world.PassAsync(TimeSpan.FromMinutes(5));

        world.Smtp.Mails.ShouldBeEmpty();
        (await world.IncidentsAsync()).ShouldBeEmpty();
    }

    [Fact]
    public async Task Nine_tokens_that_fail_for_one_reason_are_one_mail_that_names_them_and_one_recovery()
    {
        await using var world = await AlertWorld.CreateAsync(postgres, Nine);

        await world.FailAsync(FailureKind.ProviderDown, Nine);
        await world.PassAsync(TimeSpan.FromMinutes(10));
        var told = world.Smtp.Mails.ShouldHaveSingleItem();
        await world.SucceedAsync(Nine);
        await world.PassAsync(TimeSpan.FromMinutes(10));

        told.Subject.ShouldStartWith("FAILED, 23 h 5");
        told.Subject.ShouldEndWith("left: 9 tokens of jibit (provider_down)");
        Nine.ShouldAllBe(token => told.Text.Contains(token));
        world.Smtp.Subjects.Count.ShouldBe(2);
        world.Smtp.Subjects[1].ShouldBe("RECOVERED after 10 min: 9 tokens of jibit (provider_down)");
        world.Smtp.Mails.Last().Text.ShouldMatch("Attempts +45\\b", "nine tokens, four failures each from the first that led to it, and the success");
    }

    [Fact]
    public async Task While_a_job_has_retries_left_nobody_is_told()
    {
        await using var world = await AlertWorld.CreateAsync(postgres, ["jibit"]);
        world.Provider.Before = ModelProvider.Failing(FailureKind.ProviderDown);

        await world.Tokens.RefreshAsync(TokenRefresh.Jobs.Tokens.RefreshTrigger.Forced, change: request => request with { JobId = "7", RetriesLeft = 3 });
        await world.PassAsync(TimeSpan.FromSeconds(90));

        (await world.IncidentsAsync()).ShouldBeEmpty();
    }

    [Fact]
    public async Task An_incident_is_not_over_when_the_next_job_fails_too_and_has_retries_left()
    {
        await using var world = await AlertWorld.CreateAsync(postgres, ["jibit"]);
        await world.FailAsync(FailureKind.ProviderDown, "jibit");
        await world.PassAsync(TimeSpan.FromMinutes(2));

        world.Provider.Before = ModelProvider.Failing(FailureKind.ProviderDown);
        await world.Tokens.RefreshAsync(TokenRefresh.Jobs.Tokens.RefreshTrigger.Forced, change: request => request with { JobId = "8", RetriesLeft = 3 });
        await world.PassAsync(TimeSpan.FromSeconds(90));

        (await world.IncidentsAsync()).ShouldHaveSingleItem().IsOpen.ShouldBeTrue();
        world.Smtp.Subjects.ShouldHaveSingleItem().ShouldStartWith("FAILED");
    }

    [Fact]
    public async Task Refused_credentials_are_told_at_once_though_the_job_has_retries_left()
    {
        await using var world = await AlertWorld.CreateAsync(postgres, ["jibit"]);

        await world.FailAsync(FailureKind.CredentialRejected, "jibit");
        await world.PassAsync(TimeSpan.FromMinutes(1));

        world.Smtp.Subjects.ShouldHaveSingleItem().ShouldEndWith("left: jibit (credential_rejected)");
        world.Smtp.Mails[0].Text.ShouldContain("Check the provider's credentials");
    }

    [Fact]
    public async Task An_incident_becomes_critical_once_when_little_life_is_left()
    {
        await using var world = await AlertWorld.CreateAsync(postgres, ["jibit"]);
        await world.FailAsync(FailureKind.CredentialRejected, "jibit");

        await world.PassAsync(TimeSpan.FromHours(24), TimeSpan.FromMinutes(10));

        world.Smtp.Subjects.Count(subject => subject.StartsWith("CRITICAL, 1 h 50 min left", StringComparison.Ordinal)).ShouldBe(1);
        world.Smtp.Subjects.Count(subject => subject.StartsWith("FAILED", StringComparison.Ordinal)).ShouldBe(1);
    }

    [Fact]
    public async Task Reminders_come_with_growing_pauses_and_stop_when_somebody_takes_care()
    {
        await using var world = await AlertWorld.CreateAsync(postgres, ["jibit"]);
        await world.FailAsync(FailureKind.CredentialRejected, "jibit");

        await world.PassAsync(TimeSpan.FromHours(11), TimeSpan.FromMinutes(10));
        var reminded = world.Smtp.Subjects.Count(subject => subject.StartsWith("STILL FAILING", StringComparison.Ordinal));
        (await world.Tokens.Node.GetRequiredService<IncidentService>().AcknowledgeAsync((await world.IncidentsAsync())[0].Id, "user:amir", CancellationToken.None)).ShouldBeTrue();
        await world.PassAsync(TimeSpan.FromHours(10), TimeSpan.FromMinutes(10));

        reminded.ShouldBe(3);
        world.Smtp.Subjects.Count(subject => subject.StartsWith("STILL", StringComparison.Ordinal)).ShouldBe(3);
    }

    [Fact]
    public async Task Who_is_reminded_hears_which_tokens_still_fail_and_which_do_not_any_more()
    {
        await using var world = await AlertWorld.CreateAsync(postgres, ["jibit", "other", "third"]);
        await world.FailAsync(FailureKind.CredentialRejected, "jibit", "other", "third");
        await world.PassAsync(TimeSpan.FromMinutes(1));
        await world.SucceedAsync("other");

        await world.PassAsync(TimeSpan.FromMinutes(70), TimeSpan.FromMinutes(10));

        var reminder = world.Smtp.Mails[1];
        reminder.Subject.ShouldEndWith("2 tokens of jibit (credential_rejected)");
        reminder.Text.ShouldContain("jibit and third are still not refreshed.");
        reminder.Text.ShouldMatch("Resolved for:? +other");
    }

    [Fact]
    public async Task A_token_that_joined_and_is_well_again_before_it_was_told_of_is_no_news()
    {
        await using var world = await AlertWorld.CreateAsync(postgres, ["jibit", "other"]);
        await world.FailAsync(FailureKind.CredentialRejected, "jibit");
        await world.PassAsync(TimeSpan.FromMinutes(5));
        await world.FailAsync(FailureKind.CredentialRejected, "other");
        await world.PassAsync(TimeSpan.FromMinutes(5));
        await world.SucceedAsync("other");

        await world.PassAsync(TimeSpan.FromMinutes(40), TimeSpan.FromMinutes(5));

        world.Smtp.Subjects.ShouldHaveSingleItem().ShouldEndWith("left: jibit (credential_rejected)");
        (await world.IncidentsAsync()).ShouldHaveSingleItem().Subjects.ShouldBe(["jibit", "other"]);
    }

    [Fact]
    public async Task A_snoozed_incident_is_still_told_of_when_it_becomes_critical_and_when_the_token_expires()
    {
        await using var world = await AlertWorld.CreateAsync(postgres, ["jibit"]);
        await world.FailAsync(FailureKind.CredentialRejected, "jibit");
        await world.PassAsync(TimeSpan.FromMinutes(1));
        await world.Tokens.Node.GetRequiredService<IncidentService>().SnoozeAsync((await world.IncidentsAsync())[0].Id, TimeSpan.FromDays(2), "user:amir", CancellationToken.None);

        await world.PassAsync(TimeSpan.FromHours(25), TimeSpan.FromMinutes(10));

        world.Smtp.Subjects.Count.ShouldBe(3);
        world.Smtp.Subjects[1].ShouldStartWith("CRITICAL, 1 h ");
        world.Smtp.Subjects[2].ShouldStartWith("CRITICAL, expired");
    }

    [Fact]
    public async Task A_token_that_fails_and_recovers_again_and_again_is_told_of_ever_more_slowly()
    {
        await using var world = await AlertWorld.CreateAsync(postgres, ["jibit"]);
        for (var flap = 0; flap < 6; flap++)
        {
            await world.FailAsync(FailureKind.ProviderDown, "jibit");
            await world.PassAsync(TimeSpan.FromMinutes(4));
            await world.SucceedAsync("jibit");
            await world.PassAsync(TimeSpan.FromMinutes(4));
        }

        world.Smtp.Subjects.Count.ShouldBe(2);
        (await world.IncidentsAsync()).Select(incident => incident.Flaps).ShouldBe([0, 1, 2, 3, 4, 5]);
    }

    [Fact]
    public async Task A_second_outage_within_the_hour_is_told_at_once_when_the_token_has_expired_and_the_first_stays_in_the_list()
    {
        await using var world = await AlertWorld.CreateAsync(postgres, ["jibit"]);
        await world.FailAsync(FailureKind.ProviderDown, "jibit");
        await world.PassAsync(TimeSpan.FromMinutes(2));
        await world.SucceedAsync("jibit");
        await world.PassAsync(TimeSpan.FromMinutes(2));
        var first = (await world.IncidentsAsync()).ShouldHaveSingleItem();

        await world.Tokens.ExecuteAsync("UPDATE tokens SET expires_at = expires_at - interval '25 hours'");
        await world.FailAsync(FailureKind.ProviderDown, "jibit");
        var since = world.Tokens.Clock.GetUtcNow();
        await world.PassAsync(TimeSpan.FromMinutes(1));

        world.Smtp.Subjects.Count.ShouldBe(3);
        world.Smtp.Subjects[2].ShouldBe("CRITICAL, expired: jibit (provider_down)");
        var both = await world.IncidentsAsync();
        both.Count.ShouldBe(2);
        (both[0].OpenedAt, both[0].ResolvedAt, both[0].RecoveryToldAt, both[0].IsOpen).ShouldBe((first.OpenedAt, first.ResolvedAt, first.RecoveryToldAt, false));
        (both[1].IsOpen, both[1].OpenedAt >= since).ShouldBe((true, true));
    }

    [Fact]
    public async Task A_token_that_expires_within_an_incident_that_somebody_took_care_of_is_told_at_once()
    {
        await using var world = await AlertWorld.CreateAsync(postgres, ["jibit", "other"]);
        await world.FailAsync(FailureKind.ProviderDown, "jibit", "other");
        await world.Tokens.ExecuteAsync("UPDATE tokens SET expires_at = expires_at - interval '22 hours 30 minutes'");
        await world.PassAsync(TimeSpan.FromMinutes(3));
        await world.Tokens.Node.GetRequiredService<IncidentService>().AcknowledgeAsync((await world.IncidentsAsync())[0].Id, "user:amir", CancellationToken.None);
        var told = world.Smtp.Mails.Count;

        await world.Tokens.ExecuteAsync("UPDATE tokens SET expires_at = expires_at - interval '3 hours' WHERE name = 'other'");
        await world.PassAsync(TimeSpan.FromMinutes(2));

        var mail = world.Smtp.Mails.Skip(told).ShouldHaveSingleItem();
        mail.Subject.ShouldBe("CRITICAL, expired: 2 tokens of jibit (provider_down)");
        mail.Text.ShouldStartWith("jibit and other are not refreshed, and clients get no valid token of other.");
        (await world.OutboxAsync())[^1].Kind.ShouldBe("expired");
    }

    [Fact]
    public async Task An_expired_token_that_fails_for_another_reason_is_not_told_as_expired_anew()
    {
        await using var world = await AlertWorld.CreateAsync(postgres, ["jibit"]);
        await world.Tokens.ExecuteAsync("UPDATE tokens SET expires_at = expires_at - interval '25 hours'");
        FailureKind[] kinds = [FailureKind.ProviderDown, FailureKind.CredentialRejected, FailureKind.ProviderDown, FailureKind.CredentialRejected];
        foreach (var kind in kinds)
        {
            await world.FailAsync(kind, "jibit");
            await world.PassAsync(TimeSpan.FromMinutes(3));
        }

        world.Smtp.Subjects.ShouldBe(["CRITICAL, expired: jibit (provider_down)", "CRITICAL, expired: jibit (credential_rejected)"]);
    }

    [Fact]
    public async Task Tokens_that_join_later_are_told_of_together_in_the_same_thread()
    {
        await using var world = await AlertWorld.CreateAsync(postgres, Nine);
        await world.FailAsync(FailureKind.ProviderDown, Nine[0]);
        await world.PassAsync(TimeSpan.FromMinutes(2));

        await world.FailAsync(FailureKind.ProviderDown, Nine[1], Nine[2]);
        await world.PassAsync(TimeSpan.FromMinutes(40));

        world.Smtp.Mails.Count.ShouldBe(2);
        world.Smtp.Mails[1].Text.ShouldStartWith("Also affected now: fino_2 and fino_3.");
        world.Smtp.Mails[1].InReplyTo.ShouldBe(world.Smtp.Mails[0].MessageId);
        world.Smtp.Mails[1].References.ShouldContain(world.Smtp.Mails[0].MessageId);
    }

    [Fact]
    public async Task A_reason_that_another_try_cannot_mend_is_an_incident_of_its_own_and_the_first_ends_without_a_word()
    {
        await using var world = await AlertWorld.CreateAsync(postgres, ["jibit"]);
        await world.FailAsync(FailureKind.ProviderDown, "jibit");
        await world.PassAsync(TimeSpan.FromMinutes(1));

        await world.FailAsync(FailureKind.CredentialRejected, "jibit");
        await world.PassAsync(TimeSpan.FromMinutes(1));

        world.Smtp.Subjects.Count.ShouldBe(2);
        world.Smtp.Subjects.ShouldAllBe(subject => subject.StartsWith("FAILED", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Five_hundred_tokens_that_fail_within_a_minute_are_one_incident_and_one_mail()
    {
        string[] many = [.. Enumerable.Range(1, 500).Select(number => $"t{number:000}")];
        await using var world = await AlertWorld.CreateAsync(postgres, many);
        await world.Tokens.ExecuteAsync("UPDATE tokens SET consecutive_failures = 4, last_error_code = 'provider_down', last_error = 'HTTP 503', last_attempt_at = now()");

        await world.PassAsync(TimeSpan.FromMinutes(3));

        (await world.IncidentsAsync()).ShouldHaveSingleItem().Subjects.Count.ShouldBe(500);
        world.Smtp.Mails.ShouldHaveSingleItem().Text.ShouldContain("And 480 more.");
    }

    [Fact]
    public async Task A_clock_that_jumps_back_an_hour_multiplies_no_mail_and_loses_none()
    {
        await using var world = await AlertWorld.CreateAsync(postgres, ["jibit"]);
        await world.FailAsync(FailureKind.CredentialRejected, "jibit");
        await world.PassAsync(TimeSpan.FromMinutes(1));
        world.Smtp.Mood = SmtpMood.Busy;
        await world.SucceedAsync("jibit");
        await world.TickAsync();

        world.Tokens.Clock.AdjustTime(world.Tokens.Clock.GetUtcNow().AddHours(-1));
        world.Smtp.Mood = SmtpMood.Well;
        await world.PassAsync(TimeSpan.FromMinutes(2));

        world.Smtp.Subjects.Count.ShouldBe(2);
        world.Smtp.Subjects[1].ShouldStartWith("RECOVERED");
    }

    [Fact]
    public async Task Many_rounds_at_once_on_three_nodes_tell_once()
    {
        await using var world = await AlertWorld.CreateAsync(postgres, Nine);
        IServiceProvider[] nodes = [world.Tokens.Node, world.Tokens.AddNode("node-2"), world.Tokens.AddNode("node-3")];
        await world.FailAsync(FailureKind.CredentialRejected, Nine);

        for (var tick = 0; tick < 4; tick++)
        {
            world.Tokens.Clock.Advance(TimeSpan.FromSeconds(15));
            await Task.WhenAll(nodes.SelectMany(node => Enumerable.Repeat(node, 3)).Select(node => Task.Run(() => world.TickAsync(node))));
        }

        world.Smtp.Mails.ShouldHaveSingleItem();
        (await world.IncidentsAsync()).ShouldHaveSingleItem();
    }

    [Fact]
    public async Task A_low_success_rate_is_told_once_there_are_enough_attempts_and_no_incident_explains_it()
    {
        await using var world = await AlertWorld.CreateAsync(postgres, ["jibit"]);
        for (var round = 0; round < 5; round++)
        {
            world.Provider.Before = ModelProvider.Failing(FailureKind.ProviderDown);
            await world.Tokens.RefreshAsync(TokenRefresh.Jobs.Tokens.RefreshTrigger.Forced, change: request => request with { JobId = $"{round}", RetriesLeft = 3 });
            world.Provider.Before = (_, _) => Task.FromResult<ProviderResult?>(null);
            await world.SucceedAsync("jibit");
        }

        await world.PassAsync(TimeSpan.FromMinutes(2));

        world.Smtp.Subjects.ShouldHaveSingleItem().ShouldBe("LOW SUCCESS RATE: jibit, 54.5 % of 11 attempts succeeded");
    }

    [Fact]
    public async Task Silence_is_told_once_with_all_that_is_silent_and_its_end_too()
    {
        await using var world = await AlertWorld.CreateAsync(postgres, ["jibit"]);
        var lastTick = world.Tokens.Clock.GetUtcNow();
        world.SystemStatus = now => new(lastTick, TimeSpan.FromMinutes(1), 0, null);
        await world.PassAsync(TimeSpan.FromMinutes(10));
        world.SystemStatus = now => new(now, TimeSpan.FromMinutes(1), 5, null);
        await world.PassAsync(TimeSpan.FromMinutes(2));

        world.Smtp.Subjects.Count.ShouldBe(2);
        world.Smtp.Subjects[0].ShouldStartWith("STALLED: ");
        world.Smtp.Subjects[1].ShouldStartWith("RECOVERED after ");
    }

    [Fact]
    public async Task An_imported_token_is_told_of_seven_three_and_one_days_before_it_dies()
    {
        await using var world = await AlertWorld.CreateAsync(postgres, ["jibit"], ("Tokens:jibit:Grant", "Imported"));
        var now = world.Tokens.Clock.GetUtcNow();
        await world.Tokens.Node.GetRequiredService<TokenRefresh.Jobs.Administration.TokenControls>().ImportAsync("jibit", new("access", null, now.AddDays(9)), "a test", CancellationToken.None);
        await world.PassAsync(TimeSpan.FromMinutes(2));
        var before = world.Smtp.Mails.Count;
        await world.PassAsync(TimeSpan.FromDays(8.5), TimeSpan.FromHours(1));

        world.Smtp.Subjects.Skip(before).ShouldBe(["ACTION REQUIRED, 6 d 22 h left: jibit (expires_soon)", "ACTION REQUIRED, 2 d 23 h left: jibit (expires_soon)", "ACTION REQUIRED, 23 h 58 min left: jibit (expires_soon)"]);
    }
}
