using System.Diagnostics;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.ChangeTracking;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using TokenRefresh.Jobs.Attempts;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Scheduling;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;

namespace TokenRefresh.Jobs.Refreshing;

/// <summary>Everything that one attempt has to save.</summary>
public sealed record Settling(
    TokenRefreshDbContext Db, Token Token, RefreshAttempt Attempt, ConfiguredToken Settings, RefreshRequest Request, Answer Answer, TimeSpan Took);

/// <summary>Saves the provider's answer: token and attempt in one transaction, at once, and against every fault on the way.</summary>
public sealed partial class Settlement(
    SecretProtection secrets, UnsavedAnswers unsaved, ProgramEnd end, IOptions<ScheduleOptions> schedule, TimeProvider clock, ILogger<Settlement> log)
{
    /// <summary>What a refresh does not change: people's pauses, programs' reads, the settings. It may be newer than what was read before the call.</summary>
    private static readonly string[] OfOthers =
        [nameof(Token.Provider), nameof(Token.LastUsedAt), nameof(Token.IsActive), nameof(Token.PausedAt), nameof(Token.PausedUntil), nameof(Token.PauseReason)];

    internal const string Overtaken = "Another refresh or an import saved a newer token first; this answer was dropped.";

    internal static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(10);

    /// <summary>Saves, and waits for a database that is away. The stored token changes only on success.</summary>
    /// <exception cref="OperationCanceledException">The program ends while the database is away; the answer is kept on disk, sealed.</exception>
    public Task<RefreshOutcome> SaveAsync(Settling settling) => settling.Answer.Result switch
    {
        ProviderResult.Issued issued => SaveIssuedAsync(settling, issued.Token, issued.Note),
        ProviderResult.Failed { Failure: { } failure } => SaveFailureAsync(settling, failure),
        _ => throw new UnreachableException(),
    };

    private async Task<RefreshOutcome> SaveIssuedAsync(Settling settling, IssuedToken issued, string? note)
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
        if (issued.RefreshToken is null && settling.Answer.IsRefreshTokenRefused)
        {
            token.RetireRefreshToken(now);
        }

        token.Release();
        attempt.Succeed($"Refreshed{(note is null ? "" : $" {note}")}; expires {issued.ExpiresAt:u}.", metadata, now, settling.Took);

        await WhileAwayAsync(
            () => db.SaveChangesAsync(CancellationToken.None),
            () => unsaved.Keep(token, attempt, readVersion, owner),
            ResolveAsync);
        unsaved.Forget(token.Name, attempt.Id);

        return attempt.Status == AttemptStatus.Success
            ? new RefreshOutcome.Refreshed(issued.ExpiresAt, plan.DueAt, token.Version)
            : new RefreshOutcome.Skipped(attempt.Message);

        // The row changed under us: after a pause of this node, an import, or a commit whose confirmation was lost.
        async Task ResolveAsync(DbUpdateConcurrencyException conflict)
        {
            var entry = conflict.Entries.Single(entry => entry.Entity == token);
            var current = await entry.GetDatabaseValuesAsync(CancellationToken.None);
            if (current?.GetValue<string?>(nameof(Token.AccessToken)) == token.AccessToken)
            {
                // It is saved; only the word of it was lost.
                entry.State = EntityState.Detached;
                return;
            }

            if (current is not null && (current.GetValue<long>(nameof(Token.Version)) == readVersion || !await Overtaking(db, token.Name, attempt.Id).AnyAsync(CancellationToken.None)))
            {
                // Only the lease went to somebody else, or somebody who was paused has just saved an older token. The newest one in hand is never
                // thrown away, and a lease that is not ours stays theirs.
                var isOurs = current.GetValue<string?>(nameof(Token.LeaseOwner)) == owner;
                entry.OriginalValues.SetValues(current);
                foreach (var name in OfOthers)
                {
                    entry.CurrentValues[name] = current[name];
                }

                entry.CurrentValues[nameof(Token.Version)] = current.GetValue<long>(nameof(Token.Version)) + 1;
                entry.CurrentValues[nameof(Token.LeaseOwner)] = isOurs ? null : current[nameof(Token.LeaseOwner)];
                entry.CurrentValues[nameof(Token.LeaseUntil)] = isOurs ? null : current[nameof(Token.LeaseUntil)];
                return;
            }

            LeaveTheirs(entry, current, owner);
            attempt.Supersede(Overtaken, metadata, clock.GetUtcNow(), settling.Took);
        }
    }

    /// <summary>
    /// What stored a newer token than an attempt would. Whoever stores one writes a row, and the database numbers the rows in the order of the calls;
    /// two nodes' clocks may differ by more than those lie apart.
    /// </summary>
    internal static IQueryable<RefreshAttempt> Overtaking(TokenRefreshDbContext db, string token, long attempt) =>
        db.Attempts.Where(row => row.TokenName == token && row.Id > attempt && row.Status == AttemptStatus.Success);

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

    private async Task<RefreshOutcome> SaveFailureAsync(Settling settling, ProviderFailure failure)
    {
        var (db, token, attempt, request) = (settling.Db, settling.Token, settling.Attempt, settling.Request);
        var (now, owner) = (clock.GetUtcNow(), token.LeaseOwner);
        if (failure.RetryAfter is { } asked && token.ExpiresAt > now && token.ExpiresAt - now <= asked)
        {
            failure = failure with { Reason = $"{failure.Reason}; the provider asks for no call for {Spans.InWords(asked)}, longer than the token is valid" };
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

        await WhileAwayAsync(
            () => db.SaveChangesAsync(CancellationToken.None),
            () => { },
            async conflict =>
            {
                var entry = conflict.Entries.Single(entry => entry.Entity == token);
                LeaveTheirs(entry, await entry.GetDatabaseValuesAsync(CancellationToken.None), owner);
            });
        return new RefreshOutcome.Failed(failure, nextAttemptAt) { IsLeftToJob = leavesItToJob };
    }

    private TimeSpan RetryDelay(TimeSpan? retryAfter) => retryAfter > schedule.Value.Backoff ? retryAfter.Value : schedule.Value.Backoff;

    private async Task WhileAwayAsync(Func<Task> save, Action onAway, Func<DbUpdateConcurrencyException, Task> resolve)
    {
        for (var wait = TimeSpan.FromSeconds(0.5); ;)
        {
            try
            {
                // The database may go away while a conflict is looked into, too.
                if (await ConflictOfAsync(save) is not { } conflict)
                {
                    return;
                }

                await resolve(conflict);
            }
            catch (Exception error)
            {
                // Whatever it is, the answer is in hand: it is kept first.
                onAway();
                if (!DatabaseFaults.IsAway(error) && !DatabaseFaults.IsTakenBack(error))
                {
                    throw;
                }

                LogDatabaseAway(error.GetBaseException().GetType().Name, wait);
                await Task.Delay(wait, clock, end.Token);
                wait = wait * 2 < LongestWait ? wait * 2 : LongestWait;
            }
        }
    }

    // Null where it was saved.
    private static async Task<DbUpdateConcurrencyException?> ConflictOfAsync(Func<Task> save)
    {
        try
        {
            await save();
            return null;
        }
        catch (DbUpdateConcurrencyException conflict)
        {
            return conflict;
        }
    }

    private static string Metadata(Settling settling, IssuedToken? issued) => JsonSerializer.Serialize(
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

    [LoggerMessage(1021, LogLevel.Warning, "The database does not take an answer ({Error}); it is kept, and saved as soon as it does. Next try in {Wait}")]
    private partial void LogDatabaseAway(string error, TimeSpan wait);
}
