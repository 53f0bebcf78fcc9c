using Npgsql;
using TokenRefresh.Jobs.Persistence;

namespace TokenRefresh.Tests.Simulation;

/// <summary>A token's row as it was last committed.</summary>
internal sealed record TokenRow(
    string Name, long Version, string? Access, DateTimeOffset? ExpiresAt, DateTimeOffset? DueAt, DateTimeOffset? NextAttemptAt, DateTimeOffset? QueuedUntil,
    DateTimeOffset? LeaseUntil, string? ErrorCode, int Failures)
{
    /// <summary>What the database's trigger tells the nodes of.</summary>
    public (long, string?, string?, DateTimeOffset?) Told => (Version, Access, ErrorCode, NextAttemptAt);

    /// <summary>When something is to happen to it next.</summary>
    public DateTimeOffset? Stirs => new[] { LeaseUntil, QueuedUntil, NextAttemptAt > DueAt ? NextAttemptAt : DueAt }.Where(at => at is not null).Min();
}

/// <summary>The tokens' rows, looked at after each commit, with the rules that hold for every one of them at every step.</summary>
internal sealed class TokenRows(SimWorld world, SecretProtection secrets)
{
    private const string Sql =
        """
        SELECT name, version, access_token, expires_at, refresh_due_at, next_attempt_at, queued_until, lease_until, last_error_code, consecutive_failures
        FROM tokens ORDER BY name
        """;

    private readonly Dictionary<string, int> numbers = [];
    private Dictionary<string, TokenRow> rows = [];

    public IEnumerable<TokenRow> Rows => rows.Values;

    public TokenRow Of(string name) => rows[name];

    /// <summary>Reads the rows again; returns the names of those that readers must hear of.</summary>
    public IReadOnlyList<string> Look(NpgsqlConnection connection)
    {
        var before = rows;
        rows = Read(connection).ToDictionary(row => row.Name);
        var changed = new List<string>();
        foreach (var row in rows.Values)
        {
            if (before.TryGetValue(row.Name, out var old) && old.Told == row.Told)
            {
                continue;
            }

            changed.Add(row.Name);
            Check(old, row);
        }

        return changed;
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
        else if (row.Version != old.Version + (row.Access == old.Access ? 0 : 1))
        {
            world.Broken($"I5: {row.Name} went from version {old.Version} to {row.Version}");
        }
    }

    private static List<TokenRow> Read(NpgsqlConnection connection)
    {
        using var command = new NpgsqlCommand(Sql, connection);
        using var reader = command.ExecuteReader();
        var read = new List<TokenRow>();
        while (reader.Read())
        {
            read.Add(new(
                reader.GetString(0), reader.GetInt64(1), Text(2), At(3), At(4), At(5), At(6), At(7), Text(8), reader.GetInt32(9)));
        }

        return read;

        string? Text(int column) => reader.IsDBNull(column) ? null : reader.GetString(column);

        DateTimeOffset? At(int column) => reader.IsDBNull(column) ? null : reader.GetFieldValue<DateTimeOffset>(column);
    }
}
