using System.ComponentModel;
using System.Reflection;
using Hangfire;
using Hangfire.Common;
using Hangfire.Dashboard;
using Microsoft.AspNetCore.Http.Features;
using Npgsql;
using TokenRefresh.Jobs.Attempts;
using TokenRefresh.Jobs.Scheduling;
using TokenRefresh.Server.Access;

namespace TokenRefresh.Server.Pages;

/// <summary>Hangfire's own dashboard behind the panel's sign-in; viewers see it, operators may act there.</summary>
internal static class JobsDashboard
{
    public const string Path = "/hangfire";

    /// <summary>The list of jobs that gave up.</summary>
    public const string FailedJobs = Path + "/jobs/failed";

    /// <summary>
    /// The narrowest policy that Hangfire's pages work with. The hashes are of the one sheet that its charts add, and of the empty style attributes
    /// that its details of a job are full of; a newer Hangfire may need others, which the browser tests would tell.
    /// </summary>
    public const string ContentPolicy =
        "default-src 'none'; style-src-elem 'self' 'sha256-z7zcnw/4WalZqx+PrNaRnoeLz/G9WXuFqV1WCJ129sg='; style-src-attr 'unsafe-hashes' 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='; "
        + "script-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

    /// <summary>Larger counts are shown as one less with a plus.</summary>
    private const int MostAttempts = 1000;

    /// <summary>Of a job that holds many tokens, so many are named.</summary>
    private const int NamedTokens = 3;

    // Hangfire keeps what extends its pages for the whole process, so it is added once; the services are those of the request's host.
    private static readonly Lazy<bool> Extended = new(Extend);

    public static void MapJobsDashboard(this WebApplication app)
    {
        // Made at the first request: Hangfire wants its storage when it is mapped, and then the database has not been started yet.
        var parts = new Lazy<(JobStorage Storage, Hangfire.Dashboard.RouteCollection Routes)>(() =>
        {
            _ = app.Services.GetRequiredService<IGlobalConfiguration>();
            _ = Extended.Value;
            return (app.Services.GetRequiredService<JobStorage>(), app.Services.GetRequiredService<Hangfire.Dashboard.RouteCollection>());
        });
        app.MapMethods(Path + "/{**rest}", [HttpMethods.Get, HttpMethods.Head, HttpMethods.Post], context => ShowAsync(context, parts.Value.Storage, parts.Value.Routes))
            .RequireAuthorization(nameof(Role.Viewer)).ExcludeFromDescription();
    }

    /// <summary>The page of one job.</summary>
    public static string Details(string job) => $"{Path}/jobs/details/{job}";

    /// <summary>A job in words: which tokens, and what set it off.</summary>
    public static string Name(Job job) => job switch
    {
        { Args: [string[] tokens, string trigger, string by, ..] } when job.Type == typeof(RefreshTokensJob) =>
            $"{string.Join(", ", tokens.Take(NamedTokens))}{(tokens.Length > NamedTokens ? $" and {tokens.Length - NamedTokens} more" : "")}: {trigger.Replace('_', ' ')}, by {by}",
        _ => job.Method.GetCustomAttribute<DisplayNameAttribute>()?.DisplayName ?? $"{job.Type.Name}.{job.Method.Name}",
    };

    private static async Task ShowAsync(HttpContext context, JobStorage storage, Hangfire.Dashboard.RouteCollection routes)
    {
        var request = context.Request;
        var (prefix, path) = (request.PathBase, request.Path);
        if (!request.HasFormContentType)
        {
            context.Features.Set<IFormFeature>(new NoForm());
        }

        path.StartsWithSegments(Path, StringComparison.OrdinalIgnoreCase, out var rest);
        (request.PathBase, request.Path) = (prefix.Add(Path), rest);
        try
        {
            await new AspNetCoreDashboardMiddleware(_ => Task.CompletedTask, storage, Options(prefix), routes, finalizeWhenNotFound: true).Invoke(context);
        }
        catch (Exception error) when (!context.Response.HasStarted && IsOfTheRequest(error))
        {
            (context.Response.ContentType, context.Response.ContentLength) = (null, null);
            context.Response.StatusCode = HttpMethods.IsPost(request.Method) || error is BadHttpRequestException ? StatusCodes.Status400BadRequest : StatusCodes.Status404NotFound;
        }
        finally
        {
            (request.PathBase, request.Path) = (prefix, path);
        }
    }

    // Hangfire takes the number of a job, a page or a queue's name as they come: what is no number, is too large, or is no text to Postgres breaks it,
    // at a change of a job's state within an exception of its own.
    private static bool IsOfTheRequest(Exception error) =>
        error is BadHttpRequestException || error.GetBaseException() is FormatException or OverflowException or PostgresException { SqlState: ['2', '2', ..] };

    private static DashboardOptions Options(PathString prefix) => new()
    {
        DashboardTitle = "TokenRefresh · Jobs",
        AppPath = $"{prefix}{PanelPaths.Overview}",
        FaviconPath = $"{prefix}/icon.svg",
        DisplayStorageConnectionString = false,
        DarkModeEnabled = true,
        StatsPollingInterval = 5000,
        DisplayNameFunc = (_, job) => Name(job),

        // The endpoint's policy has let the person in already.
        Authorization = [],
        IsReadOnlyFunc = context => !context.GetHttpContext().User.IsInRole(nameof(Role.Operator)),
    };

    /// <summary>An address of the panel, from one of Hangfire's pages, whose path base ends with the dashboard's own.</summary>
    private static string Panel(RazorPage page, string address) => page.Context.GetHttpContext().Request.PathBase.ToUriComponent()[..^Path.Length] + address;

    private static bool Extend()
    {
        DashboardRoutes.AddStylesheet(typeof(JobsDashboard).Assembly, "TokenRefresh.Server.Pages.hangfire.css");
        foreach (var (words, address) in new[] { ("Overview", PanelPaths.Overview), ("Tokens", PanelPaths.Tokens), ("Activity", PanelPaths.Log), ("System", PanelPaths.Health) })
        {
            NavigationMenu.Items.Add(page => new MenuItem(words, Panel(page, address)));
        }

        GlobalConfiguration.Configuration
            .UseDashboardMetric(new DashboardMetric("tokens:unwell", "Tokens that need attention", page => Count(
                Wait(Service<CurrentDiagnosis>(page).ReadAsync(CancellationToken.None)).Counts.Unwell)))
            .UseDashboardMetric(new DashboardMetric("tokens:failures", "Failed attempts, 24 h", page => Count(
                Wait(Service<AttemptLog>(page).FailuresAsync(Service<TimeProvider>(page).GetUtcNow().AddDays(-1), MostAttempts, CancellationToken.None)))))
            .UseJobDetailsRenderer(10, details => new NonEscapedString(
                $"<p><a href=\"{Panel(details.Page, PanelPaths.Log)}?job={Uri.EscapeDataString(details.JobId)}#attempts\">Attempts of this job in the log</a></p>"));
        return true;
    }

    /// <summary>The form of a request that brings none. Hangfire asks every request for one where a form is due.</summary>
    private sealed class NoForm : IFormFeature
    {
        public bool HasFormContentType => false;

        public IFormCollection? Form { get; set; }

        public IFormCollection ReadForm() => throw new BadHttpRequestException("A form is needed here.");

        public Task<IFormCollection> ReadFormAsync(CancellationToken cancellationToken) => throw new BadHttpRequestException("A form is needed here.");
    }

    private static Metric Count(long number) => new(number < MostAttempts ? $"{number}" : "999+") { Style = number > 0 ? MetricStyle.Danger : MetricStyle.Default, Highlighted = number > 0 };

    private static T Service<T>(RazorPage page)
        where T : notnull => page.Context.GetHttpContext().RequestServices.GetRequiredService<T>();

    // Hangfire asks for its figures on a thread of its own kind, without a way to wait otherwise.
    private static T Wait<T>(Task<T> task) => task.GetAwaiter().GetResult();
}
