using TokenRefresh.Jobs.Refreshing;
using TokenRefresh.Server.Hosting;
using TokenRefresh.Server.Sandbox;

namespace TokenRefresh.Server.Cli;

/// <summary>Runs a verb over the same composition as the server, on the same database, the embedded one included.</summary>
internal sealed class VerbHost(Dictionary<string, string?> settings)
{
    /// <summary>Prepares the database and runs the verb; nothing listens and no job runs here.</summary>
    public Task<int> RunAsync(Func<IServiceProvider, Task<int>> verb, CancellationToken cancellationToken) =>
        RunAsync((services, _) => verb(services), prepares: true, calls: false, cancellationToken);

    /// <summary>As <see cref="RunAsync(Func{IServiceProvider, Task{int}}, CancellationToken)"/>, for a verb that calls providers: the sandbox, where it is on, answers within this process.</summary>
    public Task<int> RunCallingAsync(Func<IServiceProvider, Task<int>> verb, CancellationToken cancellationToken) =>
        RunAsync((services, _) => verb(services), prepares: true, calls: true, cancellationToken);

    /// <summary>Brings up the database as it is, without touching its schema.</summary>
    public Task<int> RunUnpreparedAsync(Func<IServiceProvider, Task<int>> verb, CancellationToken cancellationToken) =>
        RunAsync((services, _) => verb(services), prepares: false, calls: false, cancellationToken);

    /// <summary>The same settings on another database.</summary>
    public VerbHost On(string connectionString) => new(new(settings, StringComparer.OrdinalIgnoreCase) { ["ConnectionStrings:TokenRefresh"] = connectionString });

    private async Task<int> RunAsync(Func<IServiceProvider, CancellationToken, Task<int>> verb, bool prepares, bool calls, CancellationToken cancellationToken)
    {
        await using var app = ServerHost.Build(settings, Roles.None);
        using var stop = cancellationToken.Register(app.Services.GetRequiredService<ProgramEnd>().Begin);
        StartUp.Validate(app.Services);
        if (prepares)
        {
            await StartUp.PrepareAsync(app.Services, isServer: false, cancellationToken);
        }
        else
        {
            await app.Services.GetRequiredService<Database>().StartAsync(cancellationToken);
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
            return await verb(app.Services, cancellationToken);
        }
        finally
        {
            await app.StopAsync(CancellationToken.None);
        }
    }
}
