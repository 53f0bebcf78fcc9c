using BenchmarkDotNet.Attributes;
using Hangfire;
using Hangfire.PostgreSql;
using Hangfire.PostgreSql.Factories;
using Microsoft.Extensions.Logging.Abstractions;
using TokenRefresh.Jobs;
using TokenRefresh.Jobs.Administration;
using TokenRefresh.Jobs.Alerts;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Refreshing;
using TokenRefresh.Jobs.TokenCache;
using TokenRefresh.Providers;
using TokenRefresh.Server.Hosting.Postgres;

namespace TokenRefresh.Bench;

/// <summary>What a read costs a program that shares the server's process, on a Postgres that it brings up.</summary>
[MemoryDiagnoser]
public class VaultReads
{
    private readonly DirectoryInfo data = Directory.CreateTempSubdirectory("tokenrefresh-bench-");
    private EmbeddedPostgres postgres = null!;
    private TokenCache vault = null!;

    [GlobalSetup]
    public async Task Prepare()
    {
        postgres = await EmbeddedPostgres.StartAsync(new(data.FullName, null), NullLogger.Instance, TimeProvider.System, CancellationToken.None);
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["Tokens:jibit:Provider"] = "jibit",
            ["Providers:Jibit:ApiKey"] = "key",
            ["Providers:Jibit:SecretKey"] = "secret",
        }).Build();
        var services = new ServiceCollection()
            .AddSingleton<IConfiguration>(configuration)
            .AddLogging()
            .AddSingleton(new MasterKey(new byte[MasterKey.Length]))
            .AddSingleton(new UnsavedFolder(Path.GetTempPath()))
            .AddSingleton(Npgsql.NpgsqlDataSource.Create(postgres.ConnectionString))
            .AddSingleton<IBackgroundJobClient>(new BackgroundJobClient(new PostgreSqlStorage(new NpgsqlConnectionFactory(postgres.ConnectionString, new()))))
            .AddTokenProviders(configuration)
            .AddTokenRefresh(configuration).AddSingleton(new PanelPages("", "", "", ""))
            .BuildServiceProvider();
        await services.GetRequiredService<DatabasePreparation>().RunAsync(marksStrays: true, CancellationToken.None);
        await services.GetRequiredService<TokenControls>().ImportAsync(
            "jibit", new("eyJhbGciOiJIUzUxMiJ9." + new string('a', 200) + ".sig", null, TimeProvider.System.GetUtcNow().AddDays(1)), "bench", CancellationToken.None);
        vault = services.GetRequiredService<TokenCache>();
        await vault.ReloadAsync(CancellationToken.None);
    }

    [GlobalCleanup]
    public async Task CleanUp()
    {
        await postgres.DisposeAsync();
        data.Delete(recursive: true);
    }

    [Benchmark]
    public string? Read() => vault.ReadAsync("jibit", TimeSpan.Zero, CancellationToken.None).Result?.Entry?.AccessToken;
}
