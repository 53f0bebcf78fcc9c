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

/// <summary>Settings of providers and tokens with which a server was started later than this one, so that the database follows them.</summary>
/// <param name="Node">That server.</param>
/// <param name="Keys">The keys that differ, as the environment spells them; empty where that server has ended.</param>
public sealed record NewerSettings(string Node, IReadOnlyList<string> Keys);

/// <summary>
/// Compares the settings of the processes that work on one database. Each leaves a digest of every value there, made with the master key, so that the
/// keys that differ can be named, and a reader of the database cannot test guesses.
/// </summary>
public sealed class SettingsComparison(IDbContextFactory<TokenRefreshDbContext> contexts, MasterKey masterKey, CommonSettings settings)
{
    private const int DigestLength = 32;

    /// <summary>Before the digest of the settings of providers and tokens: which of them a server was started with last is a sign of life of theirs.</summary>
    private const string Declared = "declared:";

    /// <summary>The sections that the database follows: the newer start wins.</summary>
    private static readonly string[] Catalog = ["Providers:", "Tokens:"];

    private readonly Lazy<FrozenDictionary<string, string>> own = new(() => settings.Values.ToFrozenDictionary(
        pair => pair.Key, pair => Digest(masterKey, $"{pair.Key.ToUpperInvariant()}\0{pair.Value}"), StringComparer.OrdinalIgnoreCase));

    private string OfAll => field ??= DigestOf(own.Value);

    private string OfCatalog => field ??= DigestOf(own.Value.Where(pair => IsCatalog(pair.Key)));

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

    /// <summary>Notes that a server has just been started with this process's settings, and brought the declared rows in step with them.</summary>
    public async Task StartAsync(string name, CancellationToken cancellationToken)
    {
        var mark = Declared + OfCatalog;
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        await db.Database.ExecuteSqlAsync(
            $"""
             WITH older AS (DELETE FROM heartbeats WHERE name LIKE {Declared + "%"} AND name <> {mark})
             INSERT INTO heartbeats (name, beat_at, node) VALUES ({mark}, clock_timestamp(), {name})
             ON CONFLICT (name) DO UPDATE SET beat_at = excluded.beat_at, node = excluded.node
             """, cancellationToken);
    }

    /// <summary>The settings that win over this process's, because a server was started with them later; null where this process's are in force.</summary>
    public async Task<NewerSettings?> NewerAsync(CancellationToken cancellationToken)
    {
        var mark = Declared + OfCatalog;
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var newest = await db.Database.SqlQuery<Started>($"SELECT name, node FROM heartbeats WHERE name LIKE {Declared + "%"} ORDER BY beat_at DESC LIMIT 1").SingleOrDefaultAsync(cancellationToken);
        if (newest is null || newest.Name == mark)
        {
            return null;
        }

        var digests = await db.Set<NodeSettings>().AsNoTracking().Where(row => row.Name == newest.Node).Select(row => row.Digests).SingleOrDefaultAsync(cancellationToken);
        return new(newest.Node, digests is null ? [] : [.. KeysThatDiffer(digests, IsCatalog)]);
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
        return [.. others.Select(row => new DifferentSettings(row.Name, row.IsServer, row.SeenAt, KeysThatDiffer(row.Digests, _ => true)))];
    }

    private static bool IsCatalog(string key) => Array.Exists(Catalog, section => key.StartsWith(section, StringComparison.OrdinalIgnoreCase));

    private string DigestOf(IEnumerable<KeyValuePair<string, string>> settings) =>
        Digest(masterKey, string.Join('\n', settings.OrderBy(pair => pair.Key, StringComparer.OrdinalIgnoreCase).Select(pair => $"{pair.Key.ToUpperInvariant()}={pair.Value}")));

    private List<string> KeysThatDiffer(string digests, Func<string, bool> counts)
    {
        var theirs = JsonSerializer.Deserialize<Dictionary<string, string>>(digests)!.ToDictionary(StringComparer.OrdinalIgnoreCase);
        return
        [
            .. own.Value.Keys.Union(theirs.Keys, StringComparer.OrdinalIgnoreCase)
                .Where(key => counts(key) && own.Value.GetValueOrDefault(key) != theirs.GetValueOrDefault(key))
                .Select(key => key.Replace(":", "__", StringComparison.Ordinal)).Order(StringComparer.OrdinalIgnoreCase),
        ];
    }

    private sealed record Started(string Name, string Node);

    private static string Digest(MasterKey masterKey, string text) => masterKey.Digest(Encoding.UTF8.GetBytes($"setting\0{text}"))[..DigestLength];
}
