using Npgsql;

namespace TokenRefresh.Tests.Simulation;

/// <summary>The incidents of failing tokens, looked at after each round: one that is called over must be over.</summary>
internal sealed class IncidentRows(SimWorld world, NpgsqlConnection connection)
{
    // One that is told of as late may end by a clock that was put right.
    private const string Sql =
        """
        SELECT id, flaps, resolved_at IS NULL,
               ARRAY(SELECT unnest(subjects) EXCEPT SELECT unnest(other.subjects) FROM incidents AS other WHERE other.id <> incidents.id AND other.resolved_at IS NULL)
        FROM incidents WHERE kind = 'failed' AND key NOT LIKE '%:late' AND (resolved_at IS NULL OR id = ANY($1)) ORDER BY id
        """;

    /// <summary>What a round has read may be as old as this when it is committed: it can be paused, or its database away, in between.</summary>
    private static readonly TimeSpan OldestReading = TimeSpan.FromMinutes(10);

    private readonly Dictionary<(long Id, int Flaps), Dictionary<string, DateTimeOffset>> open = [];

    /// <summary>Notes who has joined, and checks those that have ended: each of their tokens was renewed, or is another incident's now.</summary>
    public void Look()
    {
        using var command = new NpgsqlCommand(Sql, connection) { Parameters = { new() { Value = open.Keys.Select(key => key.Id).ToArray() } } };
        using var reader = command.ExecuteReader();
        while (reader.Read())
        {
            var (key, subjects) = ((reader.GetInt64(0), reader.GetInt32(1)), reader.GetFieldValue<string[]>(3));
            if (reader.GetBoolean(2))
            {
                Joined(key, subjects);
            }
            else if (open.Remove(key, out var joined))
            {
                Ended(key.Item1, subjects, joined);
            }
        }
    }

    /// <summary>What was noted since the database's time is of another one.</summary>
    public void WentBack() => open.Clear();

    private void Joined((long, int) key, string[] subjects)
    {
        open.TryAdd(key, []);
        foreach (var subject in subjects)
        {
            open[key].TryAdd(subject, world.Agenda.Now);
        }
    }

    private void Ended(long id, string[] subjects, Dictionary<string, DateTimeOffset> joined)
    {
        foreach (var subject in subjects.Where(subject => joined.ContainsKey(subject)))
        {
            if (world.Tokens.Of(subject).Failures > 0 && !(world.Tokens.RenewedAt(subject) > joined[subject] - OldestReading))
            {
                world.Broken($"I7: incident {id} is called over, and {subject} was not renewed since");
            }
        }
    }
}
