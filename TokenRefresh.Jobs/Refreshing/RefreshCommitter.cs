using System.Diagnostics;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.ChangeTracking;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using TokenRefresh.Jobs.Attempts;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;

namespace TokenRefresh.Jobs.Refreshing;

/// <summary>Everything that one attempt has to save.</summary>
public sealed record RefreshToCommit(
    TokenRefreshDbContext Db, Token Token, RefreshAttempt Attempt, ConfiguredToken Settings, RefreshRequest Request, ExchangeResult Answer, TimeSpan Took);

/// <summary>Saves the provider's answer: token and attempt in one transaction, at once, and against every fault on the way.</summary>
public sealed partial class RefreshCommitter(
    SecretProtection secrets, UnsavedTokenSpool unsaved, TokenStore store, TokenVersions versions, DatabaseContact contact, ShutdownSignal end, IOptions<ScheduleOptions> schedule,
    TimeProvider clock, ILogger<RefreshCommitter> log)
{
    internal const string Overtaken = "Another refresh or an import saved a newer token first; this answer was discarded.";

    internal static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(10);

    /// <summary>Saves, and waits for a database that is away. The stored token changes only on success.</summary>
    /// <exception cref="OperationCanceledException">The program ends while the database is unreachable; the answer is kept on disk, sealed.</exception>
    public Task<RefreshOutcome> SaveAsync(RefreshToCommit settling) => settling.Answer.Result switch
    {
        ProviderResult.Issued issued => SaveIssuedAsync(settling, issued.Token, issued.Note),
        ProviderResult.Failed { Failure: { } failure } => SaveFailureAsync(settling, failure),
        _ => throw new UnreachableException(),
    };

    private async Task<RefreshOutcome> SaveIssuedAsync(RefreshToCommit settling, IssuedToken issued, string? note)
    {
        var (db, token, attempt) = (settling.Db, settling.Token, settling.Attempt);
        var (readVersion, owner) = (token.Version, token.LeaseOwner);
        var needsRefreshToken = settling.Settings.Order.Grant == Grant.Imported;
        var plan = RenewalPolicy.Plan(token.Name, settling.Settings.Rule, issued.RequestedAt, issued.ExpiresAt,
            !needsRefreshToken ? null : issued.RefreshExpiresAt ?? (issued.RefreshToken is null ? token.RefreshExpiresAt : null));
        var now = clock.GetUtcNow();
        var metadata = Metadata(settling, issued);
        token.Accept(
            issued, secrets.SealAccess(token.Name, issued.AccessToken), secrets.SealRefresh(token.Name, issued.RefreshToken), plan,
            JsonSerializer.Serialize(new { scopes = issued.Scopes }), now);
        token.Renumber(versions.After(token.Name, readVersion));
        if (issued.RefreshToken is null && settling.Answer.IsRefreshTokenRefused)
        {
            token.RetireRefreshToken(now);
        }

        token.Release();
        attempt.Succeed($"Refreshed{(note is null ? "" : $" {note}")}; expires {issued.ExpiresAt:u}.", metadata, now, settling.Took);

        var answer = UnsavedToken.Of(token, attempt, readVersion, owner);
        var saved = await WhileAwayAsync(
            token.Name,
            SaveAsync,
            () => store.SaveAsync(answer, CancellationToken.None),
            () => unsaved.Keep(token, answer));
        unsaved.Forget(answer);
        return saved.IsSaved
            ? new RefreshOutcome.Refreshed(issued.ExpiresAt, plan.DueAt, saved.Version)
            : new RefreshOutcome.Skipped(Overtaken);

        async Task<StoredVersion> SaveAsync()
        {
            if (!await IsSavedAsync(db, attempt, clock.GetUtcNow()))
            {
                return await store.SaveAsync(answer, CancellationToken.None);
            }

            store.NoteStored(token);
            return new(true, token.Version);
        }
    }

    // False where a row changed under us: after a pause of this node, an import, a commit whose confirmation was lost, or a step back in time.
    private static async Task<bool> IsSavedAsync(TokenRefreshDbContext db, RefreshAttempt attempt, DateTimeOffset now)
    {
        try
        {
            await AttemptHours.SaveAsync(db, attempt.StartedAt, now, CancellationToken.None);
            return true;
        }
        catch (DbUpdateConcurrencyException)
        {
            return false;
        }
    }

    // What somebody else has stored counts; of ours only the lease is given back, where it is still ours.
    private static void LeaveTheirs(EntityEntry entry, PropertyValues? current, string? owner)
    {
        if (current is null)
        {
            entry.State = EntityState.Detached;
            return;
        }

        entry.OriginalValues.SetValues(current);
        entry.CurrentValues.SetValues(current);
        if (current.GetValue<string?>(nameof(Token.LeaseOwner)) == owner)
        {
            entry.CurrentValues[nameof(Token.LeaseOwner)] = null;
            entry.CurrentValues[nameof(Token.LeaseUntil)] = null;
        }
    }

    private async Task<RefreshOutcome> SaveFailureAsync(RefreshToCommit settling, ProviderFailure failure)
    {
        var (db, token, attempt, request) = (settling.Db, settling.Token, settling.Attempt, settling.Request);
        var (now, owner) = (clock.GetUtcNow(), token.LeaseOwner);
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
        token.RecordFailure(failure, nextAttemptAt, leavesItToJob ? request.JobId : null);
        token.Release();
        attempt.Fail(failure, Metadata(settling, null), now, settling.Took);

        await WhileAwayAsync(token.Name, SaveAsync, SaveAsync, () => { });
        return new RefreshOutcome.Failed(failure, nextAttemptAt) { IsLeftToJob = leavesItToJob };

        async Task<bool> SaveAsync()
        {
            while (await ConflictOfAsync(db, attempt, clock.GetUtcNow()) is { } conflict)
            {
                await ResolveAsync(conflict, token, attempt, owner);
            }

            return true;
        }
    }

    private static async Task<DbUpdateConcurrencyException?> ConflictOfAsync(TokenRefreshDbContext db, RefreshAttempt attempt, DateTimeOffset now)
    {
        try
        {
            await AttemptHours.SaveAsync(db, attempt.StartedAt, now, CancellationToken.None);
            return null;
        }
        catch (DbUpdateConcurrencyException conflict)
        {
            return conflict;
        }
    }

    // A failure says nothing of a token that changed under it; where the database has lost the attempt's row, it is written anew.
    private static async Task ResolveAsync(DbUpdateConcurrencyException conflict, Token token, RefreshAttempt attempt, string? owner)
    {
        foreach (var entry in conflict.Entries)
        {
            if (entry.Entity == token)
            {
                LeaveTheirs(entry, await entry.GetDatabaseValuesAsync(CancellationToken.None), owner);
            }
            else if (entry.Entity == attempt)
            {
                entry.State = EntityState.Detached;
                attempt.Unnumber();
                entry.Context.Add(attempt);
            }
        }
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

    private static string Metadata(RefreshToCommit settling, IssuedToken? issued) => JsonSerializer.Serialize(
        new
        {
            old_expires_at = settling.Token.ExpiresAt,
            old_refresh_expires_at = settling.Token.RefreshExpiresAt,
            new_expires_at = issued?.ExpiresAt,
            new_refresh_expires_at = issued?.RefreshExpiresAt,
            force_refresh = settling.Request.Trigger == RefreshTrigger.Forced,
            steps = settling.Answer.Steps,
            clock_ahead_seconds = settling.Answer.Result is ProviderResult.Issued { Clock: { IsSignificant: true } seen } ? Math.Round(seen.Ahead.TotalSeconds) : (double?)null,
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
