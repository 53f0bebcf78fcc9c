using Microsoft.Extensions.DependencyInjection;
using TokenRefresh.Jobs.Administration;
using TokenRefresh.Jobs.Alerts;
using TokenRefresh.Jobs.Alerts.Delivery;
using TokenRefresh.Jobs.Attempts;
using TokenRefresh.Jobs.Refreshing;
using TokenRefresh.Jobs.Scheduling;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;

namespace TokenRefresh.Tests.Simulation;

/// <summary>Starts what the timetable, readers, their reports and people start in the product.</summary>
internal sealed class Traffic(SimWorld world, Scenario scenario)
{
    private const string Unsettled =
        """
        SELECT (SELECT count(*) FROM notifications WHERE status = 'pending')
             + (SELECT count(*) FROM incidents WHERE resolved_at IS NULL AND told_at IS NULL)
             + (SELECT count(*) FROM incidents WHERE resolved_at IS NOT NULL AND told_at IS NOT NULL AND recovery_told_at IS NULL)
             + (SELECT count(*) FROM token_refresh_logs WHERE status = 'running')
        """;

    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan HalfADay = TimeSpan.FromHours(12);

    private readonly HashSet<string> withPerson = [];
    private TimeSpan spacing = Minute;

    public int Reads { get; private set; }

    public void Begin()
    {
        world.Agenda.In(TimeSpan.FromSeconds(5), Tick);
        world.Agenda.In(TimeSpan.FromSeconds(8), Read);
        world.Agenda.In(HalfADay, Sweep);
        if (scenario.Faults > 0)
        {
            world.OnCall.Add(Contend);
        }

        // A tick that was missed is made up for at once.
        world.OnDatabaseBack = () => world.Agenda.In(world.Chance.Between(TimeSpan.Zero, TimeSpan.FromSeconds(5)), CheckDue);
        foreach (var token in scenario.Plan.Tokens.Where(token => token.Grant == Grant.Imported))
        {
            world.Agenda.In(TimeSpan.FromSeconds(6), () => Import(token.Name));
        }
    }

    private void Tick()
    {
        CheckDue();
        world.Agenda.In(TimeSpan.FromSeconds(world.Chance.Between(0, 40)), Round);
        world.Agenda.At(NextTick(), Tick);
        foreach (var row in world.Tokens.Rows.Where(row => row.ErrorCode == FailureKind.GrantRevoked.Code() && withPerson.Add(row.Name)).ToList())
        {
            world.Agenda.In(world.Chance.Between(TimeSpan.FromMinutes(5), scenario.LongestOutage), () => Import(row.Name));
        }
    }

    private void CheckDue()
    {
        if (world.AnyNode() is { IsAway: false } node)
        {
            world.Start(node, "due check", () => node.Get<DueRefreshJob>().RunAsync(CancellationToken.None));
        }
    }

    // Others want the same while a call is in flight.
    private void Contend(SimNode caller, TimeSpan takes)
    {
        if (world.Chance.Of(0.15))
        {
            world.Agenda.In(takes * world.Chance.Share(), () =>
            {
                CheckDue();
                ReadOnce();
            });
        }
    }

    /// <summary>The next whole minute at which something can happen: a check that finds nothing due changes nothing.</summary>
    private DateTimeOffset NextTick()
    {
        var now = world.Agenda.Now;
        var isFailing = world.Tokens.Rows.Any(row => row.Failures > 0) || world.Scalar<long>(Unsettled) > 0;
        spacing = isFailing ? Shorter(spacing * 1.3, scenario.LatestTick) : Minute;
        var stirs = world.Tokens.Rows.Select(row => row.Stirs).Where(at => at is not null).Min() ?? now + HalfADay;
        var next = isFailing || stirs < now ? now + spacing : stirs < now + HalfADay ? stirs : now + HalfADay;
        return new DateTimeOffset((next.UtcTicks + Minute.Ticks - 1) / Minute.Ticks * Minute.Ticks, TimeSpan.Zero) is var whole && whole > now ? whole : now + Minute;
    }

    // The timetable's health check runs on one node, the watch beneath it on each.
    private void Round()
    {
        foreach (var node in world.Nodes.Where(node => node is { IsUp: true, IsAwake: true } && world.Chance.Of(0.45)).ToList())
        {
            var (now, began) = (node.Clock.GetUtcNow(), world.Agenda.Now);
            world.Start(node, "round", async () =>
            {
                await node.Get<AlertEvaluation>().RunAsync(new(now, Minute, 5, null), CancellationToken.None);
                world.LastRoundAt = began;
                await node.Get<Outbox>().DeliverAsync(CancellationToken.None);
            });
        }
    }

    private void Read()
    {
        world.Agenda.In(scenario.Length / scenario.Reads * world.Chance.Between(0.1, 1.9), Read);
        for (var burst = world.Chance.Pick([1, 1, 1, 3]); burst > 0; burst--)
        {
            ReadOnce();
        }
    }

    // A program reads, or once in a while a person presses the button.
    private void ReadOnce()
    {
        var token = world.Chance.Pick(scenario.Plan.Tokens).Name;
        if (world.AnyNode() is not { } node)
        {
            return;
        }

        var life = world.ProviderOf(token).Traits.Life;
        if (scenario.Faults > 0 && world.Chance.Of(0.05))
        {
            var trigger = world.Chance.Pick([RefreshTrigger.Forced, RefreshTrigger.Manual]);
            world.Start(node, $"{trigger} refresh of {token}", () => node.Get<TokenRefresher>().RefreshAsync(new(token, trigger, "a person"), CancellationToken.None));
        }
        else
        {
            var minValidity = world.Chance.Pick([TimeSpan.Zero, TimeSpan.FromSeconds(1), life * 0.05, life * 0.4]);
            Reads++;
            world.Start(node, $"read of {token}", () => new Reader(world, node, token, minValidity).ReadAsync());
        }
    }

    private void Sweep()
    {
        world.Agenda.In(HalfADay, Sweep);
        if (world.AnyNode() is { IsAway: false } node)
        {
            world.Start(node, "sweep", async () =>
            {
                await node.Get<AutomaticRefreshJob>().Run();
                await node.Get<BackupRefreshJob>().RunAsync(CancellationToken.None);
            });
            world.Start(node, "clean-up", () => node.Get<LogCleanup>().RunAsync(CancellationToken.None));
        }
    }

    // A person who starts the grant anew at the provider, and tries to import it until it is stored.
    private void Import(string name)
    {
        if (world.AnyNode() is not { IsAway: false } node)
        {
            world.Agenda.In(TimeSpan.FromSeconds(30), () => Import(name));
            return;
        }

        var provider = world.ProviderOf(name);
        var token = provider.StartGrant(new(name, [], Grant.Imported, new Dictionary<string, string>()));
        world.Start(
            node, $"import of {name}",
            () => node.Get<TokenControls>().ImportAsync(name, new(token.AccessToken, token.RefreshToken, token.ExpiresAt), "a person", CancellationToken.None),
            error =>
            {
                withPerson.Remove(name);
                if (error is not null)
                {
                    world.Agenda.In(TimeSpan.FromMinutes(1), () => Import(name));
                }
            });
    }

    private static TimeSpan Shorter(TimeSpan one, TimeSpan other) => one < other ? one : other;
}
