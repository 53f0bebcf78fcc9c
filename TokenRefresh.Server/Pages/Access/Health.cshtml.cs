using System.Globalization;
using Hangfire.Storage;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Extensions.Options;
using TokenRefresh.Jobs;
using TokenRefresh.Jobs.Administration;
using TokenRefresh.Jobs.Alerts;
using TokenRefresh.Jobs.Alerts.Delivery;
using TokenRefresh.Jobs.Health;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Scheduling;
using TokenRefresh.Jobs.Telemetry;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;
using TokenRefresh.Server.Access;
using TokenRefresh.Server.Hosting;

namespace TokenRefresh.Server.Pages.Access;

/// <summary>One job of the timetable.</summary>
/// <param name="Cron">The settings' cron, also while it is paused.</param>
internal sealed record RecurringJobRow(RecurringJobDto Job, string Cron, RecurringJobPause? Pause);

/// <summary>One way on which people are notified.</summary>
/// <param name="Address">A mail address, or the host of a webhook, whose path is often its secret.</param>
/// <param name="Key">Its place among the channels, for the form.</param>
/// <param name="Last">What became of its last message; null where there was none.</param>
internal sealed record ChannelRow(NotificationChannel Channel, string Address, int Key, Notification? Last);

/// <summary>The machinery: workers, queue, recurring jobs, channels, database and disk.</summary>
internal sealed class HealthModel(
    CurrentDiagnosis diagnosis, QueueView queue, LiveServers servers, RecurringJobs timetable, RecurringJobPauses pauses, AuditTrail audit, ITokenProviders providers,
    SettingsComparison settings, IncidentService desk, ClockDifferences clocks, NodeName node, DatabaseFigures figures, IOptions<DataOptions> data,
    IOptions<NotificationOptions> notifications, IOptions<EmailOptions> email, TestMail tests, Outbox outbox, TimeFormat times, PanelText text, TimeProvider clock) : PanelPage
{
    private const string Here = PanelPaths.Health;

    /// <summary>The judgement that every other surface repeats.</summary>
    public SystemDiagnosis Diagnosis { get; private set; } = null!;

    public IReadOnlyList<LiveServer> Servers { get; private set; } = [];

    public QueueStatus Queue { get; private set; } = null!;

    public IReadOnlyList<RecurringJobRow> Timetable { get; private set; } = [];

    public DateTimeOffset? LastTick { get; private set; }

    /// <summary>What the verdict does not say, each in a phrase: every problem where there are several, then warnings.</summary>
    public IReadOnlyList<Phrase> Notes { get; private set; } = [];

    /// <summary>Other nodes, and verbs of the last day, that work with other settings than this node.</summary>
    public IReadOnlyList<DifferentSettings> OtherSettings { get; private set; } = [];

    /// <summary>The first token to expire, of those that are valid; null where none is.</summary>
    public TokenView? FirstToExpire => Diagnosis.FirstToExpire;

    public IReadOnlyList<ChannelRow> Channels { get; private set; } = [];

    /// <summary>True where mails are sent; false where they are files on disk.</summary>
    public bool SendsMail => email.Value.Host.Length > 0;

    public DatabaseFigure Database { get; private set; } = null!;

    /// <summary>The disk that holds this node's files; null where it cannot be read.</summary>
    public DriveInfo? Disk { get; private set; }

    public string Node => node.Value;

    public async Task OnGetAsync(CancellationToken cancellationToken)
    {
        Diagnosis = await diagnosis.ReadAsync(cancellationToken);
        Servers = await servers.ListAsync(cancellationToken);
        Queue = queue.Status();
        var paused = await pauses.ListAsync(cancellationToken);
        var crons = timetable.Crons();
        Timetable = [.. timetable.Installed().Select(job => new RecurringJobRow(job, crons.GetValueOrDefault(job.Id, job.Cron), paused.GetValueOrDefault(job.Id)))];
        LastTick = Diagnosis.Status!.SchedulerTick;
        Notes = [.. Findings(await IncidentList.OpenAsync(desk, diagnosis, cancellationToken))];
        OtherSettings = await settings.CompareAsync(node.Value, cancellationToken);
        Database = await figures.ReadAsync(cancellationToken);
        Disk = DiskOf(data.Value.Directory);
        Channels = await ChannelsAsync(cancellationToken);
    }

    /// <summary>Sends a test on one channel now, and says what the other side answered.</summary>
    [Needs(Role.Operator)]
    public async Task<IActionResult> OnPostTestAsync(int? channel, CancellationToken cancellationToken)
    {
        if ((await ChannelsAsync(cancellationToken)).FirstOrDefault(row => row.Key == channel) is not { } row)
        {
            return NotFound();
        }

        var message = row.Channel == NotificationChannel.Email ? tests.For([notifications.Value.Recipients[row.Key]]).Single() : tests.Webhook(notifications.Value.Webhooks[row.Key - notifications.Value.Recipients.Count]);
        var outcome = await outbox.SendNowAsync(message, cancellationToken);
        await audit.WriteAsync(Actor, "notification.tested", row.Address, new { channel = row.Channel.ToString().ToLowerInvariant() });
        return Tell(
            outcome switch
            {
                DeliveryOutcome.Accepted accepted => new FlashMessage(true, $"{row.Address}: delivered, {accepted.Words}"),
                DeliveryOutcome.Written written => new(false, $"{row.Address}: {written.Words}"),
                DeliveryOutcome.Refused refused => new(false, $"{row.Address}: refused, {refused.Reason}"),
                DeliveryOutcome.Failed failed => new(false, $"{row.Address}: failed, {failed.Reason}"),
                _ => throw new System.Diagnostics.UnreachableException(),
            },
            Here);
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
        return Tell(new(true, $"Paused {id} until {times.Minute(pause.Until)}; it resumes by itself."), Here);
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

    /// <summary>Bytes as people read them.</summary>
    public string Size(long bytes) => bytes >= 1L << 30 ? $"{text.Number(bytes / (double)(1L << 30), "0.#")} GB" : $"{text.Number(bytes >> 20)} MB";

    private static DriveInfo? DiskOf(string path)
    {
        try
        {
            return new DriveInfo(path) is { IsReady: true } disk ? disk : null;
        }
        catch (Exception error) when (error is IOException or ArgumentException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private async Task<IReadOnlyList<ChannelRow>> ChannelsAsync(CancellationToken cancellationToken)
    {
        string[] addresses = [.. notifications.Value.Recipients, .. notifications.Value.Webhooks];
        var last = await desk.LastToAsync(addresses, cancellationToken);
        return [.. addresses.Select((address, key) => key < notifications.Value.Recipients.Count
            ? new ChannelRow(NotificationChannel.Email, address, key, last.GetValueOrDefault(address))
            : new(NotificationChannel.Webhook, Uri.TryCreate(address, UriKind.Absolute, out var url) ? url.Host : address, key, last.GetValueOrDefault(address)))];
    }

    private IEnumerable<Phrase> Findings(IncidentList incidents)
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
            yield return IncidentWords.Title(incident, incidents.Affected(incident));
        }

        foreach (var stalled in Diagnosis.Stalled.Where(stalled => stalled.Part == SystemStatus.Outbox))
        {
            yield return Phrase.Kept(stalled.Words);
        }

        foreach (var difference in clocks.Named)
        {
            yield return Phrase.Kept(difference.Words);
        }

        foreach (var (job, _, pause) in Timetable.Where(row => row.Pause is not null && !diagnosed.Contains(row.Job.Id)))
        {
            yield return $"{job.Id}: paused by {pause!.PausedBy} until {pause.Until} ({pause.Reason})";
        }

        foreach (var row in Timetable.Where(row => row is { Pause: null, Job: { Error: not null } or { NextExecution: null } }))
        {
            yield return row.Job.Error is { } error ? $"{row.Job.Id} does not run: {error}" : (Phrase)$"{row.Job.Id} does not run: it has no next run";
        }

        foreach (var provider in providers.All.Where(provider => provider.CircuitOpenUntil > now))
        {
            yield return $"{provider.Name} does not answer: circuit breaker open on this node";
        }
    }
}
