using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using Shouldly;
using TokenRefresh.Jobs.Administration;
using TokenRefresh.Jobs.Alerts;
using TokenRefresh.Jobs.Attempts;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.TokenCache;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Jobs.Persistence;

/// <summary>A database as the version before the expiry columns left it, with tokens, attempts, an import, a failure, reads in the audit and a rotation that was cut short.</summary>
public sealed class TakenOverDatabaseTests(PostgresFixture postgres)
{
    [Fact]
    public async Task Every_stored_token_and_the_one_before_an_import_can_still_be_opened()
    {
        await using var world = await TakenOverAsync();
        var node = world.AddNode("afterwards");
        await using var db = await world.ContextAsync();

        var secrets = node.GetRequiredService<SecretProtection>();
        var tokens = await db.Tokens.AsNoTracking().OrderBy(token => token.Name).ToListAsync();
        tokens.Select(token => (token.Name, token.Version)).ShouldBe(
            [("fino", 1), ("fino_credit", 1), ("fino_inquiry", 1), ("fino_insurance", 1), ("fino_kyc", 1), ("fino_promissory", 1), ("fino_sms", 2), ("fino_token", 1), ("fino_vehicle", 1), ("jibit", 2)]);
        tokens.ShouldAllBe(token => secrets.OpenAccess(token.Name, token.AccessToken!).Length > 0);
        var imported = tokens.Single(token => token.Name == "fino_sms");
        (secrets.OpenAccess("fino_sms", imported.AccessToken!), secrets.OpenRefresh("fino_sms", imported.RefreshToken)).ShouldBe(("imported-access", "imported-refresh"));
        secrets.OpenAccess("fino_sms", (await db.ReplacedTokens.SingleAsync()).AccessToken!).Length.ShouldBeGreaterThan(20);
    }

    [Fact]
    public async Task Pauses_failures_incidents_and_keys_of_clients_are_as_they_were()
    {
        await using var world = await TakenOverAsync();
        await using var db = await world.ContextAsync();

        (await world.TokenAsync("fino_kyc")).PauseReason.ShouldBe("paused by hand (cli:root)");
        (await world.TokenAsync("fino")).LastErrorCode.ShouldBe("credential_rejected");
        (await world.TokenAsync("fino_vehicle")).ConsecutiveFailures.ShouldBe(1);
        (await db.Incidents.SingleAsync()).Key.ShouldBe("failed:finnotech:credential_rejected");
        (await db.ClientKeys.SingleAsync()).Name.ShouldBe("billing");
        (await db.Audit.CountAsync()).ShouldBe(9);
    }

    [Fact]
    public async Task The_expiries_of_each_attempt_are_in_its_columns()
    {
        await using var world = await TakenOverAsync();

        var log = await world.LogAsync();

        log.Count.ShouldBe(14);
        log.Select(row => row.OldExpiresAt).ShouldBe(log.Select(row => InJson(row, "old_expires_at")));
        log.Select(row => row.NewExpiresAt).ShouldBe(log.Select(row => InJson(row, "new_expires_at")));
        log.Count(row => row.OldExpiresAt is not null).ShouldBe(4);
        log.Count(row => row.NewExpiresAt is not null).ShouldBe(12);
        (await world.Node.GetRequiredService<TokenLifetimes>().OfAsync("jibit", 10, CancellationToken.None)).Count.ShouldBe(2);
    }

    [Fact]
    public async Task The_reads_of_the_last_thirty_days_are_counted_by_the_hour_and_leave_the_audits_page()
    {
        await using var world = await TakenOverAsync();
        await using var db = await world.ContextAsync();

        (await db.Set<ClientRead>().OrderBy(row => row.TokenName).Select(row => new { row.Client, row.TokenName, row.Reads }).ToListAsync()).ShouldBe(
            [new { Client = "client:billing", TokenName = "fino", Reads = 1L }, new { Client = "client:billing", TokenName = "jibit", Reads = 8L }]);
        (await world.Node.GetRequiredService<AuditTrail>().RecentAsync(100, null, CancellationToken.None)).Select(entry => entry.Action).ShouldBe(
            ["keys.rotation_begun", "token.imported", "token.paused", "client.added", "user.added"]);
    }

    [Fact]
    public async Task The_times_without_a_valid_value_that_the_log_tells_of_are_rows()
    {
        await using var world = await TakenOverAsync("UPDATE public.token_refresh_logs SET metadata = jsonb_set(metadata, '{old_expires_at}', to_jsonb(to_char(completed_at AT TIME ZONE 'UTC' - interval '90 seconds', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'))) WHERE id = (SELECT max(id) FROM public.token_refresh_logs WHERE status = 'success')");
        await using var db = await world.ContextAsync();

        var gap = await db.UnavailableIntervals.SingleAsync();

        (gap.To - gap.From).ShouldBe(TimeSpan.FromSeconds(90));
        gap.Cause.ShouldBe("not_recorded");
    }

    [Fact]
    public async Task A_rotation_that_was_cut_short_before_is_resumed_with_its_key()
    {
        await using var world = await TakenOverAsync();
        var node = world.AddNode("afterwards", shape: services => services.AddSingleton<TimeProvider>(TimeProvider.System));

        var result = await node.GetRequiredService<KeyRotation>().RunAsync("a test", new Progress<RotationProgress>(), CancellationToken.None);

        (result.WasResumed, result.Key, result.Unopened.Count).ShouldBe((true, new("f5ae38e6-2b3b-431b-9ee2-b992c2e27ce2"), 0));
    }

    [Fact]
    public async Task An_expiry_that_is_no_instant_stays_away_and_keeps_no_other_from_its_column_and_a_fill_that_was_cut_short_goes_on()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        await world.ExecuteAsync(
            """
            INSERT INTO token_refresh_logs (provider, token_name, status, trigger_type, triggered_by, message, started_at, attempt, node, metadata, new_expires_at)
            SELECT 'jibit', 'jibit', 'success', 'due', 'schedule', 'x', now(), 1, 'x', metadata::jsonb, filled::timestamptz
            FROM (VALUES ('{{"new_expires_at":"2026-02-30T00:00:00Z"}}', NULL), ('{{"new_expires_at":"soon","old_expires_at":17}}', NULL), ('{{}}', NULL), ('[]', NULL),
                         ('{{"new_expires_at":"2026-03-01T08:30:00.1234567+03:30"}}', NULL), ('{{"new_expires_at":"2026-03-01T08:30:00Z"}}', '2026-03-02T00:00:00Z')) AS rows (metadata, filled)
            """);

        await ExecuteAsync(world, TakenOverColumns.FillExpiry);

        (await world.LogAsync()).Select(row => row.NewExpiresAt).ShouldBe([null, null, null, null, new(2026, 3, 1, 5, 0, 0, 123, 457, TimeSpan.Zero), new(2026, 3, 2, 0, 0, 0, TimeSpan.Zero)]);
    }

    // Npgsql and Postgres round what is shorter than a microsecond.
    private static DateTimeOffset? InJson(RefreshAttempt row, string name)
    {
        using var metadata = JsonDocument.Parse(row.Metadata);
        return metadata.RootElement.TryGetProperty(name, out var value) ? new DateTimeOffset((value.GetDateTimeOffset().UtcTicks + 5) / 10 * 10, TimeSpan.Zero) : null;
    }

    private async Task<TokenWorld> TakenOverAsync(string change = "")
    {
        var world = await TokenWorld.CreateAsync(postgres);
        using var dump = new StreamReader(typeof(TakenOverDatabaseTests).Assembly.GetManifestResourceStream("BeforeExpiryColumns.sql")!);
        await ExecuteAsync(world, $"DROP SCHEMA public CASCADE; {await dump.ReadToEndAsync()}; {change}");
        await world.AddNode("of this version").GetRequiredService<DatabasePreparation>().RunAsync(marksStrays: false, CancellationToken.None);
        return world;
    }

    private static async Task ExecuteAsync(TokenWorld world, string sql)
    {
        await using var connection = await world.Node.GetRequiredService<NpgsqlDataSource>().OpenConnectionAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }
}
