using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace TokenRefresh.Jobs.Persistence;

/// <summary>What a node holds in memory of the database beside the tokens, and reads again when another node says that it has changed.</summary>
public interface IChangeSubscriber
{
    /// <summary>The payload that announces the change: one of the words of <see cref="ChangeFeed"/>.</summary>
    string Payload { get; }

    /// <summary>Reads it again.</summary>
    Task ReloadAsync(CancellationToken cancellationToken);
}

/// <summary>Is told on every node that something has changed on some node, a moment after this node has read it.</summary>
public interface IChangeObserver
{
    /// <summary>Must not wait and not throw: the feed waits for it.</summary>
    void Changed();
}

/// <summary>How nodes tell each other what has changed: one channel of Postgres, whose payload is a token's name or one of the words below.</summary>
public sealed class ChangeFeed(NpgsqlDataSource database)
{
    /// <summary>The channel.</summary>
    public const string Channel = "tokenrefresh";

    /// <summary>Everything is to be read again, and what is stored counts even where a newer version is held.</summary>
    public const string Everything = "*";

    /// <summary>The keys of clients have changed.</summary>
    public const string Clients = "#clients";

    /// <summary>Providers or tokens were added, changed or removed.</summary>
    public const string Catalog = "#catalog";

    /// <summary>There is a new sealing key.</summary>
    public const string Keys = "#keys";

    /// <summary>An incident was opened, changed or resolved.</summary>
    public const string Incidents = "#incidents";

    /// <summary>Announces a change to every node, this one included.</summary>
    public async Task AnnounceAsync(string payload, CancellationToken cancellationToken)
    {
        await using var notify = database.CreateCommand("SELECT pg_notify($1, $2)");
        notify.Parameters.Add(new() { Value = Channel });
        notify.Parameters.Add(new() { Value = payload });
        await notify.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>Announces a change once the transaction of <paramref name="db"/> commits.</summary>
    internal static Task AnnounceAsync(TokenRefreshDbContext db, string payload, CancellationToken cancellationToken) =>
        db.Database.ExecuteSqlAsync($"SELECT pg_notify({Channel}, {payload})", cancellationToken);
}
