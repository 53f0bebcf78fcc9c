using Npgsql;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Tokens;

namespace TokenRefresh.Tests.Simulation;

/// <summary>A token's row as it was last committed.</summary>
internal sealed record TokenRow(
    string Name, long Version, string? Access, DateTimeOffset? ExpiresAt, DateTimeOffset? DueAt, DateTimeOffset? NextAttemptAt, DateTimeOffset? QueuedUntil,
    DateTimeOffset? LeaseUntil, string? ErrorCode, int Failures)
{
    /// <summary>What the database's trigger tells the nodes of.</summary>
    public (long, string?, string?, DateTimeOffset?) Told => (Version, Access, ErrorCode, NextAttemptAt);

    /// <summary>When something is to happen to it next.</summary>
    public DateTimeOffset? Stirs => new[] { LeaseUntil, QueuedUntil, NextAttemptAt ?? DueAt }.Where(at => at is not null).Min();
}

/// <summary>The tokens' rows, looked at after each commit, with the rules that hold for every one of them at every step.</summary>
internal sealed class TokenRows(SimWorld world, SecretProtection secrets)
{
    // Only what was committed since the last look: with a hundred tokens, reading them all is most of a run.
    private const string Sql =
        """
        SELECT name, version, access_token, expires_at, refresh_due_at, next_attempt_at, queued_until, lease_until, last_error_code, consecutive_failures
        FROM tokens WHERE NOT pg_visible_in_snapshot(xmin::text::xid8, @seen::pg_snapshot) ORDER BY name;
        SELECT pg_current_snapshot()::text
        """;

    private readonly Dictionary<string, int> numbers = [];
    private readonly SortedDictionary<string, TokenRow> rows = new(StringComparer.Ordinal);
    private readonly Dictionary<string, DateTimeOffset> renewed = [];
    private string seen = "1:1:";

    public IEnumerable<TokenRow> Rows => rows.Values;

    public TokenRow Of(string name) => rows[name];

    /// <summary>When its stored token was last replaced by a newer one; null for never.</summary>
    public DateTimeOffset? RenewedAt(string name) => renewed.TryGetValue(name, out var at) ? at : null;

    /// <summary>Reads the rows that have changed; returns the names of those that readers must hear of.</summary>
    public IReadOnlyList<string> Look(NpgsqlConnection connection)
    {
        var changed = new List<string>();
        foreach (var row in Read(connection))
        {
            var old = rows.GetValueOrDefault(row.Name);
            rows[row.Name] = row;
            if (old?.Told != row.Told)
            {
                changed.Add(row.Name);
                Check(old, row);
                if (old is not null && row.Version > old.Version)
                {
                    renewed[row.Name] = world.Agenda.Now;
                }
            }
        }

        return changed;
    }

    /// <summary>The rows are those of an earlier time: what was stored since is lost, and that is no fault of the engine's. Returns what was lost.</summary>
    public IReadOnlyList<string> WentBack(NpgsqlConnection connection)
    {
        var lost = new List<string>();
        foreach (var row in Read(connection))
        {
            if (rows.GetValueOrDefault(row.Name) is { } old && old.Version > row.Version)
            {
                lost.Add($"{row.Name} from {old.Version} to {row.Version}");
            }

            rows[row.Name] = row;
        }

        return lost;
    }

    /// <summary>The number under which the provider issued a stored token.</summary>
    public int NumberOf(TokenRow row)
    {
        if (!numbers.TryGetValue(row.Access!, out var number))
        {
            numbers[row.Access!] = number = NumberOf(secrets.OpenAccess(row.Name, row.Access!));
        }

        return number;
    }

    public static int NumberOf(string token) => int.Parse(token[(token.LastIndexOf('-') + 1)..], System.Globalization.CultureInfo.InvariantCulture);

    private void Check(TokenRow? old, TokenRow row)
    {
        if (row.Access?.Contains(SimWorld.Secret, StringComparison.Ordinal) == true)
        {
            world.Broken($"I8: {row.Name} is stored unsealed");
        }

        if (old?.Access is null)
        {
            return;
        }

        if (row.Access is null || row.Version < old.Version)
        {
            world.Broken($"I5: the stored token of {row.Name} was lost");
        }
        else if (NumberOf(row) < NumberOf(old))
        {
            world.Broken($"I5: {row.Name} went from token {NumberOf(old)} back to the older {NumberOf(row)}");
        }
        else if (row.Version != old.Version + (row.Access == old.Access ? 0 : 1) && !(world.WentBackAt is not null && row.Version >= old.Version + TokenVersions.Gap))
        {
            world.Broken($"I5: {row.Name} went from version {old.Version} to {row.Version}");
        }
    }

    private List<TokenRow> Read(NpgsqlConnection connection)
    {
        using var command = new NpgsqlCommand(Sql, connection) { Parameters = { new("seen", seen) } };
        using var reader = command.ExecuteReader();
        var read = new List<TokenRow>();
        while (reader.Read())
        {
            read.Add(new(
                reader.GetString(0), reader.GetInt64(1), Text(2), At(3), At(4), At(5), At(6), At(7), Text(8), reader.GetInt32(9)));
        }

        reader.NextResult();
        reader.Read();
        seen = reader.GetString(0);
        return read;

        string? Text(int column) => reader.IsDBNull(column) ? null : reader.GetString(column);

        DateTimeOffset? At(int column) => reader.IsDBNull(column) ? null : reader.GetFieldValue<DateTimeOffset>(column);
    }
}
