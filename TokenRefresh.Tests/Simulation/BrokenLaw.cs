using Microsoft.Extensions.DependencyInjection;
using TokenRefresh.Jobs.Alerts.Delivery;
using TokenRefresh.Providers;

namespace TokenRefresh.Tests.Simulation;

/// <summary>A law of the engine that a run breaks on purpose, to show that the invariants notice. The usual one breaks none.</summary>
internal sealed record BrokenLaw(string Name)
{
    public static readonly BrokenLaw None = new("none");

    /// <summary>Rewrites a statement before it is sent.</summary>
    public Func<string, string> Rewrite { get; init; } = sql => sql;

    /// <summary>Changes the answer to a renewal.</summary>
    public Func<ProviderResult, ProviderResult> Forget { get; init; } = result => result;

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
