using System.Globalization;
using Microsoft.EntityFrameworkCore;
using TokenRefresh.Jobs;
using TokenRefresh.Jobs.Administration;
using TokenRefresh.Jobs.Attempts;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Scheduling;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;

namespace TokenRefresh.Server.Pages;

/// <summary>What came of a person's click for one token.</summary>
internal sealed record FlashMessageOf(string Token, bool IsWell, string Text);

/// <summary>What came of a person's click, in a sentence.</summary>
internal sealed record FlashMessage(bool IsWell, string Text)
{
    /// <summary>The result of each token, where several were chosen.</summary>
    public IReadOnlyList<FlashMessageOf> Each { get; init; } = [];
}

/// <summary>What people do on pages: through the one door, written to the audit, answered in a sentence.</summary>
internal sealed class PanelActions(
    RefreshQueue queue, TokenControls controls, TokenProbe probe, AuditTrail audit, TokenFinder tokens, IDbContextFactory<TokenRefreshDbContext> contexts, TimeProvider clock)
{
    /// <summary>No reason is longer.</summary>
    public const int LongestReason = 200;

    private const int ProbesAtOnce = 8;

    /// <summary>A refresh takes a moment; a person who waits for it would rather see what came of it than that it was asked for.</summary>
    private static readonly TimeSpan WaitForResult = TimeSpan.FromSeconds(4);

    /// <summary>Asks for refreshes and waits a moment for what comes of them.</summary>
    public async Task<FlashMessage> RefreshAsync(IReadOnlyCollection<string> names, bool force, string actor, CancellationToken cancellationToken)
    {
        var chosen = await tokens.FindAsync(names, cancellationToken);
        var known = chosen.Where(token => token.NotConfiguredBecause is null).Select(token => token.Name).ToList();
        if (known.Count == 0)
        {
            return new(false, names.Count == 0 ? "No tokens selected." : "None of these tokens is configured.");
        }

        var askedAt = clock.GetUtcNow();
        var jobs = queue.Enqueue(known, force ? RefreshTrigger.Forced : RefreshTrigger.Manual, actor);
        await audit.WriteRefreshesAsync(actor, force, jobs);
        var rows = await ResultsAsync([.. jobs.Select(job => job.JobId)], known.Count, askedAt, cancellationToken);
        var told = known.Select(name => Tell(name, rows.GetValueOrDefault(name), actor)).ToList();
        var each = told.Concat(chosen.Where(token => token.NotConfiguredBecause is not null).Select(token => new FlashMessageOf(token.Name, false, $"not configured: {token.NotConfiguredBecause}"))).ToList();
        return rows.Count < known.Count
            ? new(true, $"Refreshing {Count(known)}: {rows.Count} finished so far. This page and the log show the results.") { Each = Several(each) }
            : new(told.TrueForAll(one => one.IsWell), each.Count == 1 ? $"{each[0].Token}: {each[0].Text}" : Summary(rows.Values)) { Each = Several(each) };
    }

    /// <summary>Tries stored tokens at their providers.</summary>
    public async Task<FlashMessage> TestAsync(IReadOnlyCollection<string> names, string actor, CancellationToken cancellationToken)
    {
        var told = new List<FlashMessageOf>();
        foreach (var some in (await KnownAsync(names, cancellationToken)).Chunk(ProbesAtOnce))
        {
            told.AddRange(await Task.WhenAll(some.Select(name => TestAsync(name, actor, cancellationToken))));
        }

        return told.Count switch
        {
            0 => new(false, "No tokens selected."),
            1 => new(told[0].IsWell, $"{told[0].Token}: {told[0].Text}"),
            _ => new(told.TrueForAll(one => one.IsWell), $"{told.Count(one => one.IsWell)} of {told.Count} accepted by their provider.") { Each = told },
        };
    }

    /// <summary>Pauses tokens.</summary>
    public async Task<FlashMessage> PauseAsync(IReadOnlyCollection<string> names, string reason, string? hours, string actor, CancellationToken cancellationToken)
    {
        double? lasts = string.IsNullOrWhiteSpace(hours) ? null : double.TryParse(hours, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var read) ? read : double.NaN;
        if (string.IsNullOrWhiteSpace(reason) || reason.Length > LongestReason)
        {
            return new(false, $"Enter a reason of at most {LongestReason} characters for the pause.");
        }

        if (lasts is <= 0 or > 24 * 366 or double.NaN)
        {
            return new(false, "Enter more than 0 hours and at most a year, or leave it empty for no end.");
        }

        var known = await KnownAsync(names, cancellationToken);
        DateTimeOffset? until = lasts is { } end ? clock.GetUtcNow().AddHours(end) : null;
        foreach (var name in known)
        {
            await controls.PauseAsync(name, $"{reason.Trim()} ({actor})", until, actor, cancellationToken);
        }

        return known.Count == 0
            ? new(false, "No tokens selected.")
            : new(true, $"Paused {Count(known)}. Valid tokens are still served; no automatic refresh{(until is null ? " until resumed" : $" for {DurationFormat.InWords(TimeSpan.FromHours(lasts!.Value))}")}.")
            {
                Each = Several([.. known.Select(name => new FlashMessageOf(name, true, "paused"))]),
            };
    }

    /// <summary>Ends pauses.</summary>
    public async Task<FlashMessage> ResumeAsync(IReadOnlyCollection<string> names, string actor, CancellationToken cancellationToken)
    {
        var known = await KnownAsync(names, cancellationToken);
        foreach (var name in known)
        {
            await controls.ResumeAsync(name, actor, cancellationToken);
        }

        return known.Count == 0 ? new(false, "No tokens selected.") : new(true, $"Resumed {Count(known)}.") { Each = Several([.. known.Select(name => new FlashMessageOf(name, true, "resumed"))]) };
    }

    private async Task<FlashMessageOf> TestAsync(string name, string actor, CancellationToken cancellationToken)
    {
        var result = await probe.TryAsync(name, cancellationToken);
        await audit.WriteAsync(actor, "token.tested", name, new { accepted = result?.Accepted, http_status = result?.HttpStatus });
        return new(name, result?.Accepted == true, result is null ? "there is no stored token to test." : InWords(result));
    }

    /// <summary>What a provider said of a token, in a sentence.</summary>
    internal static string InWords(ProbeResult result) => result.Accepted
        ? $"accepted by the provider (HTTP {result.HttpStatus}, {result.Latency.TotalMilliseconds:0} ms)."
        : $"not accepted by the provider: {result.Failure?.Reason ?? $"HTTP {result.HttpStatus}"} ({result.Latency.TotalMilliseconds:0} ms).";

    private async Task<List<string>> KnownAsync(IReadOnlyCollection<string> names, CancellationToken cancellationToken) => [.. (await tokens.FindAsync(names, cancellationToken)).Select(token => token.Name)];

    // What came of each token so far. Who came second waits for the first, and is told what came of that.
    private async Task<Dictionary<string, RefreshAttempt>> ResultsAsync(string[] jobs, int expected, DateTimeOffset askedAt, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        for (var (since, results) = (clock.GetTimestamp(), new Dictionary<string, RefreshAttempt>()); ; await Task.Delay(TimeSpan.FromMilliseconds(100), clock, cancellationToken))
        {
            var rows = await db.Attempts.AsNoTracking().Where(row => jobs.Contains(row.JobId!) && row.Status != AttemptStatus.Running).OrderBy(row => row.Id).ToListAsync(cancellationToken);
            foreach (var row in rows.Where(row => !results.ContainsKey(row.TokenName)))
            {
                var first = row.Status == AttemptStatus.Skipped ? await FirstAsync(db, row, askedAt, cancellationToken) : row;
                if (first.Status != AttemptStatus.Running)
                {
                    results[row.TokenName] = first;
                }
            }

            if (results.Count >= expected || clock.GetElapsedTime(since) > WaitForResult)
            {
                return results;
            }
        }
    }

    // The attempt that made this one needless, where it ran when this was asked for; else the row itself.
    private static async Task<RefreshAttempt> FirstAsync(TokenRefreshDbContext db, RefreshAttempt skipped, DateTimeOffset askedAt, CancellationToken cancellationToken)
    {
        var first = await db.Attempts.AsNoTracking()
            .Where(row => row.TokenName == skipped.TokenName && row.Id < skipped.Id && row.Status != AttemptStatus.Skipped)
            .OrderByDescending(row => row.Id).FirstOrDefaultAsync(cancellationToken);
        return first is { Status: AttemptStatus.Running } || first?.CompletedAt >= askedAt ? first : skipped;
    }

    private static FlashMessageOf Tell(string name, RefreshAttempt? row, string actor) => row is null
        ? new(name, true, "still processing.")
        : new(name, row.Status != AttemptStatus.Failed, (row.TriggeredBy == actor ? "" : $"already started by {row.TriggeredBy}. ") + (row.ErrorCode is { } code ? $"{code}: {row.Message}" : row.Message));

    private static List<FlashMessageOf> Several(List<FlashMessageOf> each) => each.Count > 1 ? each : [];

    private static string Count(List<string> names) => names.Count == 1 ? names[0] : $"{names.Count} tokens";

    private static string Summary(IReadOnlyCollection<RefreshAttempt> rows) =>
        $"{rows.Count(row => row.Status == AttemptStatus.Success)} refreshed, {rows.Count(row => row.Status == AttemptStatus.Failed)} failed, {rows.Count(row => row.Status == AttemptStatus.Skipped)} skipped.";
}
