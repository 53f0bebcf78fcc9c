using System.Data.Common;
using Npgsql;

namespace TokenRefresh.Tests.Simulation;

/// <summary>Somebody who waits to be let go on.</summary>
/// <param name="Writes">The tables that the statement behind the gate writes to.</param>
internal sealed record Waiting(SimNode Node, string Label, DbConnection? Connection, IReadOnlyList<string> Writes, TaskCompletionSource Gate)
{
    /// <summary>Connections that it holds open while it waits.</summary>
    public IReadOnlyList<object> Holds { get; set; } = [];
}

/// <summary>Where every operation of every node stops before it touches the outside, until the scheduler lets it go on.</summary>
internal sealed class Gates(Stepper stepper, Action<string> trace)
{
    private readonly List<Waiting> waiting = [];
    private readonly Dictionary<DbConnection, HashSet<string>> transactions = [];

    /// <summary>The operation that runs now, for the trace.</summary>
    public static AsyncLocal<string> Operation { get; } = new();

    /// <summary>Who could go on now: awake, and not waiting for rows that somebody's open transaction holds.</summary>
    public List<Waiting> Ready => [.. waiting.Where(one => one.Node.IsAwake && !IsLocked(one))];

    /// <summary>Stops here. What went away while it stood here is found out when it goes on.</summary>
    public async Task PassAsync(SimNode node, string label, DbConnection? connection = null, IReadOnlyList<string>? writes = null)
    {
        var one = new Waiting(node, $"{node.Name} {Operation.Value}: {label}", connection, writes ?? [], new());
        if (!node.IsDead)
        {
            waiting.Add(one);
        }

        one.Holds = stepper.Rest();
        await one.Gate.Task.ConfigureAwait(false);
    }

    public void LetGo(Waiting one)
    {
        waiting.Remove(one);
        trace(one.Label);
        stepper.LetGo(() =>
        {
            one.Holds.ToList().ForEach(stepper.Works);
            one.Gate.SetResult();
        });
        stepper.Settle();
    }

    /// <summary>A dead node's operations never go on, and the database rolls back what they had begun.</summary>
    public void Bury(SimNode node)
    {
        foreach (var one in waiting.Where(one => one.Node == node).ToList())
        {
            waiting.Remove(one);
            foreach (var connection in one.Holds.Cast<DbConnection>())
            {
                connection.Close();
                Ended(connection);
            }
        }
    }

    public void Opened(DbConnection connection) => stepper.Works(connection);

    public void Closed(DbConnection connection)
    {
        Ended(connection);
        stepper.IsDone(connection);
    }

    public void Began(DbConnection connection) => transactions[connection] = [];

    public void Ended(DbConnection connection) => transactions.Remove(connection);

    /// <summary>True where its open transaction has written to the table.</summary>
    public bool HasWritten(DbConnection connection, string table) => transactions.TryGetValue(connection, out var written) && written.Contains(table);

    public bool IsInTransaction(DbConnection connection) => transactions.ContainsKey(connection);

    public void Wrote(DbConnection connection, IReadOnlyList<string> tables)
    {
        if (transactions.TryGetValue(connection, out var written))
        {
            written.UnionWith(tables);
        }
    }

    /// <summary>True while somebody holds a connection open, perhaps with rows locked.</summary>
    public bool HasOpenConnections => transactions.Count > 0 || waiting.Any(one => one.Holds.Count > 0);

    /// <summary>What a client sees that writes to a standby.</summary>
    public static PostgresException ReadOnly() => new("cannot execute this in a read-only transaction", "ERROR", "ERROR", PostgresErrorCodes.ReadOnlySqlTransaction);

    /// <summary>What a client sees whose server is gone.</summary>
    public static NpgsqlException Away() => new("The database is unreachable.", new System.Net.Sockets.SocketException((int)System.Net.Sockets.SocketError.ConnectionRefused));

    private bool IsLocked(Waiting one) =>
        one.Writes.Count > 0 && transactions.Any(other => other.Key != one.Connection && other.Value.Overlaps(one.Writes));
}
