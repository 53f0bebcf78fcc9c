using Microsoft.Extensions.Options;
using TokenRefresh.Jobs;
using TokenRefresh.Jobs.Catalog;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Refreshing;
using TokenRefresh.Jobs.Tokens;

namespace TokenRefresh.Server.Hosting;

/// <summary>What happens before a host starts, in order: settings, database, schema, what an earlier run left.</summary>
internal static partial class StartUp
{
    /// <summary>Checks every setting before anything is started or written.</summary>
    /// <exception cref="OptionsValidationException">A setting is wrong; several wrong ones come as an <see cref="AggregateException"/>.</exception>
    public static void Validate(IServiceProvider services)
    {
        TimeZoneData.CheckSchedule(services.GetRequiredService<IConfiguration>());
        services.GetRequiredService<IStartupValidator>().Validate();
        TimeZoneData.CheckProviders(services.GetRequiredService<ConfiguredTokens>());
        if (TimeZoneData.IsOutdated())
        {
            LogOutdatedZones(Log(services));
        }

        foreach (var warning in services.GetRequiredService<EnvSettings>().Warnings)
        {
            LogEnvFile(Log(services), warning);
        }
    }

    /// <summary>All that is wrong with the settings, where <see cref="Validate"/> stops at the first part that complains.</summary>
    public static IReadOnlyList<string> Complaints(IServiceProvider services)
    {
        var wrong = new List<string>();
        Try(() => TimeZoneData.CheckSchedule(services.GetRequiredService<IConfiguration>()));
        Try(() => services.GetRequiredService<IStartupValidator>().Validate());
        if (wrong.Count == 0)
        {
            // What joins the settings reads them without a second check.
            Try(() => Validate(services));
        }

        return [.. wrong.Distinct()];

        void Try(Action check)
        {
            try
            {
                check();
            }
            catch (OptionsValidationException error)
            {
                wrong.AddRange(error.Failures);
            }
            catch (AggregateException errors) when (errors.InnerExceptions.All(error => error is OptionsValidationException))
            {
                wrong.AddRange(errors.InnerExceptions.Cast<OptionsValidationException>().SelectMany(error => error.Failures));
            }
        }
    }

    /// <summary>Brings up the database and its schema.</summary>
    /// <exception cref="StartUpException">There is no database to work on.</exception>
    /// <exception cref="WrongMasterKeyException">The database was sealed with another master key.</exception>
    public static async Task PrepareAsync(IServiceProvider services, bool isServer, CancellationToken cancellationToken)
    {
        Validate(services);
        await services.GetRequiredService<Database>().StartAsync(cancellationToken);
        await services.GetRequiredService<DatabasePreparation>().RunAsync(isServer, cancellationToken);
        await services.GetRequiredService<LiveCatalog>().ReloadAsync(cancellationToken);
        if (isServer)
        {
            TryDataFolder(services);
            var (comparison, node) = (services.GetRequiredService<SettingsComparison>(), services.GetRequiredService<NodeName>().Value);
            await comparison.LeaveAsync(node, isServer: true, cancellationToken);
            await comparison.StartAsync(node, cancellationToken);
            await services.GetRequiredService<UnsavedTokenSpool>().ReplayAsync(cancellationToken);
        }
    }

    // With a given Postgres and a key in the settings nothing is written there until something goes wrong, which is too late to learn of it.
    private static void TryDataFolder(IServiceProvider services)
    {
        var folder = services.GetRequiredService<IOptions<DataOptions>>().Value.Directory;
        var probe = Path.Combine(folder, $".write.{Environment.ProcessId}");
        try
        {
            PrivateFiles.MakeFolder(folder);
            PrivateFiles.Create(probe).Dispose();
            File.Delete(probe);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            LogReadOnlyFolder(Log(services), folder, error.Message);
        }
    }

    private static ILogger Log(IServiceProvider services) => services.GetRequiredService<ILoggerFactory>().CreateLogger(typeof(StartUp).FullName!);

    [LoggerMessage(5003, LogLevel.Warning, "{Warning}")]
    private static partial void LogEnvFile(ILogger log, string warning);

    [LoggerMessage(5005, LogLevel.Warning, "This machine's time-zone data is older than 2022b: times in Asia/Tehran are an hour off in summer. Update the package tzdata.")]
    private static partial void LogOutdatedZones(ILogger log);

    [LoggerMessage(5004, LogLevel.Warning, "The data folder {Folder} cannot be written ({Reason}): tokens that cannot be saved to the database, and mails without a mail server, would be lost. Make the folder writable for this user, or set Data__Directory to another folder.")]
    private static partial void LogReadOnlyFolder(ILogger log, string folder, string reason);
}
