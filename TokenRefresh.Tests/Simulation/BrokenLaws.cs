using System.Text.RegularExpressions;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using TokenRefresh.Jobs.Alerts;
using TokenRefresh.Jobs.Alerts.Delivery;
using TokenRefresh.Jobs.Attempts;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Refreshing;
using TokenRefresh.Jobs.TokenCache;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;

namespace TokenRefresh.Tests.Simulation;

/// <summary>The laws that are broken on purpose: by rewritten statements, replaced parts and changed answers, never by a switch in the product.</summary>
internal static partial class BrokenLaws
{
    public static readonly IReadOnlyList<BrokenLaw> All =
    [
        new("nobody takes a lease", "I4", 1)
        {
            Rewrite = sql => LeaseIsFree().Replace(sql, ""),
        },
        new("a lease runs out during the call", "I4", 1)
        {
            Rewrite = sql => sql.Contains("lease_until = clock_timestamp()", StringComparison.Ordinal)
                ? sql.Replace("lease_until = clock_timestamp() +", "lease_until = clock_timestamp() + interval '10 milliseconds' + 0 *", StringComparison.Ordinal)
                : sql,
        },
        new("a lease never runs out", "I5", 5)
        {
            Rewrite = sql => sql.Replace("lease_until < clock_timestamp()", "false", StringComparison.Ordinal),
        },
        new("after an outage nobody waits for those who hold an answer", "I4", 1)
        {
            Shape = SlowFailovers,
            Replace = services => services.AddSingleton(new DatabaseContact(new HastyClock())),
        },
        new("nobody notices that the database went back in time", "I1", 10)
        {
            Replace = services => services.AddTransient<TokenVersions>(),
        },
        new("what a database has lost that went back in time is not taken up again", "I4", 2)
        {
            Shape = SlowFailovers,
            Rewrite = sql => sql.Contains("SELECT EXISTS", StringComparison.Ordinal) && sql.Contains("started_at = @", StringComparison.Ordinal) ? "SELECT true" : sql,
        },
        new("a database that answers is called back, whether it takes writes or not", "I13", 49)
        {
            Rewrite = sql => sql.Contains("INSERT INTO heartbeats", StringComparison.Ordinal) ? "SELECT 1" : sql,
        },
        new("whoever waits to save an answer gives up as if the program ended", "job", 11)
        {
            Replace = services => services.AddSingleton(_ =>
            {
                var end = new ShutdownSignal();
                end.Begin();
                return end;
            }),
        },
        new("the lease is released before the answer is saved", "I4", 1)
        {
            BeforeCall = (world, token) => world.Scalar<int>("UPDATE tokens SET lease_owner = NULL, lease_until = NULL WHERE name = $1", token),
        },
        new("a stale writer does not lose", "I5", 11)
        {
            Shape = scenario => scenario with { Mix = [Fault.Pause], Weather = new(Slow: 1), Faults = 24 },
            Rewrite = sql => sql.Contains("UPDATE tokens SET \"access_token\"", StringComparison.Ordinal) ? WhatWasRead().Replace(sql, "") : sql,
        },
        new("one outcome for all of a shared write: each is told that it was saved", "I1", 13)
        {
            Shape = scenario => Scenario.Crowd(scenario.Seed) with { Mix = [Fault.Pause, Fault.Failover], Weather = new(Slow: 0.7), Faults = 40 },
            Rewrite = sql => sql.Contains("SKIP LOCKED", StringComparison.Ordinal) ? sql.Replace("SELECT place FROM saved", "SELECT place FROM asked", StringComparison.Ordinal) : sql,
        },
        new("a shared write waits for another's call to end, and the lease with it", "I1", 5)
        {
            Shape = scenario => Scenario.Crowd(scenario.Seed),
            Replace = services => services.AddSingleton<IRefreshWrites>(provider => new InPairs(new RefreshWrites(provider.GetRequiredService<IDbContextFactory<TokenRefreshDbContext>>(), provider.GetRequiredService<TimeProvider>()))),
        },
        new("a used refresh token is sent again", "I1", 1)
        {
            Renewed = result => result is ProviderResult.Issued issued ? issued with { Token = issued.Token with { RefreshToken = null } } : result,
        },
        new("abandoned attempts are not closed", "I5", 3)
        {
            Rewrite = sql => sql.Contains("UPDATE token_refresh_logs AS", StringComparison.Ordinal) && sql.Contains("'running'", StringComparison.Ordinal) ? $"{sql} AND false" : sql,
        },
        new("what is served is not checked for its expiry", "I2", 18)
        {
            Replace = services => services.AddSingleton(provider => new TokenCache(
                provider.GetRequiredService<ConfiguredTokens>(), provider.GetRequiredService<IDbContextFactory<TokenRefreshDbContext>>(), provider.GetRequiredService<SecretProtection>(),
                provider.GetRequiredService<TokenRefresher>(), provider.GetRequiredService<TokenStore>(), provider.GetRequiredService<UnsavedTokenSpool>(), provider.GetRequiredService<RestoredTokens>(), provider.GetRequiredService<TokenVersions>(), provider.GetRequiredService<IOptions<PerformanceOptions>>(), new LateClock(provider.GetRequiredService<TimeProvider>()), provider.GetRequiredService<ILogger<TokenCache>>())),
        },
        new("the vault hears of nothing", "I3", 1)
        {
            Shape = scenario => scenario with { Mix = [Fault.Weather] },
            IsDeaf = true,
        },
        new("calls at a provider are not bounded", "I6", 22) { HasNoSlots = true },
        new("a mail goes out before it is written down", "I7", 1)
        {
            BeforeStatement = (world, node, command) =>
            {
                foreach (var id in command.CommandText.Contains("INSERT INTO notifications", StringComparison.Ordinal)
                    ? command.Parameters.Cast<System.Data.Common.DbParameter>().Select(parameter => parameter.Value).OfType<string>().Where(text => text.EndsWith("@tokenrefresh", StringComparison.Ordinal))
                    : [])
                {
                    world.Mail.Accept(id, "", node);
                }
            },
        },
        new("the outbox marks a mail before it is sent", "I7", 5)
        {
            Shape = scenario => scenario with { Mix = [Fault.Weather, Fault.LostMail], Faults = 36 },
            Sender = (world, node) => new MarksFirst(world, new NodeMail(world, node)),
        },
        new("a round forgets which incidents are open", "round", 1)
        {
            Rewrite = sql => sql.Contains("FROM incidents AS i", StringComparison.Ordinal) && sql.Contains("resolved_at IS NULL OR", StringComparison.Ordinal)
                ? sql.Replace("WHERE", "WHERE false AND", StringComparison.Ordinal)
                : sql,
        },
        new("a round forgets whom an incident is about", "I7", 12)
        {
            Shape = scenario => scenario with { Mix = [Fault.Weather], Faults = 24 },
            Rewrite = sql => sql.Contains("FROM incidents AS i", StringComparison.Ordinal) && sql.Contains("resolved_at IS NULL OR", StringComparison.Ordinal)
                ? sql.Replace("i.subjects", "'{}'::text[] AS subjects", StringComparison.Ordinal)
                : sql,
        },
    ];

    // What strikes during a call strikes one that lasts until others come.
    private static Scenario SlowFailovers(Scenario scenario) => scenario with { Mix = [Fault.Failover], Weather = new(Slow: 1) };

    [GeneratedRegex(@" AND (tokens\.)?lease_until IS NULL(?=\s+(RETURNING|ORDER))")]
    private static partial Regex LeaseIsFree();

    [GeneratedRegex(@" AND tokens\.(version =|lease_owner IS NOT DISTINCT FROM) asked\.\w+")]
    private static partial Regex WhatWasRead();

    /// <summary>Ten minutes behind the node that it belongs to.</summary>
    private sealed class LateClock(TimeProvider clock) : TimeProvider
    {
        public override long TimestampFrequency => clock.TimestampFrequency;

        public override DateTimeOffset GetUtcNow() => clock.GetUtcNow() - TimeSpan.FromMinutes(10);

        public override long GetTimestamp() => clock.GetTimestamp();

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) => clock.CreateTimer(callback, state, dueTime, period);
    }

    /// <summary>An hour passes between any two looks at it.</summary>
    private sealed class HastyClock : TimeProvider
    {
        private long hours;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => ++hours * TimeSpan.TicksPerHour;
    }

    /// <summary>Saves no result before the next one is there.</summary>
    private sealed class InPairs(IRefreshWrites writes) : IRefreshWrites
    {
        private TaskCompletionSource? other;

        Task<Token?> IRefreshWrites.TakeAsync(LeaseOrder order, CancellationToken cancellationToken) => writes.TakeAsync(order, cancellationToken);

        Task IRefreshWrites.OpenAsync(RefreshAttempt attempt, CancellationToken cancellationToken) => writes.OpenAsync(attempt, cancellationToken);

        async Task<Token?> IRefreshWrites.SaveAsync(RefreshResult result, CancellationToken cancellationToken)
        {
            if (other is { } waiting)
            {
                other = null;
                waiting.SetResult();
            }
            else
            {
                other = new();
                await other.Task;
            }

            return await writes.SaveAsync(result, cancellationToken);
        }
    }

    private sealed class MarksFirst(SimWorld world, IEmailSender inner) : IEmailSender
    {
        public Task<DeliveryOutcome> SendAsync(Notification mail, CancellationToken cancellationToken)
        {
            world.Scalar<int>("UPDATE notifications SET status = 'sent' WHERE id = $1", mail.Id);
            return inner.SendAsync(mail, cancellationToken);
        }
    }
}
