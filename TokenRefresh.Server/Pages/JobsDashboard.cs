using Hangfire;
using Hangfire.Dashboard;
using TokenRefresh.Server.Access;

namespace TokenRefresh.Server.Pages;

/// <summary>Hangfire's own dashboard behind the panel's sign-in; viewers see it, operators may act there.</summary>
internal static class JobsDashboard
{
    public const string Path = "/hangfire";

    /// <summary>The narrowest policy that Hangfire's pages work with: they set styles in their markup.</summary>
    public const string ContentPolicy =
        "default-src 'none'; style-src 'self' 'unsafe-inline'; script-src 'self'; img-src 'self' data:; font-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

    public static void MapJobsDashboard(this WebApplication app)
    {
        // Made at the first request: Hangfire wants its storage when it is mapped, and then the database has not been started yet.
        var dashboard = new Lazy<RequestDelegate>(() => ((IApplicationBuilder)app).New().UseHangfireDashboard(Path, new DashboardOptions
        {
            DashboardTitle = "TokenRefresh · Jobs",
            AppPath = "/access/tokens",
            DisplayStorageConnectionString = false,
            DarkModeEnabled = true,
            StatsPollingInterval = 5000,

            // The policy below has let the person in already.
            Authorization = [],
            IsReadOnlyFunc = context => !context.GetHttpContext().User.IsInRole(nameof(Role.Operator)),
        }).Build());
        app.Map(Path + "/{**rest}", context => dashboard.Value(context)).RequireAuthorization(nameof(Role.Viewer)).ExcludeFromDescription();
    }
}
