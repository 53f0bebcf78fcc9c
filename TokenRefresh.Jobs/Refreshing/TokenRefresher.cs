using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging;
using TokenRefresh.Jobs.Attempts;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Telemetry;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;

namespace TokenRefresh.Jobs.Refreshing;

/// <summary>The one door: every refresh of every token goes through <see cref="RefreshAsync"/>.</summary>
public sealed partial class TokenRefresher(
    IDbContextFactory<TokenRefreshDbContext> contexts,
    ConfiguredTokens configured,
    TokenFinder tokens,
    ProviderSlots slots,
    RenewOrAcquire exchange,
    RefreshCommitter committer,
    IRefreshWrites writes,
    TokenStore store,
    IReminders reminders,
    SecretProtection secrets,
    DatabaseContact contact,
    DatabaseReturn back,
    TokenMetrics metrics,
    NodeName node,
    TimeProvider clock,
    ILogger<TokenRefresher> log)
{
    private const string Unknown = "There is no such token any more.";

    internal const string TakenOver = "This node was suspended for so long that another one took over.";

    /// <summary>Refreshes one token if the request and the stored state call for it, and leaves a row in the log.</summary>
    /// <param name="request">What is requested, and who requested it.</param>
    /// <param name="cancellationToken">Ends the waiting before the call; never the call or the save.</param>
    /// <exception cref="OperationCanceledException">It ended before the call, or the program did while the database was away.</exception>
    public async Task<RefreshOutcome> RefreshAsync(RefreshRequest request, CancellationToken cancellationToken)
    {
        if (await tokens.OutlineAsync(request.Token, cancellationToken) is not { } outline)
        {
            return new RefreshOutcome.Skipped(Unknown);
        }

        var outcome = await RefreshAsync(outline, request, cancellationToken);
        metrics.Refreshed(outline.Provider.Name, request.Trigger.Code(), outcome.Code);
        Remind(request, outcome);
        return outcome;
    }

    private async Task<RefreshOutcome> RefreshAsync(ConfiguredToken outline, RefreshRequest request, CancellationToken cancellationToken)
    {
        using var slot = await slots.EnterAsync(outline.Provider, cancellationToken);
        await back.HoldBackAsync(cancellationToken);
        var lease = new Lease(writes, contexts, outline.Name, $"{node.Value}/{Guid.NewGuid():N}", outline.Provider.Timeout, contact, clock);
        if (await lease.TakeAsync(cancellationToken) is not { } token)
        {
            return await NoteInFlightAsync(outline, request, cancellationToken);
        }

        var settings = configured.Of(token);
        if (settings.Origin == Origin.Undeclared || settings.Provider.Name != outline.Provider.Name)
        {
            tokens.Forget(token.Name);
            return await SkipAsync(token, settings, request, RefreshEligibility.GoneOrChanged);
        }

        // From here on nothing is cancelled by a shutdown: a rotated token must not be lost.
        var verdict = await IsRefusedAgainAsync(token, request)
            ? RefreshEligibility.RefusedAgain
            : RefreshEligibility.For(token, settings, request, secrets.Fingerprint(settings.Settings), clock.GetUtcNow());
        return verdict.IsDue
            ? await AttemptAsync(lease, token, settings, request, verdict.Reason)
            : await SkipAsync(token, settings, request, verdict);
    }

    // A second token may be refused for the first one's reason, such as a revocation that came late; a third says that it is the API's.
    private async Task<bool> IsRefusedAgainAsync(Token token, RefreshRequest request)
    {
        var since = clock.GetUtcNow() - RefreshEligibility.RejectionsApart;
        if (request.Trigger != RefreshTrigger.Rejected || !(token.IssuedAt > since))
        {
            return false;
        }

        await using var db = await contexts.CreateDbContextAsync(CancellationToken.None);
        var last = await db.Attempts.AsNoTracking()
            .Where(row => row.TokenName == token.Name && row.Status == AttemptStatus.Success && row.StartedAt > since)
            .OrderByDescending(row => row.Id).Select(row => row.TriggerType).Take(2).ToListAsync(CancellationToken.None);
        return last is [RefreshTrigger.Rejected, RefreshTrigger.Rejected];
    }

    private async Task<RefreshOutcome> AttemptAsync(
        Lease lease, Token token, ConfiguredToken settings, RefreshRequest request, string reason)
    {
        using var activity = TokenMetrics.StartRefresh(settings.Name, settings.Provider.Name, request.Trigger.Code());
        var now = clock.GetUtcNow();
        var started = clock.GetTimestamp();
        var isAfterUnknownOutcome = token.LastFailure == FailureKind.Abandoned;
        if (!await lease.CoversCallAsync())
        {
            return new RefreshOutcome.InFlight(TakenOver);
        }

        var attempt = RefreshAttempt.Open(settings.Provider.Name, request, reason, node.Value, now);
        await writes.OpenAsync(attempt, CancellationToken.None);

        using var open = back.Begin(lease.Owner, lease.Span, token.Version, AttemptRow.Of(attempt));

        var answer = await exchange.AskAsync(lease, token, settings, request, isAfterUnknownOutcome);
        var outcome = await committer.SaveAsync(new(token, attempt, settings, request, answer, clock.GetElapsedTime(started)));
        TokenMetrics.End(activity, outcome.Code, outcome is RefreshOutcome.Failed);
        Report(request, outcome);
        return outcome;
    }

    private async Task<RefreshOutcome> SkipAsync(Token token, ConfiguredToken settings, RefreshRequest request, RefreshEligibility verdict)
    {
        var now = clock.GetUtcNow();
        if (await store.ApplyAsync(token, token.Skipped(now), SkippedRow(settings, request, verdict.Reason, now, verdict.Code)) is null)
        {
            return new RefreshOutcome.InFlight(TakenOver);
        }

        LogSkipped(request.Token, verdict.Reason, request.Trigger);
        return new RefreshOutcome.Skipped(verdict.Reason) { DueAt = verdict.DueAt, Obstacle = verdict.Obstacle };
    }

    private async Task<RefreshOutcome> NoteInFlightAsync(ConfiguredToken settings, RefreshRequest request, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var running = await db.Attempts.AsNoTracking()
            .Where(row => row.TokenName == settings.Name && row.Status == AttemptStatus.Running)
            .OrderByDescending(row => row.Id).FirstOrDefaultAsync(cancellationToken);
        var reason = running is null
            ? "Another refresh of this token is in flight."
            : $"Another refresh of this token is in flight, started by {running.TriggeredBy} at {running.StartedAt:u}.";
        if (SkippedRow(settings, request, reason, clock.GetUtcNow(), "in_flight") is { } row)
        {
            await writes.OpenAsync(row, cancellationToken);
        }

        LogSkipped(request.Token, reason, request.Trigger);
        return new RefreshOutcome.InFlight(reason);
    }

    // The due check looks every minute, readers and their reports come by the thousand; what they find fresh is no event worth a row.
    private RefreshAttempt? SkippedRow(ConfiguredToken settings, RefreshRequest request, string reason, DateTimeOffset now, string rule) =>
        request.Trigger is RefreshTrigger.Due or RefreshTrigger.OnDemand or RefreshTrigger.Rejected
            ? null
            : RefreshAttempt.Skipped(settings.Provider.Name, request, reason, node.Value, now, rule);

    // Every new token gets one reminder, whatever the trigger, and so does one that is to be tried again before its job's retry; a reminder that
    // comes early by this node's clock is made again.
    private void Remind(RefreshRequest request, RefreshOutcome outcome)
    {
        switch (outcome)
        {
            case RefreshOutcome.Refreshed refreshed:
                reminders.Remind(request.Token, refreshed.DueAt);
                break;
            case RefreshOutcome.Skipped { DueAt: { } dueAt } when request is { Trigger: RefreshTrigger.Due, JobId: not null }:
                reminders.Remind(request.Token, dueAt);
                break;
            case RefreshOutcome.Failed { NextAttemptAt: { } nextAt, IsLeftToJob: false }:
                reminders.Remind(request.Token, nextAt);
                break;
        }
    }

    private void Report(RefreshRequest request, RefreshOutcome outcome)
    {
        switch (outcome)
        {
            case RefreshOutcome.Refreshed done:
                LogRefreshed(request.Token, done.ExpiresAt, request.Trigger, request.TriggeredBy);
                break;
            case RefreshOutcome.Failed { Failure: { } failure } failed when failure.Kind.IsRetryable():
                LogFailed(request.Token, failure.Kind.Code(), failure.Reason, failed.NextAttemptAt);
                break;
            case RefreshOutcome.Failed { Failure: { } failure }:
                LogNeedsPerson(request.Token, failure.Kind.Code(), failure.Reason);
                break;
            case RefreshOutcome.Skipped skipped:
                LogSkipped(request.Token, skipped.Reason, request.Trigger);
                break;
        }
    }

    [LoggerMessage(1001, LogLevel.Information, "Refreshed {Token}; expires {ExpiresAt:O} ({Trigger}, by {TriggeredBy})")]
    private partial void LogRefreshed(string token, DateTimeOffset expiresAt, RefreshTrigger trigger, string triggeredBy);

    [LoggerMessage(1002, LogLevel.Warning, "Refreshing {Token} failed: {Kind}: {Reason}; next attempt {NextAttemptAt:O}")]
    private partial void LogFailed(string token, string kind, string reason, DateTimeOffset? nextAttemptAt);

    [LoggerMessage(1003, LogLevel.Error, "Refreshing {Token} failed, action required: {Kind}: {Reason}")]
    private partial void LogNeedsPerson(string token, string kind, string reason);

    [LoggerMessage(1004, LogLevel.Debug, "Skipped {Token}: {Reason} ({Trigger})")]
    private partial void LogSkipped(string token, string reason, RefreshTrigger trigger);
}
