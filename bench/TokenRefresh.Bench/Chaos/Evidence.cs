using Npgsql;

namespace TokenRefresh.Bench.Chaos;

/// <summary>A row of the log as the checks need it.</summary>
internal sealed record LogRow(long Id, string Token, string Status, string? ErrorCode, int Process, string? JobId, DateTimeOffset StartedAt, DateTimeOffset? CompletedAt);

/// <summary>A message of the outbox as the checks need it.</summary>
internal sealed record OutboxRow(long Id, long? Incident, string Kind, DateTimeOffset CreatedAt, string Status, string MessageId, DateTimeOffset? SentAt);

/// <summary>What the database holds at the end.</summary>
internal sealed record Evidence(IReadOnlyList<LogRow> Log, IReadOnlyList<OutboxRow> Outbox, IReadOnlyDictionary<string, string> Jobs, IReadOnlySet<string> AuditedJobs, int Incidents)
{
    /// <summary>What is younger than half a minute may be under way yet.</summary>
    private readonly DateTimeOffset settled = Timeline.Now - TimeSpan.FromSeconds(30);

    /// <summary>True for what had the time to end.</summary>
    public bool HadItsTime(DateTimeOffset since) => since < settled;

    /// <summary>The states in which a job of Hangfire's is over.</summary>
    public static readonly IReadOnlySet<string> Ended = new HashSet<string>(StringComparer.Ordinal) { "Succeeded", "Failed", "Deleted" };

    public static async Task<Evidence> ReadAsync(NpgsqlDataSource db) => new(
        await ListAsync(db, "SELECT id, token_name, status, error_code, node, job_id, started_at, completed_at FROM token_refresh_logs ORDER BY id", row => new LogRow(
            row.GetInt64(0), row.GetString(1), row.GetString(2), TextOrNull(row, 3), int.Parse(row.GetString(4).Split(':')[^1], System.Globalization.CultureInfo.InvariantCulture),
            TextOrNull(row, 5), row.GetFieldValue<DateTimeOffset>(6), InstantOrNull(row, 7))),
        await ListAsync(db, "SELECT id, incident_id, kind, created_at, status, message_id, sent_at FROM notifications WHERE channel = 'email' ORDER BY id", row => new OutboxRow(
            row.GetInt64(0), row.IsDBNull(1) ? null : row.GetInt64(1), row.GetString(2), row.GetFieldValue<DateTimeOffset>(3), row.GetString(4), row.GetString(5), InstantOrNull(row, 6))),
        (await ListAsync(db, "SELECT id::text, statename FROM hangfire.job", row => (Id: row.GetString(0), State: TextOrNull(row, 1) ?? ""))).ToDictionary(job => job.Id, job => job.State),
        (await ListAsync(db, "SELECT details ->> 'job' FROM audit_log WHERE action IN ('token.refresh_asked', 'token.refresh_forced')", row => row.GetString(0))).ToHashSet(),
        (await ListAsync(db, "SELECT id FROM incidents", row => row.GetInt64(0))).Count);

    private static async Task<List<T>> ListAsync<T>(NpgsqlDataSource db, string sql, Func<NpgsqlDataReader, T> read)
    {
        var list = new List<T>();
        await using var command = db.CreateCommand(sql);
        await using var rows = await command.ExecuteReaderAsync();
        while (await rows.ReadAsync())
        {
            list.Add(read(rows));
        }

        return list;
    }

    private static string? TextOrNull(NpgsqlDataReader row, int column) => row.IsDBNull(column) ? null : row.GetString(column);

    private static DateTimeOffset? InstantOrNull(NpgsqlDataReader row, int column) => row.IsDBNull(column) ? null : row.GetFieldValue<DateTimeOffset>(column);
}
