namespace TokenRefresh.Jobs.Alerts;

/// <summary>The paths of the panel's pages that messages link to; the host knows them.</summary>
/// <param name="Tokens">All tokens.</param>
/// <param name="Log">The log of attempts.</param>
/// <param name="Health">The System page.</param>
/// <param name="Incidents">All incidents; an incident's links begin with it.</param>
public sealed record PanelPages(string Tokens, string Log, string Health, string Incidents);
