using System.Data.Common;
using Microsoft.Extensions.DependencyInjection;
using TokenRefresh.Jobs.Alerts.Delivery;
using TokenRefresh.Providers;

namespace TokenRefresh.Tests.Simulation;

/// <summary>A law of the engine that a run breaks on purpose, to show that the invariants notice. The usual one breaks none.</summary>
/// <param name="Name">What is done wrong.</param>
/// <param name="Caught">How the words begin with which it is noticed.</param>
/// <param name="Seed">A run that is known to notice it.</param>
internal sealed record BrokenLaw(string Name, string Caught, int Seed)
{
    private static readonly Func<Scenario, Scenario> AsDrawn = scenario => scenario;

    public static readonly BrokenLaw None = new("none", "", 0);

    /// <summary>What the runs are like in which it shows.</summary>
    public Func<Scenario, Scenario> Shape { get; init; } = AsDrawn;

    /// <summary>True where that is another run than the one which every invariant holds in.</summary>
    public bool IsShaped => Shape != AsDrawn;

    /// <summary>Rewrites a statement before it is sent.</summary>
    public Func<string, string> Rewrite { get; init; } = sql => sql;

    /// <summary>Runs before a statement is sent.</summary>
    public Action<SimWorld, SimNode, DbCommand> BeforeStatement { get; init; } = (_, _, _) => { };

    /// <summary>Runs before a token's provider is called.</summary>
    public Action<SimWorld, string> BeforeCall { get; init; } = (_, _) => { };

    /// <summary>Changes the answer to a renewal.</summary>
    public Func<ProviderResult, ProviderResult> Renewed { get; init; } = result => result;

    /// <summary>Calls at a provider are not bounded.</summary>
    public bool HasNoSlots { get; init; }

    /// <summary>Notifications and reloads do nothing.</summary>
    public bool IsDeaf { get; init; }

    /// <summary>Another way to send mails; null for the usual one.</summary>
    public Func<SimWorld, SimNode, IEmailSender?> Sender { get; init; } = (_, _) => null;

    /// <summary>Puts other parts in the place of the product's.</summary>
    public Action<IServiceCollection> Replace { get; init; } = _ => { };

    public override string ToString() => Name;
}
