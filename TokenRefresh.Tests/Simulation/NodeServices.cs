using Hangfire;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using TokenRefresh.Jobs;
using TokenRefresh.Jobs.Alerts.Delivery;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Refreshing;
using TokenRefresh.Providers;
using TokenRefresh.Server.Pages;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Simulation;

/// <summary>The tokens and providers of one run.</summary>
internal sealed record SimPlan(IReadOnlyList<SimToken> Tokens, IReadOnlyList<(string Name, ProviderTraits Traits)> Providers);

internal sealed record SimToken(string Name, string Provider, Grant Grant);

/// <summary>Composes the product as the host does, with the outside replaced by models.</summary>
internal static class NodeServices
{
    public const string Ops = "ops@example.com";

    private static readonly byte[] Key = [.. Enumerable.Range(0, MasterKey.Length).Select(number => (byte)number)];

    /// <summary>The parts of a node, each of its statements behind a gate.</summary>
    public static ServiceProvider Of(SimWorld world, SimNode node)
    {
        var services = Parts(world.Database, world.Plan, node.Clock, node.Name, world.FolderOf(node));
        services.AddSingleton<ITokenProviders>(new NodeProviders(world, node));
        services.AddSingleton<IBackgroundJobClient>(new NodeJobs(world, node));
        services.AddSingleton<IEmailSender>(world.Laws.Sender(world, node) ?? new NodeMail(world, node));
        services.AddLogging(logging => logging.AddFilter("Microsoft", LogLevel.Warning).SetMinimumLevel(LogLevel.Trace).AddProvider(new SecretWatch(world)));
        services.ConfigureDbContext<TokenRefreshDbContext>(options => options.AddInterceptors(new DatabaseGate(world, node)));
        world.Laws.Replace(services);
        return services.BuildServiceProvider();
    }

    /// <summary>The same parts without gates and faults, to prepare and to look.</summary>
    public static ServiceProvider Plain(SimDatabase database, SimPlan plan)
    {
        var services = Parts(database, plan, TimeProvider.System, "observer", Path.GetTempPath());
        services.AddSingleton<ITokenProviders>(new PlainProviders([.. plan.Providers.Select(provider => (ITokenProvider)new ModelProvider { Name = provider.Name })]));
        services.AddSingleton<IBackgroundJobClient>(new TokenWorld.RecordedJobs());
        return services.AddLogging().BuildServiceProvider();
    }

    private static ServiceCollection Parts(SimDatabase database, SimPlan plan, TimeProvider clock, string name, string folder)
    {
        var settings = plan.Tokens
            .SelectMany(token => new[] { ($"Tokens:{token.Name}:Provider", token.Provider), ($"Tokens:{token.Name}:Grant", token.Grant.ToString()) })
            .Append(("TokenRefresh:Notifications:Email", Ops))
            .ToDictionary(pair => pair.Item1, pair => (string?)pair.Item2);
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(settings).Build();
        var services = new ServiceCollection();
        services.AddSingleton<IConfiguration>(configuration);
        services.AddSingleton(clock);
        services.AddSingleton(new NodeName(name));
        services.AddSingleton(new MasterKey(Key));
        services.AddSingleton(new UnsavedFolder(folder));
        services.AddSingleton(new MailDropFolder(folder));
        services.AddSingleton(database.Source);
        services.AddTokenRefresh(configuration).AddSingleton(PanelPaths.ForMessages);

        // That the database takes no writes is only said by a gate: ending real sessions for it would take most of a run's time.
        services.AddSingleton(new DatabaseSessions(database.Unused));
        return services;
    }

    private sealed record PlainProviders(IReadOnlyList<ITokenProvider> All) : ITokenProviders
    {
        public ITokenProvider? Find(string name) => All.FirstOrDefault(provider => provider.Name == name);
    }

    /// <summary>Looks for planted secrets in every line that is logged.</summary>
    private sealed class SecretWatch(SimWorld world) : ILoggerProvider, ILogger
    {
        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            var message = formatter(state, exception);
            var line = $"{message} {exception}";
            if (eventId.Id is > 1000 and < 10_000)
            {
                world.FlashMessage(message);
            }

            if (line.Contains(SimWorld.Secret, StringComparison.Ordinal))
            {
                world.Broken($"I8: a secret was logged: {line}");
            }
        }

        public void Dispose()
        {
        }
    }
}
