using System.Collections.Concurrent;
using Microsoft.Extensions.DependencyInjection;
using TokenRefresh.Jobs.TokenCache;
using TokenRefresh.Server.Access;
using TokenRefresh.Tests.Fixtures;
using TokenRefresh.Tests.Server.Api;
using TokenRefresh.Tests.Server.Pages;

namespace TokenRefresh.Tests.Server;

/// <summary>
/// One server for the tests of a class that only read, or whose every change is refused or is about something of their own. It is started when the first of them asks.
/// A test that changes what others see has a server of its own.
/// </summary>
public class SharedServer : IAsyncDisposable
{
    private readonly Lazy<Task<RunningServer>> server;
    private readonly ConcurrentDictionary<Role, Lazy<Task>> people = new();
    private int programs;

    public SharedServer(PostgresFixture postgres) => server = new(() => StartAsync(postgres));

    /// <summary>The server, whose token is obtained.</summary>
    internal Task<RunningServer> Server => server.Value;

    /// <summary>The panel in a browser of its own, signed in by a person who is called as their role, or by no one.</summary>
    internal async Task<Panel> OpenAsync(Role? role = null)
    {
        var panel = Panel.At(await Server);
        if (role is { } known)
        {
            await people.GetOrAdd(known, _ => new(() => panel.AddAsync(known.ToString(), known))).Value;
            await panel.EnterAsync(known.ToString());
        }

        return panel;
    }

    /// <summary>A program with a key of its own, for the tokens that the patterns name.</summary>
    internal async Task<ApiProgram> ProgramAsync(string patterns) =>
        new(await Server, await ApiServer.KeyAsync(await Server, $"program-{Interlocked.Increment(ref programs)}", patterns));

    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        if (server.IsValueCreated)
        {
            await (await server.Value).DisposeAsync();
        }
    }

    /// <summary>Starts the server that the class wants; the usual one has one token.</summary>
    private protected virtual async Task<RunningServer> StartAsync(PostgresFixture postgres)
    {
        var started = await RunningServer.StartAsync(postgres);
        await started.ObtainedAsync("jibit");
        await started.Services.GetRequiredService<TokenChangeListener>().ReloadAllAsync(CancellationToken.None);
        return started;
    }
}
