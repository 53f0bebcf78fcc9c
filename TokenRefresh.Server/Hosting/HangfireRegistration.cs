using System.Globalization;
using Hangfire;
using Hangfire.AspNetCore;
using Hangfire.Common;
using Hangfire.Logging;
using Hangfire.PostgreSql;
using Microsoft.Extensions.Options;
using Npgsql;
using TokenRefresh.Jobs;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Scheduling;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;

namespace TokenRefresh.Server.Hosting;

/// <summary>Hangfire on Postgres. Storage and filters come from the container, not from Hangfire's process-wide statics.</summary>
internal static class HangfireRegistration
{
    public const string Schema = "hangfire";

    /// <summary>On top of the calls in flight: for the save after them.</summary>
    private static readonly TimeSpan SaveTime = TimeSpan.FromSeconds(10);

    /// <summary>The host waits for no service longer than this; each ends sooner by itself.</summary>
    public static readonly TimeSpan LongestStop = CallsAndSave(ProviderOptions.LongestTimeout) + TimeSpan.FromSeconds(5);

    public static IServiceCollection AddHangfireOnPostgres(this IServiceCollection services, Roles roles)
    {
        services.AddSingleton(JobPolling.Usual);
        services.AddSingleton<JobStorage>(provider =>
        {
            var (source, sessions) = (provider.GetRequiredService<Database>().CreateSource(), provider.GetRequiredService<DatabaseSessions>());
            sessions.Add(source);
            return Storage(new(source), sessions, provider.GetRequiredService<JobPolling>(), provider.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping);
        });
        services.AddSingleton<IJobFilterProvider>(provider => RetryFilters.Create(provider.GetRequiredService<IOptions<ScheduleOptions>>()));

        // Hangfire's default is a process-wide static, so of two hosts in one process one would run its jobs with the other's services.
        services.AddSingleton<JobActivator>(provider => new AspNetCoreJobActivator(provider.GetRequiredService<IServiceScopeFactory>()));
        services.AddSingleton<IDatabaseStep, HangfireSchema>();
        services.AddHangfire((provider, configuration) => configuration
            .UseLogProvider(new SurvivingLog(provider.GetRequiredService<ILoggerFactory>()))
            .SetDataCompatibilityLevel(CompatibilityLevel.Version_180)
            .UseSimpleAssemblyNameTypeSerializer()
            .UseRecommendedSerializerSettings()
            .UseDefaultCulture(CultureInfo.InvariantCulture, CultureInfo.InvariantCulture, captureDefault: false));

        if (roles.HasFlag(Roles.Worker))
        {
            services.AddHangfireServer((provider, options) =>
            {
                var queue = provider.GetRequiredService<IOptions<QueueOptions>>().Value;

                // "default" too: what Hangfire re-creates without a queue would wait there for ever.
                options.Queues = [queue.Name, "default"];
                options.WorkerCount = queue.Workers;
                SetTimes(options, provider, CallsAndSave(provider.GetRequiredService<ITokenProviders>().All.Select(each => each.Timeout).DefaultIfEmpty().Max()));
            });

            // Apart, so that a mail server that hangs takes no worker from the tokens, nor a thousand tokens the time to tell of them.
            services.AddHangfireServer((provider, options) =>
            {
                options.Queues = [DeliveryQueue.Name];
                options.WorkerCount = 2;
                options.IsLightweightServer = true;
                SetTimes(options, provider, SaveTime);
            });
        }

        return services.Configure<HostOptions>(options => options.ShutdownTimeout = LongestStop);
    }

    // A refused renewal is followed by an acquisition.
    private static TimeSpan CallsAndSave(TimeSpan timeout) => (2 * timeout) + SaveTime;

    private static void SetTimes(BackgroundJobServerOptions options, IServiceProvider provider, TimeSpan longestStop)
    {
        options.SchedulePollingInterval = provider.GetRequiredService<JobPolling>().Schedule;
        options.StopTimeout = TimeSpan.FromSeconds(30);
        options.ShutdownTimeout = longestStop;
        options.HeartbeatInterval = TimeSpan.FromSeconds(15);
    }

    private static ResilientHangfireStorage Storage(HangfireConnections connections, DatabaseSessions sessions, JobPolling polling, CancellationToken stopping)
    {
        var options = new PostgreSqlStorageOptions
        {
            SchemaName = Schema,
            PrepareSchemaIfNecessary = false,

            QueuePollInterval = polling.Queue,

            // A killed process's job runs again after this; the sliding keeps a living one's, however long it takes.
            UseSlidingInvisibilityTimeout = true,
            InvisibilityTimeout = TimeSpan.FromMinutes(1),

            // Hangfire's locks have no owner, so this is the outage after a crash; every hold within Hangfire is far shorter.
            DistributedLockTimeout = TimeSpan.FromMinutes(1),
            JobExpirationCheckInterval = TimeSpan.FromMinutes(15),
        };

        return new ResilientHangfireStorage(connections, options, sessions, stopping) { JobExpirationTimeout = TimeSpan.FromHours(6) };
    }

    /// <summary>Hangfire's own pool, so that neither it nor the tokens use up the other's connections.</summary>
    private sealed class HangfireConnections(NpgsqlDataSource source) : IConnectionFactory
    {
        public NpgsqlConnection GetOrCreateConnection() => source.CreateConnection();
    }

    /// <summary>
    /// Hangfire keeps one log for the process. When the host that brought it has ended, others in the process go on without a log, not without jobs. That the database
    /// is unreachable or read-only is reported once, by the probe: each of Hangfire's parts would report it repeatedly with a stack trace.
    /// </summary>
    private sealed class SurvivingLog(ILoggerFactory factory) : ILogProvider, ILog
    {
        private readonly AspNetCoreLogProvider log = new(factory);

        public ILog GetLogger(string name)
        {
            try
            {
                return new WithoutOutages(log.GetLogger(name));
            }
            catch (ObjectDisposedException)
            {
                return this;
            }
        }

        public bool Log(Hangfire.Logging.LogLevel logLevel, Func<string>? messageFunc, Exception? exception = null) => false;
    }

    internal sealed class WithoutOutages(ILog log) : ILog
    {
        public bool Log(Hangfire.Logging.LogLevel logLevel, Func<string>? messageFunc, Exception? exception = null) =>
            exception is not null && IsOutage(exception)
                ? log.Log(Hangfire.Logging.LogLevel.Debug, messageFunc is null ? null : () => $"{messageFunc()} {DatabaseFaults.InWords(exception)}")
                : log.Log(logLevel, messageFunc, exception);

        // A connection that broke between two of Hangfire's statements is called "not open" by Npgsql.
        private static bool IsOutage(Exception exception) => DatabaseFaults.IsAway(exception) || exception is InvalidOperationException { Source: "Npgsql" };
    }
}

/// <summary>How often Hangfire looks for work in the database.</summary>
/// <param name="Queue">For enqueued jobs. One from another process waits for it; one from this process wakes a worker at once.</param>
/// <param name="Schedule">For jobs whose time has come, retries among them.</param>
internal sealed record JobPolling(TimeSpan Queue, TimeSpan Schedule)
{
    public static JobPolling Usual { get; } = new(TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(3));
}
