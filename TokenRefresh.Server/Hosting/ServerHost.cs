using System.Net;
using Microsoft.Extensions.Configuration.EnvironmentVariables;
using Microsoft.Extensions.Logging.Console;
using Microsoft.Extensions.Options;
using TokenRefresh.Jobs;
using TokenRefresh.Jobs.Health;
using TokenRefresh.Jobs.Alerts.Delivery;
using TokenRefresh.Jobs.Catalog;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Refreshing;
using TokenRefresh.Providers;
using TokenRefresh.Providers.Settings;
using TokenRefresh.Server.Access;
using TokenRefresh.Server.Api;
using TokenRefresh.Server.Pages;
using TokenRefresh.Server.Sandbox;

namespace TokenRefresh.Server.Hosting;

/// <summary>Puts the program together, for the server and for verbs alike.</summary>
internal static class ServerHost
{
    /// <summary>Where the panel listens when nothing else is said.</summary>
    private const string DefaultUrl = "http://localhost:5080";

    /// <summary>For a process that must listen (the sandbox runs in it) but serves no clients.</summary>
    private const string PrivateUrl = "http://127.0.0.1:0";

    /// <summary>Composes a host; nothing is started, read or written yet.</summary>
    /// <param name="settings">Settings of the command line, which win over all others.</param>
    /// <param name="shape">Further registrations, for tests.</param>
    public static WebApplication Build(IReadOnlyDictionary<string, string?> settings, Roles roles, Action<WebApplicationBuilder>? shape = null)
    {
        var builder = CreateBuilder(settings, roles);
        builder.Services.AddSingleton(SharedSettings.Of(builder.Configuration, builder.Environment));
        builder.Services.AddSingleton<SettingsComparison>().AddSingleton<IDiagnosisSource, OlderSettings>();
        var sandbox = AddSandboxSettings(builder);
        builder.WebHost.UseKestrel(kestrel => kestrel.AddServerHeader = false).UseUrls(Urls(builder.Configuration, roles));
        builder.Host.UseDefaultServiceProvider(provider => provider.ValidateScopes = provider.ValidateOnBuild = true);
        AddLogging(builder, roles);

        var services = builder.Services;
        services.AddSettings<DataOptions>(DataOptions.Section)
            .AddSettings<EncryptionOptions>(EncryptionOptions.Section)
            .AddSettings<SandboxOptions>(SandboxOptions.Section)
            .AddSettings<ConnectionOptions>(ConnectionOptions.Section, null, SettingsRegistration.AnyKey)
            .AddSingleton<IValidateOptions<EncryptionOptions>, ProductionRules>()
            .AddSingleton<IValidateOptions<SandboxOptions>, ProductionRules>();
        SectionNames.Check(services);
        services.AddSingleton(new FirstUseChoice(FirstUse.Makes));
        AllowedHosts.Check(services);
        services.AddSingleton<Database>();
        services.AddSingleton(provider => provider.GetRequiredService<Database>().CreateSource());
        services.AddSingleton(provider => new TablesSchema(provider.GetRequiredService<Database>().Schema));
        services.AddSingleton(provider => MasterKeyFile.Load(
            provider.GetRequiredService<IOptions<EncryptionOptions>>().Value, provider.GetRequiredService<IOptions<DataOptions>>().Value, provider.GetRequiredService<FirstUseChoice>().Value));
        services.AddSingleton(provider => new UnsavedFolder(
            Path.Combine(provider.GetRequiredService<IOptions<DataOptions>>().Value.Directory, "unsaved")));
        services.AddSingleton(provider => new MailDropFolder(
            Path.Combine(provider.GetRequiredService<IOptions<DataOptions>>().Value.Directory, "mail")));
        services.AddSingleton(sandbox).AddSingleton(new StandIns(sandbox.Names));
        services.AddSingleton<Freshness>();

        services.AddTokenProviders(builder.Configuration);
        services.AddTokenRefresh(builder.Configuration).AddSingleton(PanelPaths.ForMessages);
        services.AddHangfireOnPostgres(roles);
        services.AddOperators();
        if (roles != Roles.None)
        {
            services.AddTelemetry(builder.Configuration);
            services.AddHostedService<TokenCacheService>();
            services.AddHostedService<AlertWatch>();
            services.AddHostedService<SettingsWatch>();
        }

        if (roles.HasFlag(Roles.Web))
        {
            services.AddApi();
            services.AddPanel(builder.Configuration, builder.Environment.IsDevelopment());
        }

        if (roles.HasFlag(Roles.Worker))
        {
            services.AddHostedService<RecurringJobInstaller>();
            services.AddHostedService<LogCounter>();
        }

        shape?.Invoke(builder);
        var app = builder.Build();
        app.Lifetime.ApplicationStopping.Register(app.Services.GetRequiredService<ShutdownSignal>().Begin);
        app.UseNoStore();
        app.MapHealth();
        if (roles != Roles.None)
        {
            app.MapMetrics();
        }

        if (roles.HasFlag(Roles.Web))
        {
            app.UseMiddleware<PathPrefix>();
            app.UseRouting();

            // Each part tells its own errors; there is none that no part tells.
            app.UseExceptionHandler(new ExceptionHandlerOptions { ExceptionHandler = _ => Task.CompletedTask });
            app.UsePanel();
            app.UseApi();
            app.MapApi();
            app.MapPanel();
            app.MapOpenApi("/openapi/{documentName}.json");
        }

        if (sandbox.IsEnabled)
        {
            app.MapSandbox();
        }

        if (!roles.HasFlag(Roles.Web))
        {
            app.UseStrangers();
        }

        return app;
    }

    private static WebApplicationBuilder CreateBuilder(IReadOnlyDictionary<string, string?> settings, Roles roles)
    {
        var (envFile, warnings) = EnvFile.Read(HostPaths.Current.EnvFiles);
        var builder = WebApplication.CreateBuilder(new WebApplicationOptions
        {
            // The pages are this program's, whichever program it runs in.
            ApplicationName = typeof(ServerHost).Assembly.GetName().Name,
            ContentRootPath = AppContext.BaseDirectory,

            // Settings are read once, at the start; a watch on their files would be one of the few that Linux gives a user.
            Args = ["--hostBuilder:reloadConfigOnChange=false"],
            EnvironmentName = new[] { settings.GetValueOrDefault("environment"), Variable("ASPNETCORE_ENVIRONMENT"), Variable("DOTNET_ENVIRONMENT") }
                .FirstOrDefault(name => !string.IsNullOrEmpty(name)) ?? HostPaths.Current.DefaultEnvironment,
        });

        // Later wins: appsettings, .env, environment, command line.
        var sources = builder.Configuration.Sources;
        var environment = sources.OfType<EnvironmentVariablesConfigurationSource>().LastOrDefault(source => string.IsNullOrEmpty(source.Prefix));
        var at = environment is null ? sources.Count : sources.IndexOf(environment);
        if (environment is not null)
        {
            sources[at] = new IndexedEnvironment();
        }

        sources.Insert(at, new IndexedSettings(EnvFile.FromEnvironment(), "environment"));
        sources.Insert(at, new IndexedSettings(envFile, ".env"));
        if (roles == Roles.None)
        {
            // A verb has its own words for what it did; only what went wrong is worth a line beside them, unless a person asks for more.
            sources.Insert(at, new IndexedSettings(new Dictionary<string, string?> { ["Logging:LogLevel:Default"] = "Warning" }, "verb"));
        }

        ((IConfigurationBuilder)builder.Configuration).Add(new IndexedSettings(settings, "command line"));
        builder.Services.AddSingleton(new EnvSettings(envFile, warnings));
        return builder;

        string? Variable(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : envFile.GetValueOrDefault(name);
    }

    /// <summary>With the sandbox on, it stands in for every provider that has no credentials of its own.</summary>
    private static SandboxedProviders AddSandboxSettings(WebApplicationBuilder builder)
    {
        // Read before the options exist; a value that is neither true nor false is refused by their validation.
        var isEnabled = builder.Configuration[$"{SandboxOptions.Section}:{nameof(SandboxOptions.Enabled)}"] is { Length: > 0 } text
            ? bool.TryParse(text, out var value) && value && !builder.Environment.IsProduction()
            : builder.Environment.IsDevelopment();
        if (!isEnabled)
        {
            return new(false, []);
        }

        var sandbox = SandboxSettings.For(builder.Configuration);
        // Last, because they replace nothing but blanks, as a copied .env.example leaves them.
        ((IConfigurationBuilder)builder.Configuration).Add(new IndexedSettings(sandbox.Values, "sandbox"));
        builder.Services.AddSandbox();
        return new(true, sandbox.Providers);
    }

    /// <exception cref="OptionsValidationException">One of them is no address to listen on.</exception>
    private static string[] Urls(ConfigurationManager configuration, Roles roles)
    {
        if (roles == Roles.None || configuration["urls"] is not { Length: > 0 } text)
        {
            return [roles.HasFlag(Roles.Web) ? DefaultUrl : PrivateUrl];
        }

        var urls = text.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        return urls.Length > 0 && Array.TrueForAll(urls, IsUrl)
            ? urls
            : throw new OptionsValidationException("urls", typeof(string), [$"urls = '{text}' is not allowed: addresses such as {DefaultUrl}, separated by semicolons."]);
    }

    // A host may be '*', so this is no URI.
    private static bool IsUrl(string url)
    {
        try
        {
            return BindingAddress.Parse(url) is { Scheme: "http" or "https", Port: >= 0 and <= IPEndPoint.MaxPort };
        }
        catch (FormatException)
        {
            return false;
        }
    }

    private static void AddLogging(WebApplicationBuilder builder, Roles roles)
    {
        builder.Logging.ClearProviders();
        builder.Logging.AddConsole(console => console.FormatterName = LineFormatter.FormatterName).AddConsoleFormatter<LineFormatter, ConsoleFormatterOptions>();
        if (roles == Roles.None)
        {
            // A verb's results are on stdout; what it has to say besides goes to stderr.
            builder.Services.Configure<ConsoleLoggerOptions>(console => console.LogToStandardErrorThreshold = LogLevel.Trace);
        }
    }
}

/// <summary>Whether the sandbox is on, and for which providers it stands in.</summary>
internal sealed record SandboxedProviders(bool IsEnabled, IReadOnlyList<string> Names);
