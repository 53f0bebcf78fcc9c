using System.Text.Json;
using Shouldly;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Jobs.Tokens;

/// <summary>What each verb of a token's row changes, and what it must leave alone.</summary>
public sealed class TokenTests
{
    private static readonly DateTimeOffset Now = Some.Now;
    private static readonly RenewalPlan Plan = new(Now.AddHours(16), "scheduled at 67 % of its 24-hour lifetime");

    [Fact]
    public void A_new_token_is_due_at_once_because_it_was_never_obtained()
    {
        var token = Token.New("jibit", Now);

        (token.Name, token.CreatedAt, token.RefreshDueAt, token.DueReason).ShouldBe(("jibit", Now, Now, "never obtained yet"));
        (token.Version, token.AccessToken, token.LastFailure, token.Metadata, token.LastUsedAt).ShouldBe((0, null, null, "{}", null));
    }

    [Fact]
    public void An_issued_token_is_taken_over_whole_and_ends_what_had_failed()
    {
        var token = Some.Failing(FailureKind.ProviderDown, Now.AddMinutes(2), "7");

        token.Accept(Some.Issued(Now.AddSeconds(-2), TimeSpan.FromHours(24)), "sealed-2", "sealed-refresh-2", Plan, """{"scopes":[]}""", Now);

        (token.AccessToken, token.RefreshToken, token.Version, token.Metadata).ShouldBe(("sealed-2", "sealed-refresh-2", 2, """{"scopes":[]}"""));
        (token.IssuedAt, token.ExpiresAt, token.RefreshExpiresAt).ShouldBe((Now.AddSeconds(-2), Now.AddSeconds(-2).AddHours(24), Now.AddSeconds(-2).AddHours(48)));
        (token.RefreshDueAt, token.DueReason, token.LastSuccessAt).ShouldBe((Plan.DueAt, Plan.Reason, Now));
        (token.ConsecutiveFailures, token.NextAttemptAt, token.RetryJobId, token.LastErrorCode, token.LastError).ShouldBe((0, null, null, null, null));
    }

    [Fact]
    public void An_answer_without_a_refresh_token_leaves_the_stored_one_and_its_end()
    {
        var token = Some.Due();
        var (refresh, refreshExpiresAt) = (token.RefreshToken, token.RefreshExpiresAt);

        token.Accept(Some.Issued(Now, TimeSpan.FromHours(24)) with { RefreshToken = null, RefreshExpiresAt = null }, "sealed-2", null, Plan, "{}", Now);

        (token.RefreshToken, token.RefreshExpiresAt, token.AccessToken).ShouldBe((refresh, refreshExpiresAt, "sealed-2"));
    }

    [Fact]
    public void An_answer_that_tells_only_the_end_of_the_stored_refresh_token_changes_that()
    {
        var token = Some.Due();
        var refresh = token.RefreshToken;

        token.Accept(Some.Issued(Now, TimeSpan.FromHours(24)) with { RefreshToken = null, RefreshExpiresAt = Now.AddHours(3) }, "sealed-2", null, Plan, "{}", Now);

        (token.RefreshToken, token.RefreshExpiresAt).ShouldBe((refresh, Now.AddHours(3)));
    }

    [Fact]
    public void A_failure_is_written_down_and_the_stored_token_stays_as_it_is()
    {
        var token = Some.Due();
        var (access, version, expiresAt, dueAt) = (token.AccessToken, token.Version, token.ExpiresAt, token.RefreshDueAt);

        token.RecordFailure(new(FailureKind.RateLimited, "HTTP 429"), Now.AddMinutes(1), "7");
        token.RecordFailure(new(FailureKind.ProviderDown, "HTTP 503"), Now.AddMinutes(2), "8");

        (token.ConsecutiveFailures, token.LastErrorCode, token.LastError, token.NextAttemptAt, token.RetryJobId).ShouldBe((2, "provider_down", "HTTP 503", Now.AddMinutes(2), "8"));
        token.LastFailure.ShouldBe(FailureKind.ProviderDown);
        (token.AccessToken, token.Version, token.ExpiresAt, token.RefreshDueAt).ShouldBe((access, version, expiresAt, dueAt));
    }

    [Fact]
    public void An_attempt_notes_when_and_with_which_settings_and_a_look_only_when()
    {
        var token = Some.New();

        token.Apply(token.Failed(new(FailureKind.ProviderDown, "HTTP 503"), null, null, new(Now, "settings of today")), 1);
        token.Apply(token.Skipped(Now.AddMinutes(1)), 1);

        (token.LastAttemptAt, token.LastLookedAt, token.SettingsFingerprint).ShouldBe((Now, Now.AddMinutes(1), "settings of today"));
    }

    [Fact]
    public void A_refused_refresh_token_stays_stored_and_counts_as_dead()
    {
        var token = Some.Due();

        var issued = token.Issued(Some.Issued(Now, TimeSpan.FromHours(1)) with { RefreshToken = null, RefreshExpiresAt = null }, "sealed-2", null, Plan, "{}", new(Now, "settings"), Now);
        token.Apply(Token.WithoutRefusedRefreshToken(issued, Now), 2);

        (token.RefreshToken, token.RefreshExpiresAt).ShouldBe(("sealed", Now));
    }

    [Fact]
    public void What_only_a_person_can_renew_is_never_due_by_itself()
    {
        var token = Some.Due();

        token.Apply(token.Imported(Some.Issued(Now, TimeSpan.FromHours(1)) with { RefreshToken = null }, "sealed-2", null, null, "{}", Now), 2);

        (token.RefreshDueAt, token.DueReason).ShouldBe((null, "only a person can start it again"));
        (token.RefreshToken, token.RefreshExpiresAt).ShouldBe((null, null), "the grant before it is gone");
    }

    [Fact]
    public void A_replaced_token_that_is_taken_back_is_the_old_one_under_a_new_version_and_nothing_has_failed()
    {
        var token = Some.Fresh();
        var old = ReplacedToken.Of(token, "a person", Now);
        var issuedAt = token.IssuedAt;
        token.Accept(Some.Issued(Now, TimeSpan.FromHours(1)), "wrong", "wrong", Plan, """{"by":"import"}""", Now);
        token.RecordFailure(new(FailureKind.CredentialRejected, "HTTP 401"), Now.AddMinutes(1), "7");

        token.Apply(token.RolledBack(old, new(Now.AddHours(3), "because"), Now.AddMinutes(1)), token.Version + 1);

        (token.AccessToken, token.RefreshToken, token.Version, token.Metadata, token.LastSuccessAt).ShouldBe(("sealed", "sealed", 3, "{}", Now.AddMinutes(1)));
        (token.IssuedAt, token.ExpiresAt, token.RefreshExpiresAt).ShouldBe((issuedAt, issuedAt!.Value.AddHours(24), issuedAt.Value.AddHours(48)));
        (token.RefreshDueAt, token.DueReason).ShouldBe((Now.AddHours(3), "because"));
        (token.ConsecutiveFailures, token.NextAttemptAt, token.RetryJobId, token.LastErrorCode, token.LastError).ShouldBe((0, null, null, null, null));
    }

    [Fact]
    public void A_paused_token_is_inactive_until_it_is_resumed_whatever_the_settings_say()
    {
        var token = Some.Fresh();

        token.Pause(Now, Now.AddHours(1), "maintenance");
        token.IsActive.ShouldBeFalse();
        token.Configure(Some.Settings());
        (token.IsActive, token.PausedAt, token.PausedUntil, token.PauseReason).ShouldBe((false, Now, Now.AddHours(1), "maintenance"));

        token.Resume(Now);
        (token.IsActive, token.PausedAt, token.PausedUntil, token.PauseReason).ShouldBe((true, null, null, null));
    }

    [Fact]
    public void A_token_that_the_settings_name_is_active_and_one_that_they_no_longer_name_is_not()
    {
        var token = Token.New("jibit", Now);

        token.Configure(Some.Settings());
        (token.IsActive, token.Provider).ShouldBe((true, "jibit"));

        token.Unconfigure();
        token.IsActive.ShouldBeFalse();
    }

    [Theory]
    [InlineData(null, true)]
    [InlineData(1, true)]
    [InlineData(0, false)]
    [InlineData(-1, false)]
    public void A_pause_holds_until_the_instant_at_which_it_ends(int? endsInSeconds, bool isPaused)
    {
        var token = Some.Fresh();
        token.Pause(Now.AddHours(-1), endsInSeconds is { } seconds ? Now.AddSeconds(seconds) : null, "maintenance");

        token.IsPaused(Now).ShouldBe(isPaused);
    }

    [Fact]
    public void A_token_that_nobody_paused_is_not_paused() => Some.Fresh().IsPaused(Now).ShouldBeFalse();

    [Theory]
    [InlineData(24 * 3600 - 1, true)]
    [InlineData(24 * 3600, false)]
    public void A_token_is_valid_until_the_instant_at_which_it_dies(int age, bool isValid) =>
        Some.Aged(TimeSpan.FromSeconds(age)).IsValid(Now).ShouldBe(isValid);

    [Fact]
    public void A_token_that_was_never_obtained_is_not_valid() => Some.New().IsValid(Now).ShouldBeFalse();

    [Fact]
    public void A_row_that_is_saved_back_is_all_that_it_was_but_for_its_version_and_its_jobs_retry()
    {
        var held = Some.Failing(FailureKind.ProviderDown, Now.AddMinutes(2), "7");
        var older = Some.New();

        older.Apply(held.Restored(), 1002);

        (older.Version, older.RestoredFrom, older.RetryJobId).ShouldBe((1002, 1, null));
        Values(older, nameof(Token.Version), nameof(Token.RestoredFrom), nameof(Token.RetryJobId), nameof(Token.LeftAloneUntil), nameof(Token.Metadata), nameof(Token.LastLookedAt))
            .ShouldBe(Values(held, nameof(Token.Version), nameof(Token.RestoredFrom), nameof(Token.RetryJobId), nameof(Token.LeftAloneUntil), nameof(Token.Metadata), nameof(Token.LastLookedAt)));
    }

    [Fact]
    public void A_change_that_waits_on_disk_is_the_same_when_it_is_read_again()
    {
        var change = Some.Due().Issued(Some.Issued(Now, TimeSpan.FromHours(24)), "sealed-2", "sealed-refresh-2", Plan, """{"scopes":[]}""", new(Now, "settings"), Now);

        JsonSerializer.Deserialize<TokenChange>(JsonSerializer.Serialize(change)).ShouldBe(change);
    }

    [Fact]
    public void A_look_changes_nothing_of_what_is_stored_and_gives_the_lease_back()
    {
        var token = Some.Failing(FailureKind.ProviderDown, Now.AddMinutes(2), "7");
        var before = Values(token, nameof(Token.LastLookedAt));

        token.Apply(token.Skipped(Now.AddMinutes(1)), 17);

        Values(token, nameof(Token.LastLookedAt)).ShouldBe(before);
    }

    private static string Values(Token token, params string[] but) => string.Join(
        Environment.NewLine, typeof(Token).GetProperties().Where(column => !but.Contains(column.Name)).Select(column => $"{column.Name}: {column.GetValue(token)}"));
}
