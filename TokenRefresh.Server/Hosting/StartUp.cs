using Microsoft.Extensions.Options;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Refreshing;
using TokenRefresh.Jobs.Tokens;

namespace TokenRefresh.Server.Hosting;

/// <summary>What happens before a host starts, in order: settings, database, schema, what an earlier run left.</summary>
internal static class StartUp
{
    /// <summary>Checks every setting before anything is started or written.</summary>
    /// <exception cref="OptionsValidationException">A setting is wrong; several wrong ones come as an <see cref="AggregateException"/>.</exception>
    public static void Validate(IServiceProvider services)
    {
        TimeZoneData.CheckSchedule(services.GetRequiredService<IConfiguration>());
        services.GetRequiredService<IStartupValidator>().Validate();
        TimeZoneData.CheckProviders(services.GetRequiredService<ConfiguredTokens>());
    }

    /// <summary>Brings up the database and its schema.</summary>
    /// <exception cref="StartUpException">There is no database to work on.</exception>
    /// <exception cref="WrongMasterKeyException">The database was sealed with another master key.</exception>
    public static async Task PrepareAsync(IServiceProvider services, bool isServer, CancellationToken cancellationToken)
    {
        Validate(services);
        await services.GetRequiredService<Database>().StartAsync(cancellationToken);
        await services.GetRequiredService<DatabasePreparation>().RunAsync(isServer, cancellationToken);
        if (isServer)
        {
            await services.GetRequiredService<UnsavedAnswers>().ReplayAsync(cancellationToken);
        }
    }
}
