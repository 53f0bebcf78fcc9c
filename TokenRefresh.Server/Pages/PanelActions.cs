using Microsoft.EntityFrameworkCore;
using TokenRefresh.Jobs.Access;
using TokenRefresh.Jobs.Attempts;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Refreshing;
using TokenRefresh.Jobs.Scheduling;
using TokenRefresh.Jobs.Tokens;

namespace TokenRefresh.Server.Pages;

/// <summary>What came of a person's click, in a sentence.</summary>
internal sealed record Said(bool IsWell, string Text);

/// <summary>What people do on pages: through the one door, written to the audit, answered in a sentence.</summary>
internal sealed class PanelActions(
    RefreshQueue queue, TokenControls controls, TokenProbe probe, AuditTrail audit, ConfiguredTokens configured, IDbContextFactory<TokenRefreshDbContext> contexts, TimeProvider clock)
{
    /// <summary>A refresh takes a moment; a person who waits for it would rather see what came of it than that it was asked for.</summary>
    private static readonly TimeSpan WaitForResult = TimeSpan.FromSeconds(4);

    /// <summary>Asks for refreshes and waits a moment for what comes of them.</summary>
    public async Task<Said> RefreshAsync(IReadOnlyCollection<string> names, bool force, string actor, CancellationToken cancellationToken)
    {
        var known = names.Where(name => configured.Find(name) is { NotConfiguredBecause: null }).ToList();
        if (known.Count == 0)
        {
            return new(false, names.Count == 0 ? "Nothing was chosen." : "None of these tokens is configured.");
        }

        var jobs = queue.Enqueue(known, force ? RefreshTrigger.Forced : RefreshTrigger.Manual, actor);
        await audit.WriteAsync(actor, force ? "token.refresh_forced" : "token.refresh_asked", string.Join(", ", known), new { jobs = jobs.Select(job => job.JobId) });
        var rows = await ResultsAsync([.. jobs.Select(job => job.JobId)], known.Count, cancellationToken);
        return rows.Count < known.Count
            ? new(true, $"Asked for {Count(known)}; {rows.Count} done so far. The log says what comes of it.")
            : new(rows.All(row => row.Status != AttemptStatus.Failed), known.Count == 1 ? $"{known[0]}: {rows[0].Message}" : Summary(rows));
    }

    /// <summary>Tries the stored token at its provider.</summary>
    public async Task<Said> TestAsync(string name, string actor, CancellationToken cancellationToken)
    {
        var result = await probe.TryAsync(name, cancellationToken);
        await audit.WriteAsync(actor, "token.tested", name, new { accepted = result?.Accepted });
        return result switch
        {
            null => new(false, $"{name}: there is no stored token to try."),
            { Accepted: true } => new(true, $"{name}: the provider took the token (HTTP {result.HttpStatus}, {result.Latency.TotalMilliseconds:0} ms)."),
            { Failure: { } failure } => new(false, $"{name}: the provider did not take the token: {failure.Reason} ({result.Latency.TotalMilliseconds:0} ms)."),
            _ => new(false, $"{name}: the provider did not take the token."),
        };
    }

    /// <summary>Pauses tokens.</summary>
    public async Task<Said> PauseAsync(IReadOnlyCollection<string> names, string reason, double? hours, string actor, CancellationToken cancellationToken)
    {
        if (string.IsNullOrWhiteSpace(reason) || reason.Length > 200)
        {
            return new(false, "A pause needs a reason of at most 200 characters, so that others know.");
        }

        if (hours is <= 0 or > 24 * 366)
        {
            return new(false, "A pause ends after more than 0 hours, at most a year; leave it empty for no end.");
        }

        var known = Known(names);
        foreach (var name in known)
        {
            await controls.PauseAsync(name, reason.Trim(), hours is { } end ? clock.GetUtcNow().AddHours(end) : null, cancellationToken);
            await audit.WriteAsync(actor, "token.paused", name, new { reason = reason.Trim(), hours });
        }

        return known.Count == 0 ? new(false, "Nothing was chosen.") : new(true, $"Paused {Count(known)}. What is valid is still served; nothing is refreshed automatically.");
    }

    /// <summary>Ends pauses.</summary>
    public async Task<Said> ResumeAsync(IReadOnlyCollection<string> names, string actor, CancellationToken cancellationToken)
    {
        var known = Known(names);
        foreach (var name in known)
        {
            await controls.ResumeAsync(name, cancellationToken);
            await audit.WriteAsync(actor, "token.resumed", name, new { });
        }

        return known.Count == 0 ? new(false, "Nothing was chosen.") : new(true, $"Resumed {Count(known)}.");
    }

    private List<string> Known(IEnumerable<string> names) => [.. names.Select(configured.Find).OfType<ConfiguredToken>().Select(token => token.Name).Distinct()];

    private async Task<List<RefreshAttempt>> ResultsAsync(string[] jobs, int expected, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        for (var since = clock.GetTimestamp(); ; await Task.Delay(TimeSpan.FromMilliseconds(100), clock, cancellationToken))
        {
            var rows = await db.Attempts.AsNoTracking().Where(row => jobs.Contains(row.JobId!) && row.Status != AttemptStatus.Running).OrderBy(row => row.Id).ToListAsync(cancellationToken);
            if (rows.Count >= expected || clock.GetElapsedTime(since) > WaitForResult)
            {
                return rows;
            }
        }
    }

    private static string Count(List<string> names) => names.Count == 1 ? names[0] : $"{names.Count} tokens";

    private static string Summary(List<RefreshAttempt> rows) =>
        $"{rows.Count(row => row.Status == AttemptStatus.Success)} refreshed, {rows.Count(row => row.Status == AttemptStatus.Failed)} failed, {rows.Count(row => row.Status == AttemptStatus.Skipped)} skipped.";
}
