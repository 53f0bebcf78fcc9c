using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using TokenRefresh.Jobs.Alerts;
using TokenRefresh.Jobs.Alerts.Delivery;
using TokenRefresh.Jobs.Health;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Jobs.Alerts;

/// <summary>A world whose rounds and deliveries a test calls as the timetable would, and whose mails go to a mail server of its own.</summary>
internal sealed class AlertWorld : IAsyncDisposable
{
    public const string Ops = "ops@example.com";

    private AlertWorld(TokenWorld tokens, SmtpStub smtp) => (Tokens, Smtp) = (tokens, smtp);

    public TokenWorld Tokens { get; }

    public SmtpStub Smtp { get; }

    public ModelProvider Provider => Tokens.Provider;

    /// <summary>The signs of life that the rounds see: all is well, unless a test says otherwise.</summary>
    public Func<DateTimeOffset, SystemStatus> SystemStatus { get; set; } = now => new(now, TimeSpan.FromMinutes(1), 5, null);

    /// <summary>A world with the given tokens, all fresh.</summary>
    public static async Task<AlertWorld> CreateAsync(PostgresFixture postgres, string[] tokens, params (string Key, string Value)[] settings)
    {
        var smtp = new SmtpStub();
        (string, string)[] all =
        [
            ("Email:Host", "127.0.0.1"), ("Email:Port", $"{smtp.Port}"), ("Email:Security", "None"), ("TokenRefresh:Notifications:Email", Ops),
            .. tokens.Select(token => ($"Tokens:{token}:Provider", "jibit")), .. settings,
        ];
        var world = new AlertWorld(await TokenWorld.CreateAsync(postgres, all.GroupBy(pair => pair.Item1).Select(pair => pair.Last()).ToArray()), smtp);
        foreach (var token in tokens)
        {
            await world.Tokens.RefreshAsync(RefreshTrigger.Due, token);
        }

        return world;
    }

    /// <summary>A job's four runs against a provider that fails, a minute apart.</summary>
    public async Task FailAsync(FailureKind kind, params string[] tokens)
    {
        Provider.Before = ModelProvider.Failing(kind);
        for (var run = 1; run <= 4; run++)
        {
            foreach (var token in tokens)
            {
                await Tokens.RefreshAsync(RefreshTrigger.Forced, token, request => request with { JobId = $"job-of-{token}", Attempt = run, RetriesLeft = 4 - run });
            }

            if (!kind.IsRetryable())
            {
                break;
            }

            Tokens.Clock.Advance(TimeSpan.FromMinutes(run < 4 ? 1 : 0));
        }

        Provider.Before = (_, _) => Task.FromResult<ProviderResult?>(null);
    }

    public async Task SucceedAsync(params string[] tokens)
    {
        foreach (var token in tokens)
        {
            await Tokens.RefreshAsync(RefreshTrigger.Forced, token);
        }
    }

    /// <summary>One tick of the timetable: a round, and the delivery of what is due.</summary>
    public async Task TickAsync(IServiceProvider? node = null)
    {
        node ??= Tokens.Node;
        await node.GetRequiredService<AlertEvaluation>().RunAsync(SystemStatus(Tokens.Clock.GetUtcNow()), CancellationToken.None);
        await node.GetRequiredService<Outbox>().DeliverAsync(CancellationToken.None);
    }

    /// <summary>Ticks each 30 seconds of virtual time.</summary>
    public async Task PassAsync(TimeSpan span, TimeSpan? step = null)
    {
        for (var end = Tokens.Clock.GetUtcNow() + span; Tokens.Clock.GetUtcNow() < end;)
        {
            Tokens.Clock.Advance(step ?? TimeSpan.FromSeconds(30));
            await TickAsync();
        }
    }

    public async Task<List<Incident>> IncidentsAsync()
    {
        await using var db = await Tokens.ContextAsync();
        return await db.Incidents.AsNoTracking().OrderBy(incident => incident.Id).ToListAsync();
    }

    public async Task<List<Notification>> OutboxAsync()
    {
        await using var db = await Tokens.ContextAsync();
        return await db.Notifications.AsNoTracking().OrderBy(row => row.Id).ToListAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await Smtp.DisposeAsync();
        await Tokens.DisposeAsync();
    }
}
