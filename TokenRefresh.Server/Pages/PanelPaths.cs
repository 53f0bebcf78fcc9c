using TokenRefresh.Jobs.Alerts;

namespace TokenRefresh.Server.Pages;

/// <summary>The addresses of the panel's pages, below the path that a proxy puts before them.</summary>
internal static class PanelPaths
{
    /// <summary>What every page of the panel begins with.</summary>
    public const string Root = "/access/";

    public const string Overview = "/access", Tokens = "/access/tokens", Incidents = "/access/incidents", Log = "/access/token-refresh-logs",
        Providers = "/access/providers", Clients = "/access/clients", Health = "/access/token-health", Settings = "/access/settings",
        NewProvider = "/access/new-provider", NewToken = "/access/new-token", Users = "/access/users", Audit = "/access/audit", Search = "/access/search", Bulk = "/access/bulk", Preferences = "/access/preferences", Events = "/access/events",
        SignOut = "/account/logout";

    /// <summary>The pages that messages link to.</summary>
    public static readonly PanelPages ForMessages = new(Tokens, Log, Health, Incidents);

    /// <summary>The page of one token.</summary>
    public static string Token(string name) => $"{Tokens}/{name}";

    /// <summary>The page of one provider.</summary>
    public static string Provider(string name) => $"{Providers}/{name}";

    /// <summary>The page of one incident.</summary>
    public static string Incident(long id) => $"{Incidents}/{id}";

    /// <summary>The page of one attempt.</summary>
    public static string Attempt(long id) => $"{Log}/{id}";
}
