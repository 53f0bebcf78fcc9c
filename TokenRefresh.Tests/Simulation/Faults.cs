using System.Diagnostics;

namespace TokenRefresh.Tests.Simulation;

/// <summary>Brings about what goes wrong, and sets it right again; most of it just when a token is due.</summary>
internal sealed class Faults(SimWorld world, Scenario scenario)
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(1);

    private readonly List<(int Step, Action Action)> ambushes = [];
    private readonly Queue<Action<SimNode>> calls = new();
    private int step;
    private bool isBehind;
    private bool isOver;

    public void Begin()
    {
        world.OnCall.Add(StrikeDuring);
        world.Providers.ToList().ForEach(provider => provider.Weather = scenario.Weather);
        for (var number = 0; number < scenario.Faults; number++)
        {
            world.Agenda.In(scenario.Length * world.Chance.Between(0, 0.95), Aim);
        }
    }

    /// <summary>True where a fault strikes instead of this step.</summary>
    public bool Strike(int now)
    {
        step = now;
        var place = ambushes.FindIndex(ambush => ambush.Step <= now);
        if (place < 0)
        {
            return false;
        }

        var action = ambushes[place].Action;
        ambushes.RemoveAt(place);
        action();
        return true;
    }

    /// <summary>From now on all is well outside.</summary>
    public void Heal()
    {
        world.Trace("all is HEALED");
        isOver = true;
        ambushes.Clear();
        calls.Clear();
        world.Mail.IsAway = false;
        world.Providers.ToList().ForEach(provider => provider.Weather = ProviderWeather.Fair);
        if (world.IsReadOnly)
        {
            world.SetReadOnly(false);
        }

        if (world.IsDatabaseAway)
        {
            world.SetDatabaseAway(false);
        }

        foreach (var node in world.Nodes.ToList())
        {
            SetRight(node);
        }
    }

    private void SetRight(SimNode node)
    {
        node.Clock.Offset = TimeSpan.Zero;
        if (node.IsCutOff)
        {
            node.CutOff(false);
        }

        if (node.IsPaused)
        {
            node.Wake();
        }

        if (node.IsDead)
        {
            world.Boot(node.Place);
        }
    }

    // Where calls are made is where it hurts.
    private void Aim()
    {
        var due = world.Tokens.Rows.Select(row => row.Stirs).Where(at => at > world.Agenda.Now).ToList();
        if (due.Count > 0 && world.Chance.Of(0.7))
        {
            world.Agenda.At(world.Chance.Pick(due)!.Value - world.Chance.Between(TimeSpan.Zero, Soon * 5) + world.Chance.Between(TimeSpan.Zero, TimeSpan.FromMinutes(1)), Unleash);
        }
        else
        {
            Unleash();
        }
    }

    private void Unleash()
    {
        if (isOver)
        {
            return;
        }

        Action fault = world.Chance.Pick(scenario.Mix) switch
        {
            Fault.Weather => Weather,
            Fault.Crash => Crash,
            Fault.Pause => Pause,
            Fault.LostDatabase => LoseDatabase,
            Fault.Failover => FallBehind,
            Fault.ReadOnlyDatabase => MakeReadOnly,
            Fault.CutOff => CutOff,
            Fault.MovedClock => MoveClock,
            Fault.LostMail => LoseMail,
            _ => throw new UnreachableException(),
        };
        fault();
    }

    private void Weather()
    {
        var provider = world.Chance.Pick(world.Providers);
        provider.Weather = world.Chance.Pick<ProviderWeather>(
        [
            new(Down: 1), new(Slow: 1), new(Lost: 0.7), new(Malformed: 0.7), new(Limited: 0.8), new(Down: 0.3, Slow: 0.2, Limited: 0.1, Lost: 0.2, Malformed: 0.1),
        ]);
        world.Trace($"{provider.Name}: {provider.Weather}");
        For(scenario.LongestOutage, () => provider.Weather = ProviderWeather.Fair, $"{provider.Name} is fair again");
    }

    private void Crash() => Ambush(node =>
    {
        world.Crash(node);
        For(TimeSpan.FromMinutes(2), () =>
        {
            if (world.Nodes[node.Place].IsDead)
            {
                world.Boot(node.Place);
            }
        }, $"{node.Name} starts again");
    });

    private void Pause() => Ambush(node =>
    {
        world.Trace($"{node.Name} is PAUSED");
        node.Pause();
        For(TimeSpan.FromMinutes(3), () =>
        {
            if (node is { IsPaused: true, IsDead: false })
            {
                node.Wake();
            }
        }, $"{node.Name} wakes");
    });

    private void LoseDatabase() => Ambush(_ =>
    {
        if (!world.IsDatabaseAway && !world.IsReadOnly)
        {
            world.SetDatabaseAway(true);
            For(TimeSpan.FromMinutes(3), () =>
            {
                if (world.IsDatabaseAway)
                {
                    world.SetDatabaseAway(false);
                }
            }, "the database was away");
        }
    });

    // A replica no longer receives what is committed; some time later it takes the primary's place.
    private void FallBehind()
    {
        if (isBehind || world.IsDatabaseAway || world.IsReadOnly)
        {
            return;
        }

        isBehind = true;
        world.Database.KeepPast();
        world.Trace("a replica falls BEHIND");
        For(scenario.LongestLag, () => Ambush(_ =>
        {
            if (isBehind && !isOver && !world.IsDatabaseAway && !world.IsReadOnly)
            {
                world.SetDatabaseAway(true);
                world.Agenda.In(Soon, FailOver);
            }
            else
            {
                isBehind = false;
            }
        }), "the replica is far enough behind");
    }

    private void FailOver()
    {
        if (isOver || !world.IsDatabaseAway)
        {
            isBehind = false;
            return;
        }

        if (world.Gates.HasOpenConnections)
        {
            // A paused node has still to learn that its connection is gone.
            world.Agenda.In(Soon, FailOver);
            return;
        }

        isBehind = false;
        world.GoBackInTime();
        world.SetDatabaseAway(false);
    }

    private void MakeReadOnly() => Ambush(_ =>
    {
        if (world is { IsDatabaseAway: false, IsReadOnly: false })
        {
            world.SetReadOnly(true);
            For(TimeSpan.FromMinutes(6), () =>
            {
                if (world.IsReadOnly)
                {
                    world.SetReadOnly(false);
                }
            }, "the database was read-only");
        }
    });

    private void CutOff() => Ambush(node =>
    {
        world.Trace($"{node.Name} is CUT OFF from the database");
        node.CutOff(true);
        world.Feed.Cut(node);
        For(TimeSpan.FromMinutes(3), () => node.CutOff(false), $"{node.Name} reaches the database");
    });

    private void MoveClock()
    {
        var node = world.Chance.Pick(world.Nodes);
        var far = world.Chance.Of(0.5) ? scenario.LongestOutage : TimeSpan.FromSeconds(10);
        node.Clock.Offset = far * world.Chance.Between(-1, 1);
        world.Trace($"{node.Name}'s clock is off by {node.Clock.Offset}");
        For(scenario.LongestOutage, () => node.Clock.Offset = TimeSpan.Zero, $"{node.Name}'s clock is right");
    }

    private void LoseMail()
    {
        world.Mail.IsAway = true;
        For(TimeSpan.FromHours(1), () => world.Mail.IsAway = false, "mails go out again");
    }

    // The many short ones matter as much as the few long ones.
    private void For(TimeSpan longest, Action ended, string words) => world.Agenda.In(
        Soon * Math.Pow(longest / Soon, world.Chance.Share()),
        () =>
        {
            world.Trace(words);
            ended();
        });

    // Half of them lie in wait for a call and strike while it is in flight, the others after so many steps, wherever that is.
    private void Ambush(Action<SimNode> action)
    {
        if (world.Chance.Of(0.5))
        {
            calls.Enqueue(action);
        }
        else
        {
            ambushes.Add((step + world.Chance.Pick([1, 2, 3, 5, 8, 13, 21, 34, 55]), () =>
            {
                if (world.Nodes.Where(node => node.IsAwake).ToList() is { Count: > 0 } awake)
                {
                    action(world.Chance.Pick(awake));
                }
            }));
        }
    }

    private void StrikeDuring(SimNode caller, TimeSpan takes)
    {
        if (calls.TryDequeue(out var action))
        {
            world.Agenda.In(takes * world.Chance.Share(), () =>
            {
                if (caller.IsAwake && !isOver)
                {
                    action(caller);
                }
            });
        }
    }
}
