using BenchmarkDotNet.Attributes;
using TokenRefresh.Jobs;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Refreshing;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Jobs.Vending;
using TokenRefresh.Providers;

namespace TokenRefresh.Bench;

/// <summary>What a read costs a program that shares the server's process. Needs BENCH_DATABASE, a connection string to an empty database.</summary>
[MemoryDiagnoser]
public class VaultReads
{
    private TokenVault vault = null!;

    [GlobalSetup]
    public async Task Prepare()
    {
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
            .AddSingleton(Npgsql.NpgsqlDataSource.Create(Environment.GetEnvironmentVariable("BENCH_DATABASE") ?? throw new InvalidOperationException("Set BENCH_DATABASE.")))
            .AddTokenProviders(configuration)
            .AddTokenRefresh(configuration)
            .BuildServiceProvider();
        await services.GetRequiredService<DatabasePreparation>().RunAsync(marksStrays: true, CancellationToken.None);
        await services.GetRequiredService<TokenControls>().ImportAsync(
            "jibit", new("eyJhbGciOiJIUzUxMiJ9." + new string('a', 200) + ".sig", null, TimeProvider.System.GetUtcNow().AddDays(1)), "bench", CancellationToken.None);
        vault = services.GetRequiredService<TokenVault>();
        await vault.ReloadAsync(CancellationToken.None);
    }

    [Benchmark]
    public string? Read() => vault.ReadAsync("jibit", TimeSpan.Zero, CancellationToken.None).Result?.Entry?.AccessToken;
}
