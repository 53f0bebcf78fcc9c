using TokenRefresh.Jobs.Catalog;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Refreshing;
using TokenRefresh.Server.Hosting;

namespace TokenRefresh.Server.Cli;

/// <summary>Runs a verb over the same composition as the server, on the same database, the embedded one included; nothing listens and no job runs here.</summary>
internal sealed class CommandRunner(Dictionary<string, string?> settings)
{
    /// <summary>The setting in which the command line stores --verbose.</summary>
    public const string Verbose = "verbose";

    /// <summary>Runs a verb that only reads. There must be a database with this version's schema, and nothing is made or brought up to date.</summary>
    public Task<int> ReadAsync(Func<IServiceProvider, Task<int>> verb, CancellationToken cancellationToken) =>
        RunAsync(verb, FirstUse.Needs, CheckAsync, calls: false, cancellationToken);

    /// <summary>Runs a verb that changes what must be there already.</summary>
    public Task<int> RunAsync(Func<IServiceProvider, Task<int>> verb, CancellationToken cancellationToken) =>
        RunAsync(verb, FirstUse.Needs, PrepareAsync, calls: false, cancellationToken);

    /// <summary>Runs a verb that may come before the first start of a server; it says so where it has made the database.</summary>
    public Task<int> RunFirstAsync(Func<IServiceProvider, Task<int>> verb, CancellationToken cancellationToken) =>
        RunAsync(verb, FirstUse.Makes, PrepareAsync, calls: false, cancellationToken);

    /// <summary>Runs a verb that calls providers: the sandbox, where it is on, answers within this process.</summary>
    /// <param name="mayBeFirst">As in <see cref="RunFirstAsync"/>.</param>
    public Task<int> RunCallingAsync(Func<IServiceProvider, Task<int>> verb, CancellationToken cancellationToken, bool mayBeFirst = false) =>
        RunAsync(verb, mayBeFirst ? FirstUse.Makes : FirstUse.Needs, PrepareAsync, calls: true, cancellationToken);

    /// <summary>Brings up the database as it is, without touching its schema.</summary>
    public Task<int> RunUnpreparedAsync(FirstUse firstUse, Func<IServiceProvider, Task<int>> verb, CancellationToken cancellationToken) =>
        RunAsync(verb, firstUse, prepare: null, calls: false, cancellationToken);

    /// <summary>The same settings on another database.</summary>
    public CommandRunner On(string connectionString) => new(new(settings, StringComparer.OrdinalIgnoreCase) { ["ConnectionStrings:TokenRefresh"] = connectionString });

    private async Task<int> RunAsync(
        Func<IServiceProvider, Task<int>> verb, FirstUse firstUse, Func<IServiceProvider, FirstUse, CancellationToken, Task>? prepare, bool calls, CancellationToken cancellationToken)
    {
        await using var app = ServerHost.Build(settings, Roles.None, builder => builder.Services.AddSingleton(new FirstUseChoice(firstUse)));
        using var stop = cancellationToken.Register(app.Services.GetRequiredService<ShutdownSignal>().Begin);
        StartUp.Validate(app.Services);
        var database = app.Services.GetRequiredService<Database>();
        await database.StartAsync(cancellationToken);
        if (settings.ContainsKey(Verbose) || !Console.IsErrorRedirected)
        {
            Output.Note($"Database: {database.Description}");
        }

        if (prepare is not null)
        {
            await prepare(app.Services, firstUse, cancellationToken);
            await app.Services.GetRequiredService<LiveCatalog>().ReloadAsync(cancellationToken);
            await CompareSettingsAsync(app.Services.GetRequiredService<SettingsComparison>(), cancellationToken);
        }

        if (calls)
        {
            // It has only just come, and cannot know whether the database was away and a node is still about to save what was issued to it.
            app.Services.GetRequiredService<DatabaseContact>().Lost();
            if (app.Services.GetRequiredService<SandboxedProviders>().Names.Count > 0)
            {
                await app.StartAsync(cancellationToken);
            }
        }

        try
        {
            return await verb(app.Services);
        }
        finally
        {
            await app.StopAsync(CancellationToken.None);
        }
    }

    private static async Task CheckAsync(IServiceProvider services, FirstUse firstUse, CancellationToken cancellationToken)
    {
        var preparation = services.GetRequiredService<DatabasePreparation>();
        if ((await preparation.AppliedAsync(cancellationToken)).Count == 0)
        {
            throw NoSchema(services);
        }

        await preparation.CheckAsync(cancellationToken);
    }

    private static async Task PrepareAsync(IServiceProvider services, FirstUse firstUse, CancellationToken cancellationToken)
    {
        var preparation = services.GetRequiredService<DatabasePreparation>();
        var isNew = (await preparation.AppliedAsync(cancellationToken)).Count == 0;
        if (isNew && firstUse != FirstUse.Makes)
        {
            throw NoSchema(services);
        }

        await preparation.RunAsync(marksStrays: false, cancellationToken);
        if (isNew)
        {
            Output.Note($"Created the database: {services.GetRequiredService<Database>().Description}");
        }
    }

    // Left for the server only where they differ, so that it says so too; and taken back once they do not.
    private static async Task CompareSettingsAsync(SettingsComparison comparison, CancellationToken cancellationToken)
    {
        var name = $"{Options.Caller}@{Environment.MachineName}";
        try
        {
            var servers = (await comparison.CompareAsync(name, cancellationToken)).Where(other => other.IsServer).ToList();
            foreach (var server in servers)
            {
                Output.Note($"The server {server.Name} uses other settings than this verb: {server.KeysInWords}. Restart it if they were changed, or use the same settings for both.");
            }

            await (servers.Count > 0 ? comparison.LeaveAsync(name, isServer: false, cancellationToken) : comparison.TakeBackAsync(name, cancellationToken));
        }
        catch (Exception error) when (error.GetBaseException() is Npgsql.NpgsqlException)
        {
            // A database that does not accept writes is reported by the verb's own work.
        }
    }

    private static NoDatabaseException NoSchema(IServiceProvider services) =>
        new($"The database {services.GetRequiredService<Database>().Description} has no TokenRefresh tables: no server has used it yet");
}
