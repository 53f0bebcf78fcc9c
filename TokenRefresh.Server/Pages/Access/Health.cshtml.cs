using System.Globalization;
using System.Text.Json;
using Hangfire.Storage;
using Microsoft.AspNetCore.Mvc;
using TokenRefresh.Jobs;
using TokenRefresh.Jobs.Administration;
using TokenRefresh.Jobs.Alerts;
using TokenRefresh.Jobs.Attempts;
using TokenRefresh.Jobs.Health;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Scheduling;
using TokenRefresh.Jobs.Telemetry;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;
using TokenRefresh.Server.Access;
using TokenRefresh.Server.Pages.Access.Logs;
using TokenRefresh.Server.Sandbox;

namespace TokenRefresh.Server.Pages.Access;

/// <summary>How one provider has answered within a day.</summary>
internal sealed record ProviderRow(ITokenProvider Provider, int Tokens, AttemptStatistics Day);

/// <summary>One job of the timetable.</summary>
/// <param name="Cron">The settings' cron, also while it is paused.</param>
internal sealed record RecurringJobRow(RecurringJobDto Job, string Cron, RecurringJobPause? Pause);

/// <summary>How a stand-in of the sandbox behaves, and how many calls it has had.</summary>
internal sealed record StandInRow(string Provider, SandboxStatus Status);

/// <summary>The overall status, and how long tokens last if their provider stops now.</summary>
internal sealed class HealthModel(
    CurrentDiagnosis diagnosis, AttemptLog log, AttemptHours hours, QueueView queue, LiveServers servers, RecurringJobs timetable, RecurringJobPauses pauses, AuditTrail audit, ITokenProviders providers,
    SettingsComparison settings, IncidentService desk, ClockDifferences clocks, NodeName node, TimeFormat times, TimeProvider clock, SandboxBehaviours? sandbox = null) : PanelPage
{
    private const string Here = PanelPaths.Health;
    private const int TrendHours = 7 * 24;

    /// <summary>The judgement that every other surface repeats.</summary>
    public SystemDiagnosis Diagnosis { get; private set; } = null!;

    public IReadOnlyList<TokenView> Tokens => Diagnosis.Tokens;

    public IReadOnlyList<ProviderRow> Providers { get; private set; } = [];

    /// <summary>The last week, hour by hour.</summary>
    public LogTrend Trend { get; private set; } = null!;

    public IReadOnlyList<LiveServer> Servers { get; private set; } = [];

    public QueueStatus Queue { get; private set; } = null!;

    public IReadOnlyList<RecurringJobRow> Timetable { get; private set; } = [];

    /// <summary>Empty where there is no sandbox.</summary>
    public IReadOnlyList<StandInRow> StandIns { get; private set; } = [];

    public DateTimeOffset? LastTick { get; private set; }

    /// <summary>What the verdict does not say, each in a phrase: every problem where there are several, then warnings.</summary>
    public IReadOnlyList<string> Notes { get; private set; } = [];

    /// <summary>Other nodes, and verbs of the last day, that work with other settings than this node.</summary>
    public IReadOnlyList<DifferentSettings> OtherSettings { get; private set; } = [];

    /// <summary>Tokens that hold something, the first to die first.</summary>
    public IReadOnlyList<TokenView> FirstToDie { get; private set; } = [];

    public ExpiryTimeline Line { get; } = new(times);

    public string Node => node.Value;

    public static string[] Modes { get; } = SandboxBehaviourForm.Allowed["mode"].Split(", ");

    public async Task OnGetAsync(CancellationToken cancellationToken)
    {
        Diagnosis = await diagnosis.ReadAsync(cancellationToken);
        FirstToDie = [.. Tokens.Where(token => token.TimeLeft is not null).OrderBy(token => token.TimeLeft)];
        var rows = new List<ProviderRow>();
        foreach (var provider in providers.All)
        {
            rows.Add(new(provider, Tokens.Count(token => token.Settings.Provider == provider), await log.StatisticsAsync(provider.Name, clock.GetUtcNow().AddDays(-1), cancellationToken)));
        }

        Providers = rows;
        Trend = new(new(times), (await LogFigures.ReadAsync(hours, new(), clock.GetUtcNow(), TrendHours, cancellationToken)).Bars);
        Servers = await servers.ListAsync(cancellationToken);
        Queue = queue.Status();
        var paused = await pauses.ListAsync(cancellationToken);
        var crons = timetable.Crons();
        Timetable = [.. timetable.Installed().Select(job => new RecurringJobRow(job, crons.GetValueOrDefault(job.Id, job.Cron), paused.GetValueOrDefault(job.Id)))];
        LastTick = Diagnosis.Status!.SchedulerTick;
        Notes = [.. Findings(await IncidentList.OfAsync(await desk.OpenAsync(cancellationToken), Tokens, desk, cancellationToken))];
        OtherSettings = await settings.CompareAsync(node.Value, cancellationToken);
        if (sandbox is not null && May(Role.Operator))
        {
            var standIns = new List<StandInRow>();
            foreach (var provider in SandboxBehaviourApi.Providers)
            {
                standIns.Add(new(provider, await sandbox.FindAsync(provider, cancellationToken)));
            }

            StandIns = standIns;
        }
    }

    [Needs(Role.Operator)]
    public async Task<IActionResult> OnPostRunAsync(string id)
    {
        if (timetable.Installed().All(job => job.Id != id))
        {
            return NotFound();
        }

        await timetable.RunAsync(id, Actor);
        return Tell(new(true, $"Started {id}."), Here);
    }

    [Needs(Role.Operator)]
    public async Task<IActionResult> OnPostPauseAsync(string id, string? reason, string? hours, CancellationToken cancellationToken)
    {
        if (timetable.Installed().All(job => job.Id != id))
        {
            return NotFound();
        }

        if (string.IsNullOrWhiteSpace(reason) || reason.Trim().Length > RecurringJobPause.LongestReason)
        {
            return Tell(new(false, $"Enter a reason of at most {RecurringJobPause.LongestReason} characters for the pause."), Here);
        }

        var longest = RecurringJobPause.Longest(id);
        if (!double.TryParse(hours, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var asked) || !(asked > 0 && asked <= longest.TotalHours))
        {
            return Tell(new(false, $"{id} can be paused for more than 0 and at most {longest.TotalHours:0} hours."), Here);
        }

        var now = clock.GetUtcNow();
        var pause = new RecurringJobPause { Job = id, PausedBy = Actor, Reason = reason.Trim(), PausedAt = now, Until = now.AddHours(asked) };
        await timetable.PauseAsync(pause, cancellationToken);
        await audit.WriteAsync(Actor, "schedule.paused", id, new { reason = pause.Reason, until = pause.Until });
        return Tell(new(true, $"Paused {id} until {times.InZone(pause.Until)[..16]}; it resumes by itself."), Here);
    }

    [Needs(Role.Operator)]
    public async Task<IActionResult> OnPostResumeAsync(string id, CancellationToken cancellationToken)
    {
        if (timetable.Installed().All(job => job.Id != id))
        {
            return NotFound();
        }

        await timetable.ResumeAsync(id, cancellationToken);
        await audit.WriteAsync(Actor, "schedule.resumed", id, new { });
        return Tell(new(true, $"Resumed {id}."), Here);
    }

    /// <summary>Lets a stand-in fail, so that an outage is rehearsed; a form without a mode brings it back to normal.</summary>
    [Needs(Role.Operator)]
    public async Task<IActionResult> OnPostSandboxAsync(string? provider, string? mode, string? failNext, string? lifetime, CancellationToken cancellationToken)
    {
        if (sandbox is null || provider is null || !SandboxBehaviourApi.Providers.Contains(provider))
        {
            return NotFound();
        }

        var asked = new Dictionary<string, object?> { ["mode"] = string.IsNullOrEmpty(mode) ? "normal" : mode, ["fail_next"] = Number(failNext), ["lifetime_seconds"] = Number(lifetime) };
        if (SandboxBehaviourForm.Read(JsonSerializer.SerializeToElement(asked), out var faults) is not { } behaviour)
        {
            return Tell(new(false, $"Nothing was changed. {string.Join(" ", faults.Select(fault => $"{fault.Key}: {string.Join(" ", fault.Value)}"))}"), Here);
        }

        await sandbox.ReplaceAsync(provider, behaviour, cancellationToken);
        await audit.WriteAsync(Actor, "sandbox.behaviour", provider, asked);
        return Tell(new(true, $"Sandbox provider {provider}: {asked["mode"]}."), Here);
    }

    /// <summary>What the circuit of a provider does, as this node knows it: each node has its own.</summary>
    public (string Kind, string Words) Circuit(ITokenProvider provider) => provider.CircuitOpenUntil switch
    {
        null => ("is-well", "closed"),
        { } until when until > clock.GetUtcNow() => ("is-ill", $"open until {times.InZone(until)[11..]}"),
        _ => ("is-warning", "half-open: the next call decides"),
    };

    // What is not a number is left to the form's own check, which says what would be one.
    private static object? Number(string? text) => string.IsNullOrWhiteSpace(text) ? null : long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : text;

    private static string InWords(Incident incident, IReadOnlyList<string> affected)
    {
        var names = affected.Count <= 3 ? string.Join(", ", affected) : $"{affected.Count} tokens of {incident.Scope}";
        return incident.Kind switch
        {
            IncidentKind.Failed => $"{names}: refresh failing, {FailureWords.InWords(incident.Cause)}",
            IncidentKind.NeedsPerson => $"{names}: action required, {FailureWords.InWords(incident.Cause)}",
            IncidentKind.SuccessRate => $"{incident.Scope}: low success rate, {incident.Detail}",
            _ => incident.Detail,
        };
    }

    private IEnumerable<string> Findings(IncidentList incidents)
    {
        var now = clock.GetUtcNow();
        var problems = DiagnosisWords.Problems(Diagnosis);
        foreach (var problem in problems.Count > 1 ? problems : [])
        {
            yield return problem;
        }

        // The tokens of the others, and what is stalled, are in the diagnosis, which is newer.
        var diagnosed = Diagnosis.Wrong.Select(reason => reason.Subject).ToHashSet(StringComparer.Ordinal);
        foreach (var incident in incidents.Rows.Where(incident => incident.Kind != IncidentKind.StalledComponent && !incidents.Affected(incident).Any(diagnosed.Contains)))
        {
            yield return InWords(incident, incidents.Affected(incident));
        }

        foreach (var stalled in Diagnosis.Stalled.Where(stalled => stalled.Part == SystemStatus.Outbox))
        {
            yield return stalled.Words;
        }

        foreach (var difference in clocks.Named)
        {
            yield return difference.Words;
        }

        foreach (var (job, _, pause) in Timetable.Where(row => row.Pause is not null && !diagnosed.Contains(row.Job.Id)))
        {
            yield return $"{job.Id}: paused by {pause!.PausedBy} until {pause.Until:u} ({pause.Reason})";
        }

        foreach (var row in Timetable.Where(row => row is { Pause: null, Job: { Error: not null } or { NextExecution: null } }))
        {
            yield return $"{row.Job.Id} does not run: {row.Job.Error ?? "it has no next run"}";
        }

        foreach (var provider in providers.All.Where(provider => provider.CircuitOpenUntil > now))
        {
            yield return $"{provider.Name} does not answer: circuit breaker open on this node";
        }
    }
}
