namespace TokenRefresh.Tests.Simulation;

/// <summary>An invariant broke. The seed makes the same run again.</summary>
internal sealed class InvariantBrokenException(int seed, string what, IReadOnlyList<string> trace) : Exception(
    $"{what}\nSeed {seed}: run it again with TOKENREFRESH_SIM_SEED={seed}. The last steps:\n{string.Join('\n', trace.TakeLast(Tail))}")
{
    private const int Tail = 80;

    /// <summary>Every step.</summary>
    public IReadOnlyList<string> Trace => trace;

    public string What => what;
}

/// <summary>What a run was.</summary>
internal sealed record RunReport(int Seed, int Steps, TimeSpan Simulated, int Calls, int Reads, IReadOnlyList<string> Trace);

/// <summary>
/// One run: starts what the timetable, readers and people would start, lets one of the waiting operations after the other go on in an
/// order drawn from the seed, moves virtual time when all are at rest, and checks the invariants at every step.
/// </summary>
internal sealed class Simulation(SimWorld world, Scenario scenario)
{
    private int steps;

    public RunReport Run()
    {
        var outside = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(world.Stepper);
        try
        {
            world.Observe();
            Enumerable.Range(0, world.Nodes.Count).ToList().ForEach(world.Boot);
            var traffic = new Traffic(world, scenario);
            var faults = new Faults(world, scenario);
            traffic.Begin();
            faults.Begin();
            Pass(scenario.Length, faults);
            faults.Heal();
            Pass(scenario.Recovery, faults);
            new Aftermath(world).Check();
            Stop();
            return new(scenario.Seed, steps, world.Agenda.Now - world.Agenda.Start, world.Providers.Sum(provider => provider.Calls), traffic.Reads, world.Steps);
        }
        catch (TimeoutException stuck)
        {
            throw new InvariantBrokenException(scenario.Seed, stuck.Message, world.Steps);
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(outside);
        }
    }

    private void Pass(TimeSpan span, Faults faults)
    {
        var end = world.Agenda.Now + span;
        while (true)
        {
            Stop();
            if (world.Gates.Ready is { Count: > 0 } ready)
            {
                steps++;
                if (steps > 60_000)
                {
                    world.Broken("this run does not end");
                }

                if (!faults.Strike(steps))
                {
                    world.Gates.LetGo(world.Chance.Pick(ready));
                }
            }
            else if (!world.Agenda.Advance(end))
            {
                return;
            }
            else
            {
                world.Stepper.Settle();
            }
        }
    }

    private void Stop()
    {
        if (world.Failure is { } broken)
        {
            throw new InvariantBrokenException(scenario.Seed, broken, world.Steps);
        }
    }
}
