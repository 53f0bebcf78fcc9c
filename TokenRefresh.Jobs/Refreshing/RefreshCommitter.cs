using System.Diagnostics;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using TokenRefresh.Jobs.Attempts;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;

namespace TokenRefresh.Jobs.Refreshing;

/// <summary>Everything that one attempt has to save.</summary>
public sealed record RefreshToCommit(
    Token Token, RefreshAttempt Attempt, ConfiguredToken Settings, RefreshRequest Request, ExchangeResult Answer, TimeSpan Took);

/// <summary>Saves the provider's answer: token and attempt in one transaction, at once, and against every fault on the way.</summary>
public sealed partial class RefreshCommitter(
    SecretProtection secrets, UnsavedTokenSpool unsaved, TokenStore store, DatabaseContact contact, ShutdownSignal end, IOptions<ScheduleOptions> schedule,
    TimeProvider clock, ILogger<RefreshCommitter> log)
{
    internal const string Overtaken = "Another refresh or an import saved a newer token first; this answer was discarded.";

    internal static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(10);

    /// <summary>Saves, and waits for a database that is away. The stored token changes only on success.</summary>
    /// <exception cref="OperationCanceledException">The program ends while the database is unreachable; the answer is kept on disk, sealed.</exception>
    public Task<RefreshOutcome> SaveAsync(RefreshToCommit refresh) => refresh.Answer.Result switch
    {
        ProviderResult.Issued issued => SaveIssuedAsync(refresh, issued),
        ProviderResult.Failed { Failure: { } failure } => SaveFailureAsync(refresh, failure),
        _ => throw new UnreachableException(),
    };

    private async Task<RefreshOutcome> SaveIssuedAsync(RefreshToCommit refresh, ProviderResult.Issued answer)
    {
        var (token, issued, now) = (refresh.Token, answer.Token, clock.GetUtcNow());
        var needsRefreshToken = refresh.Settings.Order.Grant == Grant.Imported;
        var plan = RenewalPolicy.Plan(token.Name, refresh.Settings.Rule, issued.RequestedAt, issued.ExpiresAt,
            !needsRefreshToken ? null : issued.RefreshExpiresAt ?? (issued.RefreshToken is null ? token.RefreshExpiresAt : null));
        var change = token.Issued(
            issued, secrets.SealAccess(token.Name, issued.AccessToken), secrets.SealRefresh(token.Name, issued.RefreshToken), plan,
            TakenCredential.Metadata(answer, refresh.Settings, token, secrets), Contact(refresh), now);
        if (issued.RefreshToken is null && refresh.Answer.IsRefreshTokenRefused)
        {
            change = Token.WithoutRefusedRefreshToken(change, now);
        }

        var result = AttemptResult.Succeeded(
            $"Refreshed{(answer.Note is null ? "" : $" {answer.Note}")}; expires {issued.ExpiresAt:u}.", Metadata(refresh, issued), token.ExpiresAt, issued.ExpiresAt, refresh.Took);
        var write = TokenWrite.Of(token, change, refresh.Attempt, result);
        var saved = await WriteAsync(refresh, write, () => unsaved.Keep(store.After(token, change), write));
        unsaved.Forget(write);
        return saved.IsSaved
            ? new RefreshOutcome.Refreshed(issued.ExpiresAt, plan.DueAt, saved.Version)
            : new RefreshOutcome.Skipped(Overtaken);
    }

    private async Task<RefreshOutcome> SaveFailureAsync(RefreshToCommit refresh, ProviderFailure failure)
    {
        var (token, request, now) = (refresh.Token, refresh.Request, clock.GetUtcNow());
        if (failure.RetryAfter is { } asked && token.ExpiresAt > now && token.ExpiresAt - now <= asked)
        {
            failure = failure with { Reason = $"{failure.Reason}; the provider's Retry-After of {DurationFormat.InWords(asked)} is longer than the token is valid" };
        }

        var retryDelay = RetryDelay(failure.RetryAfter);
        var leavesItToJob = failure.Kind.IsRetryable() && request is { JobId: not null, RetriesLeft: > 0 }
            && RenewalPolicy.CanWaitForRetry(token.IssuedAt, token.ExpiresAt, retryDelay, now);
        DateTimeOffset? nextAttemptAt = !failure.Kind.IsRetryable() ? null
            : leavesItToJob ? now + retryDelay
            : now + RenewalPolicy.PauseAfter(
                token.Name, token.ConsecutiveFailures + 1, schedule.Value.Retries + 1, token.IssuedAt, token.ExpiresAt, failure.RetryAfter, now);
        var change = token.Failed(failure, nextAttemptAt, leavesItToJob ? request.JobId : null, Contact(refresh));
        var result = AttemptResult.Failed(failure, Metadata(refresh, null), token.ExpiresAt, refresh.Took);
        await WriteAsync(refresh, TokenWrite.Of(token, change, refresh.Attempt, result), () => { });
        return new RefreshOutcome.Failed(failure, nextAttemptAt) { IsLeftToJob = leavesItToJob };
    }

    private ProviderContact Contact(RefreshToCommit refresh) => new(refresh.Attempt.StartedAt, secrets.Fingerprint(refresh.Settings.Settings));

    // Conditional on what was read. Where that does not come through, what is stored by now decides: after a pause of this node, an import, a commit whose
    // confirmation was lost, or a step back in time.
    private Task<StoredVersion> WriteAsync(RefreshToCommit refresh, TokenWrite write, Action onAway)
    {
        var token = refresh.Token;
        return WhileAwayAsync(token.Name, FirstAsync, AgainAsync, onAway);

        async Task<StoredVersion> FirstAsync()
        {
            refresh.Attempt.End(write.Result, clock.GetUtcNow());
            return await store.ApplyAsync(token, write.Change, refresh.Attempt) is { } stored ? new(true, stored.Version) : await AgainAsync();
        }

        Task<StoredVersion> AgainAsync() => store.ApplyAsync(write, CancellationToken.None);
    }

    private TimeSpan RetryDelay(TimeSpan? retryAfter) => retryAfter > schedule.Value.Backoff ? retryAfter.Value : schedule.Value.Backoff;

    /// <param name="save">The usual save.</param>
    /// <param name="again">What is tried once that did not come through.</param>
    private async Task<T> WhileAwayAsync<T>(string token, Func<Task<T>> save, Func<Task<T>> again, Action onAway)
    {
        var isTold = false;
        for (var wait = TimeSpan.FromSeconds(0.5); ; save = again)
        {
            try
            {
                var saved = await save();
                if (isTold)
                {
                    LogSavedLate(token);
                }

                return saved;
            }
            catch (Exception error)
            {
                // Whatever it is, the answer is in hand: it is kept first.
                onAway();
                if (!DatabaseFaults.IsAway(error) && !DatabaseFaults.IsTakenBack(error))
                {
                    throw;
                }

                // Tried again each few seconds, said once.
                if (!isTold)
                {
                    isTold = true;
                    LogDatabaseAway(token, DatabaseFaults.InWords(error));
                }

                await contact.WaitForReturnAsync(wait, clock, end.Token);
                wait = wait * 2 < LongestWait ? wait * 2 : LongestWait;
            }
        }
    }

    private static string Metadata(RefreshToCommit refresh, IssuedToken? issued) => JsonSerializer.Serialize(
        new
        {
            old_refresh_expires_at = refresh.Token.RefreshExpiresAt,
            new_refresh_expires_at = issued?.RefreshExpiresAt,
            force_refresh = refresh.Request.Trigger == RefreshTrigger.Forced,
            steps = refresh.Answer.Steps,
            clock_ahead_seconds = refresh.Answer.Result is ProviderResult.Issued { Clock: { IsSignificant: true } seen } ? Math.Round(seen.Ahead.TotalSeconds) : (double?)null,
            credential = refresh.Answer.Result is ProviderResult.Issued { IsByNextCredential: { } isNext } ? isNext ? "next" : "present" : null,
            notes = issued?.Notes is { Count: > 0 } notes ? notes : null,
        },
        MetadataJson);

    private static readonly JsonSerializerOptions MetadataJson = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = System.Text.Json.Serialization.JsonIgnoreCondition.WhenWritingNull,
    };

    [LoggerMessage(1021, LogLevel.Warning, "The database does not accept the token {Token} ({Error}); it is kept, and saved as soon as the database is back")]
    private partial void LogDatabaseAway(string token, string error);

    [LoggerMessage(1022, LogLevel.Information, "The database has saved the token {Token} that it did not accept before")]
    private partial void LogSavedLate(string token);
}
