using Microsoft.AspNetCore.DataProtection;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Migrations;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Npgsql;
using TokenRefresh.Jobs.Administration;
using TokenRefresh.Jobs.Alerts;
using TokenRefresh.Jobs.Alerts.Delivery;
using TokenRefresh.Jobs.Attempts;
using TokenRefresh.Jobs.Catalog;
using TokenRefresh.Jobs.Health;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Refreshing;
using TokenRefresh.Jobs.Scheduling;
using TokenRefresh.Jobs.Telemetry;
using TokenRefresh.Jobs.TokenCache;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;
using TokenRefresh.Providers.OAuth2;
using TokenRefresh.Providers.Settings;

namespace TokenRefresh.Jobs;

/// <summary>The parts of this project. The host brings the database (<see cref="NpgsqlDataSource"/>), the master key, the providers and Hangfire.</summary>
public static class JobsRegistration
{
    /// <summary>Adds tokens, the door, the log and the timetable.</summary>
    public static IServiceCollection AddTokenRefresh(this IServiceCollection services, IConfiguration configuration)
    {
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton(NodeName.Current);
        return services.AddSettings(configuration).AddPersistence().AddCatalog().AddTokens().AddRefreshing().AddScheduling().AddVending().AddAlerts();
    }

    private static IServiceCollection AddSettings(this IServiceCollection services, IConfiguration configuration)
    {
        string[] sections =
        [
            RenewalOptions.Section, NotificationOptions.Section, HealthOptions.Section, ScheduleOptions.Section, BackupOptions.Section, LogOptions.Section, QueueOptions.Section,
            PerformanceOptions.Section, HttpOptions.Section, ObjectiveOptions.Section,
        ];
        services
            .AddSettings<SectionsAlone>(SectionsAlone.Section, null, [.. sections.Select(section => section[(SectionsAlone.Section.Length + 1)..])])
            .AddSettings<RenewalOptions>(RenewalOptions.Section)
            .AddSettings<CriticalOptions>(CriticalOptions.Section, null, SettingsRegistration.AnyKey)
            .AddSettings<NotificationOptions>(NotificationOptions.Section, null, nameof(CriticalOptions.CriticalThreshold))
            .AddSettings<HealthOptions>(HealthOptions.Section)
            .AddSettings<ObjectiveOptions>(ObjectiveOptions.Section)
            .AddSettings<EmailOptions>(EmailOptions.Section)
            .AddSingleton<IValidateOptions<NotificationOptions>, WebhookRules>()
            .AddSettings<ScheduleOptions>(ScheduleOptions.Section)
            .AddSettings<BackupOptions>(BackupOptions.Section)
            .AddSettings<LogOptions>(LogOptions.Section)
            .AddSettings<QueueOptions>(QueueOptions.Section)
            .AddSettings<PerformanceOptions>(PerformanceOptions.Section);

        var names = configuration.GetSection(TokenSettings.Section).GetChildren().Select(token => token.Key.ToLowerInvariant()).ToList();
        services.AddSingleton(new TokenNames(names)).AddSettingsOfEach<TokenSettings>(TokenSettings.Section, names);

        foreach (var provider in configuration.GetSection(ProviderOptions.Section).GetChildren().Select(provider => provider.Key))
        {
            services.AddSettings<ProviderRenewalOptions>($"{ProviderOptions.Section}:{provider}", provider.ToLowerInvariant(), SettingsRegistration.AnyKey);
        }

        return services.AddSingleton<IValidateOptions<TokenSettings>, TokenSettingsRules>();
    }

    /// <summary>The section of all sections of this room: it has no setting of its own, so a misspelt section is told.</summary>
    private sealed class SectionsAlone
    {
        public const string Section = "TokenRefresh";
    }

    private static IServiceCollection AddPersistence(this IServiceCollection services)
    {
        services.AddPooledDbContextFactory<TokenRefreshDbContext>((provider, options) => options
            .UseDatabase(provider, HistoryRepository.DefaultTableName)
            .AddInterceptors(provider.GetRequiredService<DatabaseContact>(), provider.GetRequiredService<DatabaseSessions>()));
        services.TryAddSingleton(TablesSchema.Usual);
        services.AddSingleton<DatabaseContact>();
        services.AddSingleton<DatabaseSessions>();
        services.AddSingleton<KeyRing>();
        services.AddSingleton<IChangeSubscriber>(provider => provider.GetRequiredService<KeyRing>());
        services.AddSingleton<ChangeFeed>();
        services.AddSingleton<IDataProtectionProvider>(provider => provider.GetRequiredService<KeyRing>());

        // What else in the process asks for Data Protection, such as its own warm-up, finds the same store and no other.
        services.AddSealingKeys();
        services.AddSingleton<KeyRotation>();
        services.AddMetrics();
        services.AddSingleton<TokenMetrics>();
        services.AddSingleton<StatusMetrics>();
        services.AddSingleton<SecretProtection>();
        services.AddSingleton<ClockDifferences>();
        services.AddSingleton<DatabaseClock>();
        services.AddSingleton<Heartbeats>();
        services.AddSingleton<DatabaseProbe>();
        return services.AddSingleton<DatabasePreparation>();
    }

    private static IServiceCollection AddCatalog(this IServiceCollection services)
    {
        services.TryAddSingleton<ManagedProviders>();
        services.TryAddSingleton<ProviderFactory>();
        services.TryAddSingleton(new StandIns([]));
        services.TryAddSingleton<IssuerDiscovery>();
        return services
            .AddSingleton<DeclaredSettings>()
            .AddSingleton<IDatabaseSeed, DeclaredProviders>()
            .AddSingleton<LiveCatalog>()
            .AddSingleton<IChangeSubscriber>(provider => provider.GetRequiredService<LiveCatalog>())
            .AddSingleton<Subjects>()
            .AddSingleton<ProviderChanges>()
            .AddSingleton<ProviderAdoption>()
            .AddSingleton<CatalogPlanner>()
            .AddSingleton<TokenDefinitionChanges>();
    }

    private static IServiceCollection AddTokens(this IServiceCollection services) => services
        .AddSingleton<ConfiguredTokens>()
        .AddSingleton<TokenFinder>()
        .AddSingleton<TokenVersions>()
        .AddSingleton<TokenControls>()
        .AddSingleton<TokenTotals>()
        .AddSingleton<TokenOverview>()
        .AddSingleton<TokenProbe>()
        .AddSingleton<AttemptHours>()
        .AddSingleton<MaskedSecrets>()
        .AddSingleton<TokenLifetimes>()
        .AddSingleton<AttemptLog>()
        .AddSingleton<LogCleanup>()
        .AddSingleton<IDatabaseSeed, DeclaredTokenRows>();

    private static IServiceCollection AddRefreshing(this IServiceCollection services) => services
        .AddSingleton<ProviderSlots>()
        .AddSingleton<RenewOrAcquire>()
        .AddSingleton<ShutdownSignal>()
        .AddSingleton<RefreshCommitter>()
        .AddSingleton<IRefreshWrites, RefreshWrites>()
        .AddSingleton<TokenStore>()
        .AddSingleton<UnsavedTokenSpool>()
        .AddSingleton<DatabaseReturn>()
        .AddSingleton<RestoredTokens>()
        .AddSingleton<TokenRefresher>();

    private static IServiceCollection AddVending(this IServiceCollection services) => services
        .AddSingleton<TokenCache.TokenCache>()
        .AddSingleton<ITokenWatcher>(provider => provider.GetRequiredService<TokenCache.TokenCache>())
        .AddSingleton<TokensByScope>()
        .AddSingleton<TokenChangeListener>()
        .AddSingleton<ReadCounters>()
        .AddSingleton<ClientReads>()
        .AddSingleton<IRetention>(provider => provider.GetRequiredService<ClientReads>())
        .AddSingleton<ClientKeys>()
        .AddSingleton<IChangeSubscriber>(provider => provider.GetRequiredService<ClientKeys>())
        .AddSingleton<IClientUse>(provider => provider.GetRequiredService<ClientKeys>())
        .AddSingleton<AuditTrail>();

    private static IServiceCollection AddAlerts(this IServiceCollection services)
    {
        services.AddOutgoingRequests().AddHttpClient(nameof(HeartbeatPinger)).ConfigurePrimaryHttpMessageHandler(() => new SocketsHttpHandler { AllowAutoRedirect = false });
        return services
            .AddSingleton(provider => new IncidentLinks(
                provider.GetRequiredService<MasterKey>(), provider.GetRequiredService<IOptions<NotificationOptions>>().Value.PanelUrl, provider.GetRequiredService<PanelPages>(),
                provider.GetRequiredService<TimeProvider>()))
            .AddSingleton<IEmailSender>(provider => provider.GetRequiredService<IOptions<EmailOptions>>().Value is { Host.Length: > 0 } smtp
                ? new SmtpEmailSender(smtp, provider.GetRequiredService<TimeProvider>())
                : new MailDrop(provider.GetRequiredService<MailDropFolder>(), provider.GetRequiredService<IOptions<EmailOptions>>().Value))
            .AddSingleton<WebhookSender>()
            .AddSingleton<Outbox>()
            .AddSingleton<IRetention, AlertRetention>()
            .AddSingleton<NotificationReadinessReader>()
            .AddSingleton<IDiagnosisSource>(provider => provider.GetRequiredService<NotificationReadinessReader>())
            .AddSingleton<NextCredentialsInUse>()
            .AddSingleton<IDiagnosisSource>(provider => provider.GetRequiredService<NextCredentialsInUse>())
            .AddSingleton<LiveServers>()
            .AddSingleton<SystemStatusReader>()
            .AddSingleton<DatabaseFigures>()
            .AddSingleton<FreshnessReader>()
            .AddSingleton<IRetention>(provider => provider.GetRequiredService<FreshnessReader>())
            .AddSingleton<DiagnosisBuilder>()
            .AddSingleton<DiagnosisReader>()
            .AddSingleton<AlertSignal>()
            .AddSingleton<NotificationComposer>()
            .AddSingleton<IncidentService>()
            .AddSingleton<TestMail>()
            .AddSingleton<AlertEvaluation>()
            .AddSingleton<DailySummary>()
            .AddSingleton<DatabaseOutage>()
            .AddSingleton<HeartbeatPinger>();
    }

    private static IServiceCollection AddScheduling(this IServiceCollection services) => services
        .AddSingleton<RefreshQueue>()
        .AddSingleton<BulkRuns>()
        .AddSingleton<IRetention>(provider => provider.GetRequiredService<BulkRuns>())
        .AddSingleton<IReminders, Reminders>()
        .AddSingleton<DueTokens>()
        .AddSingleton<QueueView>()
        .AddSingleton<RecurringJobPauses>()
        .AddSingleton<ScheduleOutlookReader>()
        .AddSingleton<RecurringJobs>()
        .AddTransient<RefreshTokensJob>()
        .AddTransient<AutomaticRefreshJob>()
        .AddTransient<DueRefreshJob>()
        .AddTransient<BackupRefreshJob>()
        .AddTransient<LogCleanupJob>()
        .AddSingleton<DeliveryQueue>()
        .AddTransient<TokenHealthCheckJob>()
        .AddTransient<DailySummaryJob>()
        .AddTransient<DeliverNotificationsJob>();
}
