using Microsoft.Extensions.DependencyInjection;
using TokenRefresh.Jobs.Refreshing;

namespace TokenRefresh.Tests.Simulation;

/// <summary>One process: it lives until it crashes, sleeps while it is paused, and may be cut off from the database.</summary>
internal sealed class SimNode
{
    /// <summary>After a fault of its own a node needs a moment to catch up: its longest wait between two tries to save, and a little more.</summary>
    private static readonly TimeSpan CatchUp = TimeSpan.FromSeconds(20);

    private readonly SimWorld world;
    private readonly List<Action> onWaking = [];
    private DateTimeOffset hamperedUntil;
    private bool owesItself;
    private bool wasCut;

    public SimNode(SimWorld world, int place)
    {
        (this.world, Place) = (world, place);
        Clock = new(world.Agenda, this);
    }

    /// <summary>Which of the machines it runs on; the next process there inherits its folder.</summary>
    public int Place { get; }

    public string Name => $"node-{Place + 1}";

    public NodeClock Clock { get; }

    public ServiceProvider Services { get; set; } = null!;

    public bool IsDead { get; private set; }

    public bool IsPaused { get; private set; }

    public bool IsCutOff { get; private set; }

    public bool IsAwake => !IsDead && !IsPaused;

    public bool IsAway => IsCutOff || world.IsDatabaseAway;

    /// <summary>True while it cannot save at once what it holds, and others cannot know that it holds anything.</summary>
    public bool IsHampered => IsPaused || IsAway || world.IsReadOnly || world.Agenda.Now < hamperedUntil;

    /// <summary>Until when a fault of its own kept it from catching up.</summary>
    public DateTimeOffset LastHampered => hamperedUntil;

    /// <summary>True while what it was about to write down may come again: after an outage it is one of several that write.</summary>
    public bool MayRepeat => IsHampered || world.Agenda.Now - world.DatabaseBackAt < CatchUp;

    /// <summary>True once it has started and takes work.</summary>
    public bool IsUp { get; set; }

    /// <summary>True while the database's notifications reach it.</summary>
    public bool IsHearing { get; set; }

    /// <summary>Changes that it has still to hear of.</summary>
    public HashSet<string> Untold { get; } = [];

    /// <summary>True from the loss of a notification until everything was read again.</summary>
    public bool HasGap { get; set; } = true;

    /// <summary>How many notifications it is reading rows for.</summary>
    public int Hearings { get; set; }

    /// <summary>True where it has heard of every change there was.</summary>
    public bool IsInTheKnow => IsHearing && !HasGap && Hearings == 0 && Untold.Count == 0;

    /// <summary>What it was told of each token, and so must be able to serve whatever happens then.</summary>
    public Dictionary<string, TokenRow> Known { get; } = [];

    public T Get<T>()
        where T : notnull => Services.GetRequiredService<T>();

    /// <summary>Runs it now, or when the node wakes; never once it is dead.</summary>
    public void WhenAwake(Action action)
    {
        if (IsPaused)
        {
            onWaking.Add(action);
        }
        else if (!IsDead)
        {
            action();
        }
    }

    public void Pause() => IsPaused = true;

    public void Wake()
    {
        IsPaused = false;
        Hampered();
        if (wasCut)
        {
            // Its connections are dead, whatever it does first.
            wasCut = false;
            Get<DatabaseContact>().Cut();
        }

        var late = onWaking.ToList();
        onWaking.Clear();
        late.ForEach(WhenAwake);
    }

    /// <summary>Its connections are cut.</summary>
    public void NoteCut()
    {
        if (IsPaused)
        {
            wasCut = true;
        }
        else if (!IsDead)
        {
            Get<DatabaseContact>().Cut();
        }
    }

    public void CutOff(bool isCutOff)
    {
        IsCutOff = isCutOff;
        Hampered();
    }

    /// <summary>A node that had still to catch up when the database went away for all has its moment once it is back.</summary>
    public void NoteDatabase(bool isAway)
    {
        if (isAway)
        {
            owesItself |= IsPaused || IsCutOff || world.Agenda.Now < hamperedUntil;
        }
        else if (owesItself)
        {
            owesItself = false;
            Hampered();
        }
    }

    private void Hampered()
    {
        hamperedUntil = world.Agenda.Now + CatchUp;
        owesItself |= world.IsDatabaseAway;
    }

    public void Die() => IsDead = true;

    public List<string> TakeUntold()
    {
        var names = Untold.Order().ToList();
        Untold.Clear();
        return names;
    }

    public void Told(IEnumerable<TokenRow> rows)
    {
        foreach (var row in rows.Where(row => !Known.TryGetValue(row.Name, out var known) || known.Version <= row.Version))
        {
            Known[row.Name] = row;
        }
    }
}
