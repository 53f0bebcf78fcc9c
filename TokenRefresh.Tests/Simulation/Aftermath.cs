using TokenRefresh.Providers;

namespace TokenRefresh.Tests.Simulation;

/// <summary>What must be true once every fault is over and the program had its time to mend what was broken.</summary>
internal sealed class Aftermath(SimWorld world, TimeSpan latestTick)
{
    private static readonly string[] Texts =
    [
        "SELECT count(*) FROM tokens WHERE tokens::text LIKE $1", "SELECT count(*) FROM token_refresh_logs AS log WHERE log::text LIKE $1",
        "SELECT count(*) FROM incidents WHERE incidents::text LIKE $1", "SELECT count(*) FROM notifications WHERE notifications::text LIKE $1",
        "SELECT count(*) FROM audit_log WHERE audit_log::text LIKE $1",
    ];

    public void Check()
    {
        world.Observe();
        foreach (var token in world.Plan.Tokens)
        {
            CheckToken(token);
        }

        Expect(0, "SELECT count(*) FROM token_refresh_logs WHERE status = 'running' AND started_at < $1", "I5: attempts that are still open", world.Agenda.Now - TimeSpan.FromMinutes(5));
        Expect(0, "SELECT count(*) FROM notifications WHERE status = 'pending'", "I7: mails that were never delivered");
        Expect(0, "SELECT count(*) FROM incidents WHERE resolved_at IS NULL AND told_at IS NULL AND opened_at < $1", "I7: incidents that nobody was told of", world.Agenda.Now - TimeSpan.FromMinutes(65));
        Expect(0, "SELECT count(*) FROM incidents WHERE resolved_at IS NOT NULL AND told_at IS NOT NULL AND recovery_told_at IS NULL", "I7: ends of incidents that nobody was told of");
        Expect(0, "SELECT count(*) FROM (SELECT 1 FROM incidents WHERE resolved_at IS NULL GROUP BY key HAVING count(*) > 1) AS doubled", "I7: incidents that are open twice");
        Expect(0,
            """
            SELECT count(*) FROM (SELECT 1 FROM notifications JOIN incidents ON incidents.id = incident_id WHERE notifications.kind IN ('opened', 'recovered')
                                  GROUP BY incidents.id, notifications.kind, recipient HAVING count(*) > 1) AS doubled
            """, "I7: transitions that were told of twice");
        Expect(0,
            """
            SELECT count(*) FROM incidents JOIN tokens ON name = ANY(subjects)
            WHERE resolved_at IS NULL AND greatest(opened_at, joined_at, last_told_at, expires_at) < $1 AND paused_at IS NULL AND NOT name = ANY(told_expired)
            """, "I7: tokens that have expired and nobody was told", world.LastRoundAt - TimeSpan.FromMinutes(10));
        CheckMails();
        foreach (var text in Texts)
        {
            Expect(0, text, "I8: rows with a secret", $"%{SimWorld.Secret}%");
        }
    }

    // A token that is not well has an incident, unless it became so just now.
    private void CheckToken(SimToken token)
    {
        var row = world.Tokens.Of(token.Name);
        // A person may have forced a renewal that the provider refuses for a while yet: the token is as fresh as it can be.
        var isWell = row.ExpiresAt > world.Agenda.Now && (row.Failures < 3 || world.ProviderOf(token.Name).IsTooYoung(token.Name));
        var hasIncident = world.Scalar<long>("SELECT count(*) FROM incidents WHERE resolved_at IS NULL AND $1 = ANY(subjects)", token.Name) > 0;
        if (!isWell && !(hasIncident && token.Grant == Grant.Imported))
        {
            world.Broken($"I5: {token.Name} has not recovered: {row.ErrorCode ?? "no failure"}, expires {row.ExpiresAt:O}, {(hasIncident ? "with" : "without")} an incident");
        }

        // A round is made only where something stirs, and by chance, so one that became well just now, or since the last, may not have been looked at yet.
        var lookedAt = world.Agenda.Now - latestTick < world.LastRoundAt ? world.Agenda.Now - latestTick : world.LastRoundAt;
        var isWellSince = world.Scalar<bool>("SELECT last_success_at < $2 FROM tokens WHERE name = $1", token.Name, lookedAt - TimeSpan.FromMinutes(1));
        if (isWell && row.ErrorCode is null && hasIncident && isWellSince)
        {
            world.Broken($"I7: {token.Name} is well and its incident is still open");
        }
    }

    // Each written mail came once, unless it came again under the same Message-ID.
    private void CheckMails()
    {
        var accepted = world.Mail.Accepted.ToHashSet();
        using var command = world.Database.Source.CreateCommand("SELECT message_id FROM notifications WHERE status = 'sent' AND channel = 'email'");
        using var reader = command.ExecuteReader();
        while (reader.Read())
        {
            if (!accepted.Contains(reader.GetString(0)))
            {
                world.Broken("I7: a mail is marked as sent that the mail server never took");
            }
        }
    }

    private void Expect(long count, string sql, string what, params object[] parameters)
    {
        if (world.Scalar<long>(sql, parameters) is var found && found != count)
        {
            world.Broken($"{what}: {found}");
        }
    }
}
