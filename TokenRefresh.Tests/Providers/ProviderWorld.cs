using System.Text;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using TokenRefresh.Providers;

namespace TokenRefresh.Tests.Providers;

/// <summary>The room's own registration, on a clock that tests move and, unless a test wants sockets, over <see cref="StubHttp"/>.</summary>
internal sealed class ProviderWorld : IDisposable
{
    public const string ApiKey = "planted-api-key", SecretKey = "planted-secret-key", ClientId = "demo-app", ClientSecret = "demo-secret-0001", NationalId = "0099999988";

    public static readonly DateTimeOffset Now = new(2024, 9, 5, 5, 15, 40, TimeSpan.Zero);

    private static readonly Dictionary<string, string?> Credentials = new()
    {
        ["Providers:Jibit:ApiKey"] = ApiKey,
        ["Providers:Jibit:SecretKey"] = SecretKey,
        ["Providers:Finnotech:ClientId"] = ClientId,
        ["Providers:Finnotech:ClientSecret"] = ClientSecret,
        ["Providers:Finnotech:NationalId"] = NationalId,
    };

    private readonly ServiceProvider services;

    public ProviderWorld(params (string Key, string? Value)[] settings)
        : this(true, Now, settings)
    {
    }

    public ProviderWorld(DateTimeOffset now)
        : this(true, now, [])
    {
    }

    private ProviderWorld(bool stubbed, DateTimeOffset now, (string Key, string? Value)[] settings)
    {
        Clock = new(now);
        var values = stubbed || settings.Length > 0 ? new Dictionary<string, string?>(Credentials) : [];
        foreach (var (key, value) in settings)
        {
            values[key] = value;
        }

        var configuration = new ConfigurationBuilder().AddInMemoryCollection(values).Build();
        var collection = new ServiceCollection()
            .AddSingleton<IConfiguration>(configuration)
            .AddSingleton<TimeProvider>(Clock)
            .AddLogging(logging => logging.SetMinimumLevel(LogLevel.Trace).AddProvider(Log))
            .AddTokenProviders(configuration);
        if (stubbed)
        {
            collection.ConfigureAll<Microsoft.Extensions.Http.HttpClientFactoryOptions>(
                client => client.HttpMessageHandlerBuilderActions.Add(builder => builder.PrimaryHandler = Http));
        }

        services = collection.BuildServiceProvider(new ServiceProviderOptions { ValidateOnBuild = true, ValidateScopes = true });
    }

    public FakeTimeProvider Clock { get; }

    public StubHttp Http { get; } = new();

    public WrittenLog Log { get; } = new();

    public ITokenProviders Providers => services.GetRequiredService<ITokenProviders>();

    public ITokenProvider Jibit => Providers.Find("jibit")!;

    public ITokenProvider Finnotech => Providers.Find("finnotech")!;

    /// <summary>Without a stub: requests go through the room's own sockets.</summary>
    public static ProviderWorld OnSockets(params (string Key, string? Value)[] settings) => new(false, Now, settings);

    /// <summary>Nothing set at all.</summary>
    public static ProviderWorld Unconfigured() => new(false, Now, []);

    /// <summary>What a host checks when it starts.</summary>
    public void Validate() => services.GetRequiredService<IStartupValidator>().Validate();

    public void Dispose() => services.Dispose();

    public static TokenOrder Order(string name = "jibit", string scopes = "", Grant grant = Grant.ClientCredentials, params (string Key, string Value)[] parameters) =>
        new(name, scopes.Split(',', StringSplitOptions.RemoveEmptyEntries), grant, parameters.ToDictionary(pair => pair.Key, pair => pair.Value));
}

/// <summary>Everything that was logged, as text.</summary>
internal sealed class WrittenLog : ILoggerProvider, ILogger
{
    private readonly StringBuilder written = new();

    public override string ToString()
    {
        lock (written)
        {
            return written.ToString();
        }
    }

    public ILogger CreateLogger(string categoryName) => this;

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        lock (written)
        {
            written.AppendLine(formatter(state, exception)).AppendLine(exception?.ToString());
            foreach (var (key, value) in state as IEnumerable<KeyValuePair<string, object?>> ?? [])
            {
                written.Append(key).Append('=').Append(value).AppendLine();
            }
        }
    }

    public void Dispose()
    {
    }
}
