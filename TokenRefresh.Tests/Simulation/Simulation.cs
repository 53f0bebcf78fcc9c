namespace TokenRefresh.Tests.Simulation;

/// <summary>What a run was.</summary>
/// <param name="Broken">The first invariant that broke, in words; null for none.</param>
/// <param name="Trace">Every step.</param>
internal sealed record RunReport(int Seed, int Steps, TimeSpan Simulated, int Calls, int Reads, string? Broken, IReadOnlyList<string> Trace);

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
            if (Pass(scenario.Length, faults))
            {
                faults.Heal();
                if (Pass(scenario.Recovery, faults))
                {
                    new Aftermath(world, scenario.LatestTick).Check();
                }
            }

            return new(scenario.Seed, steps, world.Agenda.Now - world.Agenda.Start, world.Providers.Sum(provider => provider.Calls), traffic.Reads, world.Failure, world.Steps);
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(outside);
        }
    }

    /// <summary>Lets so much time pass; false where an invariant broke meanwhile.</summary>
    private bool Pass(TimeSpan span, Faults faults)
    {
        var end = world.Agenda.Now + span;
        while (world.Failure is null)
        {
            if (world.Gates.Ready is { Count: > 0 } ready)
            {
                if (++steps > scenario.MostSteps)
                {
                    world.Broken("The run does not end.");
                }

                if (!faults.Strike(steps))
                {
                    world.Gates.LetGo(world.Chance.Pick(ready));
                }
            }
            else if (world.Agenda.Advance(end))
            {
                world.Stepper.Settle();
            }
            else
            {
                return true;
            }
        }

        return false;
    }
}
