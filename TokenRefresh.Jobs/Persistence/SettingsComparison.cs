using System.Collections.Frozen;
using System.Text;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;

namespace TokenRefresh.Jobs.Persistence;

/// <summary>The settings of this process that must be the same at every node and verb, by configuration key; secrets are among them.</summary>
public sealed record CommonSettings(IReadOnlyDictionary<string, string> Values)
{
    /// <summary>Says how many there are, and nothing that they hold.</summary>
    public override string ToString() => $"{nameof(CommonSettings)} {{ {Values.Count} }}";
}

/// <summary>Another process whose settings differ from this one's.</summary>
/// <param name="Name">A node's name, or <c>cli:USER@MACHINE</c> for a verb.</param>
/// <param name="IsServer">True for a server, false for a verb.</param>
/// <param name="SeenAt">When it was last seen, by the database's clock.</param>
/// <param name="Keys">The keys that differ, as the environment spells them.</param>
public sealed record DifferentSettings(string Name, bool IsServer, DateTimeOffset SeenAt, IReadOnlyList<string> Keys)
{
    private const int Most = 12;

    /// <summary>The keys in a sentence.</summary>
    public string KeysInWords => string.Join(", ", Keys.Take(Most)) + (Keys.Count > Most ? $" and {Keys.Count - Most} more" : "");
}

/// <summary>
/// Compares the settings of the processes that work on one database. Each leaves a digest of every value there, made with the master key, so that the
/// keys that differ can be named, and a reader of the database cannot test guesses.
/// </summary>
public sealed class SettingsComparison(IDbContextFactory<TokenRefreshDbContext> contexts, MasterKey masterKey, CommonSettings settings)
{
    private const int DigestLength = 32;

    private readonly Lazy<FrozenDictionary<string, string>> own = new(() => settings.Values.ToFrozenDictionary(
        pair => pair.Key, pair => Digest(masterKey, $"{pair.Key.ToUpperInvariant()}\0{pair.Value}"), StringComparer.OrdinalIgnoreCase));

    private string OfAll => field ??= Digest(masterKey, string.Join('\n', own.Value.OrderBy(pair => pair.Key, StringComparer.OrdinalIgnoreCase).Select(pair => $"{pair.Key.ToUpperInvariant()}={pair.Value}")));

    /// <summary>Leaves this process's settings for the others.</summary>
    public async Task LeaveAsync(string name, bool isServer, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var digests = JsonSerializer.Serialize(own.Value.ToDictionary());
        await db.Database.ExecuteSqlAsync(
            $"""
             INSERT INTO node_settings (name, is_server, seen_at, digest, digests) VALUES ({name}, {isServer}, clock_timestamp(), {OfAll}, {digests}::jsonb)
             ON CONFLICT (name) DO UPDATE SET is_server = excluded.is_server, seen_at = excluded.seen_at, digest = excluded.digest, digests = excluded.digests
             """, cancellationToken);
    }

    /// <summary>Notes that a server is still there, and clears away those that are not.</summary>
    public async Task StayAsync(string name, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        if (await db.Database.ExecuteSqlAsync($"UPDATE node_settings SET seen_at = clock_timestamp() WHERE name = {name}", cancellationToken) == 0)
        {
            await LeaveAsync(name, isServer: true, cancellationToken);
        }

        await db.Database.ExecuteSqlAsync($"DELETE FROM node_settings WHERE seen_at < clock_timestamp() - interval '1 day'", cancellationToken);
    }

    /// <summary>Takes back what a process has left.</summary>
    public async Task TakeBackAsync(string name, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        await db.Set<NodeSettings>().Where(row => row.Name == name).ExecuteDeleteAsync(cancellationToken);
    }

    /// <summary>Whose settings differ from this process's: servers that were seen within two minutes, and verbs called within a day.</summary>
    /// <param name="name">This process's own.</param>
    public async Task<IReadOnlyList<DifferentSettings>> CompareAsync(string name, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var others = await db.Set<NodeSettings>()
            .FromSql($"SELECT * FROM node_settings WHERE name <> {name} AND digest <> {OfAll} AND seen_at > clock_timestamp() - CASE WHEN is_server THEN interval '2 minutes' ELSE interval '1 day' END")
            .AsNoTracking().OrderBy(row => row.Name).ToListAsync(cancellationToken);
        return [.. others.Select(row => new DifferentSettings(row.Name, row.IsServer, row.SeenAt, KeysThatDiffer(row.Digests)))];
    }

    private List<string> KeysThatDiffer(string digests)
    {
        var theirs = JsonSerializer.Deserialize<Dictionary<string, string>>(digests)!.ToDictionary(StringComparer.OrdinalIgnoreCase);
        return
        [
            .. own.Value.Keys.Union(theirs.Keys, StringComparer.OrdinalIgnoreCase)
                .Where(key => own.Value.GetValueOrDefault(key) != theirs.GetValueOrDefault(key))
                .Select(key => key.Replace(":", "__", StringComparison.Ordinal)).Order(StringComparer.OrdinalIgnoreCase),
        ];
    }

    private static string Digest(MasterKey masterKey, string text) => masterKey.Digest(Encoding.UTF8.GetBytes($"setting\0{text}"))[..DigestLength];
}
