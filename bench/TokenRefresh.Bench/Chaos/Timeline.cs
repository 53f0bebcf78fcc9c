using System.Collections.Concurrent;
using TokenRefresh.Server.Pages;

namespace TokenRefresh.Bench.Chaos;

/// <summary>What happened when, counted from the start of the run.</summary>
internal sealed class Timeline
{
    private readonly DateTimeOffset start = TimeProvider.System.GetUtcNow();
    private readonly ConcurrentQueue<(TimeSpan At, string Words)> moments = [];

    /// <summary>The wall clock of this machine, which nodes, Postgres and the models share.</summary>
    public static DateTimeOffset Now => TimeProvider.System.GetUtcNow();

    public IReadOnlyList<(TimeSpan At, string Words)> TimeFormat => [.. moments];

    public TimeSpan Since(DateTimeOffset instant) => instant - start;

    public void Tell(string words)
    {
        var at = Since(Now);
        moments.Enqueue((at, words));
        Console.Error.WriteLine($"{InWords(at)} {words}");
    }

    public static string InWords(TimeSpan at) => $"{(int)at.TotalMinutes}:{at.Seconds:00}";
}

/// <summary>Spans of time in which something was so; one of them may not have ended.</summary>
internal sealed class Spells
{
    private readonly Lock gate = new();
    private readonly List<(DateTimeOffset From, DateTimeOffset? To)> spells = [];

    /// <summary>True where the last one has not ended.</summary>
    public bool IsOn
    {
        get
        {
            lock (gate)
            {
                return spells is [.., (_, null)];
            }
        }
    }

    /// <summary>When the last one ended; null where it has not, or there was none.</summary>
    public DateTimeOffset? EndedAt
    {
        get
        {
            lock (gate)
            {
                return spells is [.., var last] ? last.To : null;
            }
        }
    }

    public void Begin(DateTimeOffset at)
    {
        lock (gate)
        {
            if (spells is not [.., (_, null)])
            {
                spells.Add((at, null));
            }
        }
    }

    public void End(DateTimeOffset at)
    {
        lock (gate)
        {
            if (spells is [.., (var from, null)])
            {
                spells[^1] = (from, at);
            }
        }
    }

    /// <summary>True where any of them lies, in part, between two instants.</summary>
    public bool Touch(DateTimeOffset from, DateTimeOffset to)
    {
        lock (gate)
        {
            return spells.Exists(spell => spell.From <= to && (spell.To ?? DateTimeOffset.MaxValue) >= from);
        }
    }
}
