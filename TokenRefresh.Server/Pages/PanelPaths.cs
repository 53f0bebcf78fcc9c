using TokenRefresh.Jobs.Alerts;

namespace TokenRefresh.Server.Pages;

/// <summary>The addresses of the panel's pages, below the path that a proxy puts before them.</summary>
internal static class PanelPaths
{
    /// <summary>What every page of the panel begins with.</summary>
    public const string Root = "/access/";

    public const string Tokens = "/access/tokens", Log = "/access/token-refresh-logs", Health = "/access/token-health", Incidents = "/access/incidents",
        Users = "/access/users", Clients = "/access/clients", Audit = "/access/audit";

    /// <summary>The pages that messages link to.</summary>
    public static readonly PanelPages ForMessages = new(Tokens, Log, Health, Incidents);

    /// <summary>The page of one token.</summary>
    public static string Token(string name) => $"{Tokens}/{name}";
}
