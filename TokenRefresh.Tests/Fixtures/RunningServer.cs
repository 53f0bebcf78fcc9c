using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using TokenRefresh.Jobs.Attempts;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Scheduling;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;
using TokenRefresh.Server.Hosting;

namespace TokenRefresh.Tests.Fixtures;

/// <summary>The real program in this process: Kestrel, Hangfire and Postgres, with a modelled provider unless the sandbox is asked for.</summary>
internal sealed class RunningServer : IAsyncDisposable
{
    private readonly DirectoryInfo data = Directory.CreateTempSubdirectory("tokenrefresh-data-");

    private readonly Func<Task> forget;

    private RunningServer(WebApplication app, ModelProvider provider, Func<Task> forget) => (App, Provider, this.forget) = (app, provider, forget);

    public WebApplication App { get; private set; }

    public ModelProvider Provider { get; }

    public IServiceProvider Services => App.Services;

    public HttpClient Http => field ??= new HttpClient(new HttpClientHandler { AllowAutoRedirect = false }) { BaseAddress = new(App.Urls.First()) };

    public RefreshQueue Queue => Services.GetRequiredService<RefreshQueue>();

    /// <summary>Starts a server on a database of its own, or on a given one, with quick retries and the due check out of the way.</summary>
    public static async Task<RunningServer> StartAsync(PostgresFixture postgres, string? connectionString = null, ModelProvider? provider = null, bool withSandbox = false, TimeProvider? clock = null, params (string Key, string Value)[] settings)
    {
        provider ??= new ModelProvider();
        var database = connectionString ?? await postgres.CreateMigratedDatabaseAsync();
        var server = new RunningServer(null!, provider, () => connectionString is null ? postgres.DropDatabaseAsync(database) : Task.CompletedTask);
        var pairs = new Dictionary<string, string?>(StringComparer.OrdinalIgnoreCase)
        {
            ["environment"] = "Development",
            ["urls"] = "http://127.0.0.1:0",
            ["ConnectionStrings:TokenRefresh"] = database,
            ["Data:Directory"] = server.data.FullName,
            ["Encryption:MasterKey"] = Convert.ToBase64String(new byte[MasterKey.Length]),
            ["TokenRefresh:Schedule:Backoff"] = "00:00:01",
            ["TokenRefresh:Schedule:DueCheckCron"] = "0 0 1 1 *",

            // Each looks for jobs ten times a second, by a connection of its own.
            ["TokenRefresh:Queue:Workers"] = "2",
            ["Logging:LogLevel:Default"] = "Warning",
            ["Logging:LogLevel:Microsoft.Hosting.Lifetime"] = "None",
        };
        foreach (var (key, value) in settings)
        {
            pairs[key] = value;
        }

        server.App = ServerHost.Build(pairs, Roles.All, builder =>
        {
            builder.Services.Replace(ServiceDescriptor.Singleton(clock ?? TimeProvider.System));

            // Hangfire wakes one worker of the process for a new job, which may be another server's: ours has to look by itself, and soon.
            builder.Services.Replace(ServiceDescriptor.Singleton(new JobPolling(TimeSpan.FromMilliseconds(100), TimeSpan.FromMilliseconds(250))));

            // A password is hashed a hundred thousand times so that a stolen hash is of no use; here nobody steals one.
            builder.Services.Configure<PasswordHasherOptions>(hasher => hasher.IterationCount = 1);
            if (!withSandbox)
            {
                builder.Services.Replace(ServiceDescriptor.Singleton<ITokenProviders>(provider));
                builder.Services.Replace(ServiceDescriptor.Singleton(new TokenNames([.. provider.TokenNames])));
                builder.Services.PostConfigureAll<TokenSettings>(token => (token.Provider, token.Scopes) = (provider.Name, ""));
                foreach (var name in provider.ImportedNames)
                {
                    builder.Services.PostConfigure<TokenSettings>(name, token => token.Grant = Grant.Imported);
                }
            }
        });
        await StartUp.PrepareAsync(server.Services, isServer: true, CancellationToken.None);
        await server.App.StartAsync();
        return server;
    }

    public async Task<List<RefreshAttempt>> LogAsync()
    {
        await using var db = await Services.GetRequiredService<IDbContextFactory<TokenRefreshDbContext>>().CreateDbContextAsync();
        return await db.Attempts.AsNoTracking().OrderBy(row => row.Id).ToListAsync();
    }

    public async Task ExecuteAsync(string sql)
    {
        await using var db = await Services.GetRequiredService<IDbContextFactory<TokenRefreshDbContext>>().CreateDbContextAsync();
        await db.Database.ExecuteSqlRawAsync(sql);
    }

    public async Task<Token> TokenAsync(string name = "jibit")
    {
        await using var db = await Services.GetRequiredService<IDbContextFactory<TokenRefreshDbContext>>().CreateDbContextAsync();
        return await db.Tokens.AsNoTracking().SingleAsync(token => token.Name == name);
    }

    /// <summary>Waits until each of these tokens has been obtained.</summary>
    public async Task ObtainedAsync(params string[] names)
    {
        foreach (var name in names)
        {
            await UntilAsync(async () => (await TokenAsync(name)).Version > 0, $"{name} is obtained");
        }
    }

    /// <summary>Looks until it holds. Hangfire runs on real time, so what it does can only be waited for; its own recovery from an error takes up to a minute.</summary>
    public static async Task UntilAsync(Func<Task<bool>> holds, string what, int seconds = 150)
    {
        for (var since = TimeProvider.System.GetTimestamp(); !await holds();)
        {
            if (TimeProvider.System.GetElapsedTime(since) > TimeSpan.FromSeconds(seconds))
            {
                throw new TimeoutException($"Not within {seconds} s: {what}");
            }

            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await App.StopAsync();
        await App.DisposeAsync();
        await forget();
        data.Delete(recursive: true);
    }
}
