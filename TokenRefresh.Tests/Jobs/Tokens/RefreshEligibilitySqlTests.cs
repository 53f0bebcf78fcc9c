using Microsoft.EntityFrameworkCore;
using Shouldly;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Jobs.Tokens;

/// <summary>The one rule is stated twice, in C# and in SQL: every combination of what it looks at gives the same answer in both.</summary>
public sealed class RefreshEligibilitySqlTests(PostgresFixture postgres)
{
    private const string Today = "settings of today";

    [Fact]
    public async Task The_due_check_in_sql_finds_exactly_the_tokens_that_the_rules_let_through()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        await world.RefreshAsync(RefreshTrigger.Due);
        var now = Some.Now;
        await using var db = await world.ContextAsync();
        string[] kinds = [.. Enum.GetValues<FailureKind>().Select(kind => kind.Code())];
        db.Database.SetCommandTimeout(TimeSpan.FromMinutes(2));
        var rows = await db.Database.ExecuteSqlAsync(
            $"""
             INSERT INTO tokens
             SELECT made.*
             FROM (SELECT tokens AS token FROM tokens LIMIT 1) AS base
             CROSS JOIN (VALUES ('own'), ('imported'), ('unconfigured')) AS grants (name)
             CROSS JOIN (VALUES (NULL), ('sealed')) AS access (sealed)
             CROSS JOIN (VALUES (NULL), ('sealed')) AS refresh (sealed)
             CROSS JOIN (VALUES (NULL), ({Today}), ('others')) AS settings (digest)
             CROSS JOIN (SELECT unnest({kinds}) AS code UNION ALL SELECT NULL) AS failures
             CROSS JOIN (VALUES (NULL::timestamptz, NULL::timestamptz), ({now.AddHours(-1)}, NULL), ({now.AddHours(-1)}, {now}), ({now.AddHours(-1)}, {now.AddSeconds(1)})) AS pauses (since, until)
             CROSS JOIN (VALUES (NULL::timestamptz), ({now.AddSeconds(-60)}), ({now.AddSeconds(-59)}), ({now.AddSeconds(1)})) AS attempts (at)
             CROSS JOIN (VALUES (NULL), ('7')) AS jobs (id)
             CROSS JOIN (VALUES (NULL::timestamptz), ({now.AddSeconds(-1)}), ({now}), ({now.AddSeconds(1)})) AS due (at)
             CROSS JOIN LATERAL jsonb_populate_record(base.token, jsonb_build_object(
                 'name', grants.name || '-' || gen_random_uuid(), 'grant', CASE grants.name WHEN 'imported' THEN 'Imported' ELSE 'ClientCredentials' END,
                 'provider', CASE grants.name WHEN 'unconfigured' THEN 'unconfigured' ELSE 'jibit' END, 'origin', CASE grants.name WHEN 'undeclared' THEN 'undeclared' ELSE 'managed' END,
                 'lease_owner', NULL, 'queued_until', NULL, 'access_token', access.sealed, 'refresh_token', refresh.sealed, 'settings_fingerprint', settings.digest, 'last_error_code', failures.code,
                 'paused_at', pauses.since, 'paused_until', pauses.until, 'next_attempt_at', attempts.at, 'retry_job_id', jobs.id, 'refresh_due_at', due.at)) AS made
             """, CancellationToken.None);
        var stored = await db.Tokens.AsNoTracking().Where(token => token.Name != "jibit").ToListAsync(CancellationToken.None);
        var settings = stored.ToDictionary(token => token.Name, token => SettingsOf(token.Name));

        var inSql = await db.Database.SqlQueryRaw<string>(
            $"SELECT name AS \"Value\" FROM tokens WHERE name <> 'jibit' AND {RefreshEligibility.IsDueSql}",
            RefreshEligibility.SqlParameters([("jibit", Today)], now)).ToListAsync(CancellationToken.None);

        var answers = stored.ToDictionary(token => token.Name, token => RefreshEligibility.For(token, settings[token.Name], new(token.Name, RefreshTrigger.Due, "a test"), Today, now));
        stored.Count.ShouldBe(rows);
        inSql.Order(StringComparer.Ordinal).ShouldBe(answers.Where(answer => answer.Value.IsDue).Select(answer => answer.Key).Order(StringComparer.Ordinal));
        answers.Values.Select(answer => answer.Code).Distinct().Order(StringComparer.Ordinal)
            .ShouldBe(["due", "in_retry_pause", "needs_import", "never_obtained", "not_configured", "not_due", "paused", "refused", "retry", "settings_changed"]);
    }

    [Fact]
    public void The_permanent_codes_are_those_of_the_kinds_that_are_not_retried() =>
        RefreshEligibility.PermanentCodes.ShouldBe(["credential_rejected", "grant_revoked", "configuration"]);

    [Fact]
    public void Every_rule_has_a_stable_code_of_its_own() => RefreshEligibility.Codes.ShouldBe(
    [
        "not_configured", "needs_import", "paused", "already_refreshed", "refused", "in_retry_pause", "forced", "backup", "newer_token", "rejected", "reader_needs_longer", "reader_found_expired",
        "settings_changed", "never_obtained", "due", "retry", "not_due", "refused_again", "gone_or_changed",
    ]);

    private static ConfiguredToken SettingsOf(string name)
    {
        var settings = Some.Settings(
            name.StartsWith("imported", StringComparison.Ordinal) ? Grant.Imported : Grant.ClientCredentials,
            new ModelProvider { MissingSettings = name.StartsWith("unconfigured", StringComparison.Ordinal) ? ["Providers__Jibit__ApiKey"] : [] });
        return settings with { Order = settings.Order with { Name = name } };
    }
}
