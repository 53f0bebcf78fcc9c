using System.Collections.Concurrent;
using TokenRefresh.Jobs.Tokens;

namespace TokenRefresh.Jobs.TokenCache;

/// <summary>
/// The tokens that this node holds in memory: up to a size whether they are read or not, and beyond it those that were read within a day. Which of the others go
/// is decided by who was read longest ago.
/// </summary>
internal sealed class HeldTokens(ConfiguredTokens configured, TokenVersions versions, int size, TimeProvider clock)
{
    private static readonly TimeSpan KeptAfterRead = TimeSpan.FromDays(1);

    private readonly ConcurrentDictionary<string, CachedTokenSlot> slots = new(StringComparer.Ordinal);
    private int most = size + Slack(size);

    /// <summary>Every one.</summary>
    public ICollection<CachedTokenSlot> All => slots.Values;

    /// <summary>Their names.</summary>
    public ICollection<string> Names => slots.Keys;

    /// <summary>The one of that name; null where it is not held.</summary>
    public CachedTokenSlot? Find(string name) => slots.GetValueOrDefault(name);

    /// <summary>True while further tokens are held though no one has asked for them.</summary>
    public bool HasRoom => slots.Count < size;

    /// <summary>Holds a declared token before its row was read.</summary>
    public void Hold(ConfiguredToken declared) => slots.TryAdd(declared.Name, new(declared));

    /// <summary>Holds a token from now on; null where there is no room for it.</summary>
    /// <param name="isNeeded">True where it is held in any case.</param>
    public CachedTokenSlot? Hold(Token row, bool isNeeded = false)
    {
        if (slots.TryGetValue(row.Name, out var held))
        {
            return held;
        }

        return isNeeded || HasRoom ? slots.GetOrAdd(row.Name, static (_, settings) => new(settings), configured.Of(row)) : null;
    }

    /// <summary>The token is gone: it is served no more.</summary>
    public void Drop(string name)
    {
        slots.TryRemove(name, out _);
        versions.Forget(name);
    }

    /// <summary>The providers have changed: each token is asked for as its own is now.</summary>
    public void Follow()
    {
        foreach (var slot in slots.Values)
        {
            slot.Settings = configured.Renew(slot.Settings);
        }
    }

    /// <summary>Lets those go that were read longest ago, where there are too many.</summary>
    public void LetGo()
    {
        if (slots.Count <= Volatile.Read(ref most))
        {
            return;
        }

        var kept = clock.GetUtcNow() - KeptAfterRead;
        foreach (var slot in slots.Values.Where(slot => slot.ReadAt < kept && !slot.IsInUse).OrderBy(slot => slot.ReadAt).Take(slots.Count - size))
        {
            Drop(slot.Settings.Name);
        }

        // Where nearly all are read each day, they are not looked through again at each further one.
        Volatile.Write(ref most, Math.Max(size, slots.Count) + Slack(size));
    }

    private static int Slack(int size) => Math.Max(16, size / 20);
}
