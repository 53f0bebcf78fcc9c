using Hangfire;
using Hangfire.Storage;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Extensions.Options;
using TokenRefresh.Jobs.Access;
using TokenRefresh.Jobs.Attempts;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Scheduling;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;
using TokenRefresh.Server.Access;

namespace TokenRefresh.Server.Pages.Access;

/// <summary>How one provider has answered within a day.</summary>
internal sealed record ProviderRow(ITokenProvider Provider, int Tokens, AttemptStatistics Day);

/// <summary>Is anything wrong, and what would happen if a provider died now?</summary>
internal sealed class HealthModel(
    TokenOverview overview, AttemptLog log, QueueView queue, JobStorage storage, IRecurringJobManager timetable, AuditTrail audit, ITokenProviders providers,
    Heartbeats heartbeats, IOptions<ScheduleOptions> schedule, TimeProvider clock) : PanelPage
{
    public IReadOnlyList<TokenView> Tokens { get; private set; } = [];

    public IReadOnlyList<ProviderRow> Providers { get; private set; } = [];

    public IReadOnlyList<LiveServer> Servers { get; private set; } = [];

    public QueueStatus Queue { get; private set; } = null!;

    public IReadOnlyList<RecurringJobDto> Timetable { get; private set; } = [];

    public DateTimeOffset? LastTick { get; private set; }

    /// <summary>What is wrong, each in a phrase; empty when nothing is.</summary>
    public IReadOnlyList<string> Wrong { get; private set; } = [];

    /// <summary>Tokens that hold something, the first to die first.</summary>
    public IEnumerable<TokenView> FirstToDie => Tokens.Where(token => token.TimeLeft is not null).OrderBy(token => token.TimeLeft);

    public async Task OnGetAsync(CancellationToken cancellationToken)
    {
        Tokens = await overview.ListAsync(null, cancellationToken);
        var rows = new List<ProviderRow>();
        foreach (var provider in providers.All)
        {
            rows.Add(new(provider, Tokens.Count(token => token.Settings.Provider == provider), await log.StatisticsAsync(provider.Name, clock.GetUtcNow().AddDays(-1), cancellationToken)));
        }

        Providers = rows;
        Servers = queue.LiveServers();
        Queue = queue.Status();
        using (var connection = storage.GetConnection())
        {
            Timetable = [.. connection.GetRecurringJobs().OrderBy(job => job.NextExecution)];
        }

        LastTick = await heartbeats.LastAsync(Heartbeat.Scheduler, cancellationToken);
        Wrong = [.. Complaints()];
    }

    [Needs(Role.Operator)]
    public async Task<IActionResult> OnPostRunAsync(string id)
    {
        using (var connection = storage.GetConnection())
        {
            if (connection.GetRecurringJobs().All(job => job.Id != id))
            {
                return NotFound();
            }
        }

        timetable.Trigger(id);
        await audit.WriteAsync(Actor, "schedule.run", id, new { });
        return Tell(new(true, $"{id} runs now."), "/access/token-health");
    }

    public static DateTimeOffset? Utc(DateTime? instant) => instant is { } at ? new DateTimeOffset(DateTime.SpecifyKind(at, DateTimeKind.Utc)) : null;

    private IEnumerable<string> Complaints()
    {
        var now = clock.GetUtcNow();
        foreach (var state in Tokens.Where(token => !token.State.IsWell()).GroupBy(token => token.State).OrderByDescending(group => group.Key))
        {
            yield return $"{state.Key.InWords()}: {string.Join(", ", state.Select(token => token.Name))}";
        }

        if (Servers.Count == 0)
        {
            yield return "no worker is alive, so nothing is refreshed";
        }

        if (LastTick is not { } tick || now - tick > 2 * schedule.Value.DueCheckPeriod(now))
        {
            yield return "the due check is silent";
        }

        foreach (var provider in providers.All.Where(provider => provider.CircuitOpenUntil > now))
        {
            yield return $"{provider.Name} answers nothing, so this node leaves it alone for a moment";
        }
    }
}
