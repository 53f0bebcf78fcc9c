using Microsoft.EntityFrameworkCore;
using Shouldly;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Jobs.Tokens;

/// <summary>How a token stands is judged twice, in C# and in SQL: every combination of what it looks at gives the same state in both.</summary>
public sealed class TokenStateSqlTests(PostgresFixture postgres)
{
    private static readonly TimeSpan Critical = TimeSpan.FromHours(2);

    private static readonly Dictionary<string, ModelProvider> Providers = new()
    {
        ["jibit"] = new(),
        ["missing"] = new() { Name = "missing", MissingSettings = ["Providers__Missing__ApiKey"] },
        ["off"] = new() { Name = "off", IsEnabled = false },
    };

    [Fact]
    public async Task The_state_in_sql_is_that_of_the_rules_and_what_is_not_healthy_is_found_by_the_indexes()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        var now = Some.Now;
        await using var db = await world.ContextAsync();
        db.Database.SetCommandTimeout(TimeSpan.FromMinutes(2));
        await db.Database.ExecuteSqlAsync(
            $"""
             INSERT INTO tokens
             SELECT made.*
             FROM (SELECT tokens AS token FROM tokens LIMIT 1) AS base
             CROSS JOIN (VALUES ('jibit'), ('missing'), ('off')) AS providers (name)
             CROSS JOIN (VALUES ('ClientCredentials'), ('Imported')) AS grants (name)
             CROSS JOIN (VALUES (NULL), ('sealed')) AS access (sealed)
             CROSS JOIN (VALUES (NULL), ('sealed')) AS refresh (sealed)
             CROSS JOIN (VALUES (NULL), ('provider_down'), ('credential_rejected')) AS failures (code)
             CROSS JOIN (VALUES (NULL::timestamptz, NULL::timestamptz), ({now.AddHours(-1)}, NULL), ({now.AddHours(-1)}, {now}), ({now.AddHours(-1)}, {now.AddSeconds(1)})) AS pauses (since, until)
             CROSS JOIN (VALUES (NULL::timestamptz), ({now}), ({now.AddMinutes(2)}), ({now.AddHours(2)}), ({now.AddHours(9)})) AS ends (at)
             CROSS JOIN (VALUES (NULL::timestamptz), ({now.AddMinutes(-6)}), ({now.AddMinutes(-1)}), ({now.AddMinutes(1)})) AS attempts (at)
             CROSS JOIN (VALUES (NULL::timestamptz), ({now.AddMinutes(-6)}), ({now.AddMinutes(-1)}), ({now.AddMinutes(1)})) AS due (at)
             CROSS JOIN LATERAL jsonb_populate_record(base.token, jsonb_build_object(
                 'name', gen_random_uuid(), 'provider', providers.name, 'grant', grants.name, 'access_token', access.sealed, 'refresh_token', refresh.sealed, 'last_error_code', failures.code,
                 'paused_at', pauses.since, 'paused_until', pauses.until, 'expires_at', ends.at, 'next_attempt_at', attempts.at, 'refresh_due_at', due.at)) AS made
             """, CancellationToken.None);
        var rows = await db.Tokens.AsNoTracking().ToListAsync(CancellationToken.None);

        var inSql = await db.Database.SqlQueryRaw<Judged>(
            $"WITH {TokenStateSql.Providers} SELECT tokens.name, {TokenStateSql.State} AS state, coalesce({TokenStateSql.MayBeUnwell}, false) AS is_found FROM tokens LEFT JOIN facts ON facts.provider = tokens.provider",
            [.. TokenStateSql.Parameters([.. Providers.Values], _ => Critical, now)]).ToDictionaryAsync(row => row.Name, CancellationToken.None);

        var states = rows.ToDictionary(row => row.Name, row => TokenHealth.Of(row, SettingsOf(row), now));
        rows.Count.ShouldBeGreaterThan(20_000);
        rows.Where(row => inSql[row.Name].State != states[row.Name].Code()).ShouldBeEmpty();
        
        // A retry is planned only after a failure, and no token is stored without its expiry.
        rows.Where(row => (row.NextAttemptAt is null || row.LastErrorCode is not null) && (row.AccessToken is null || row.ExpiresAt is not null)).Where(row => states[row.Name] != TokenState.Healthy && !inSql[row.Name].IsFound).ShouldBeEmpty();
        states.Values.Distinct().Count().ShouldBe(Enum.GetValues<TokenState>().Length);
    }

    [Fact]
    public void Every_state_is_read_from_its_own_word() => Enum.GetValues<TokenState>().ShouldAllBe(state => TokenHealth.Parse(state.Code()) == state);

    private static ConfiguredToken SettingsOf(Token row) => Some.Settings(row.Grant, Providers[row.Provider]) with { CriticalThreshold = Critical };

    private sealed record Judged(string Name, string State, bool IsFound);
}
