using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Refreshing;
using TokenRefresh.Jobs.Telemetry;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;

namespace TokenRefresh.Jobs.TokenCache;

/// <summary>
/// Serves valid tokens from memory: a read takes no SQL, no lock and no allocation while enough life is left, whatever fails around it.
/// With too little time left it starts one refresh for all waiting callers.
/// </summary>
public sealed partial class TokenCache : ITokenWatcher
{
    /// <summary>The longest that a reader waits for a refresh.</summary>
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(10);

    /// <summary>Suggested to a reader where nothing better is known.</summary>
    private static readonly TimeSpan UsualRetry = TimeSpan.FromSeconds(30);

    /// <summary>Metrics have no more series of one name than this.</summary>
    internal const int MostGauges = 2000;

    /// <summary>So many are read in one statement.</summary>
    private const int ReadAtOnce = 500;

    private readonly IDbContextFactory<TokenRefreshDbContext> contexts;
    private readonly TokenRefresher door;
    private readonly SecretProtection secrets;
    private readonly TimeProvider clock;
    private readonly ILogger<TokenCache> log;
    private readonly HeldTokens slots;
    private readonly CachedTokenLoader intake;
    private readonly int size;

    /// <summary>A cache that is empty until it is filled by <see cref="ReloadAsync(CancellationToken)"/>.</summary>
    public TokenCache(
        ConfiguredTokens configured, IDbContextFactory<TokenRefreshDbContext> contexts, SecretProtection secrets, TokenRefresher door, TokenStore answers, UnsavedTokenSpool unsaved,
        RestoredTokens restored, TokenVersions versions, IOptions<PerformanceOptions> options, TimeProvider clock, ILogger<TokenCache> log)
    {
        (this.contexts, this.door, this.secrets, this.clock, this.log, size) = (contexts, door, secrets, clock, log, options.Value.CacheSize);
        slots = new(configured, versions, size, clock);
        foreach (var declared in configured.All)
        {
            slots.Hold(declared);
        }

        configured.Changed += slots.Follow;
        intake = new(slots, configured, contexts, secrets, restored, versions, clock, log);
        unsaved.Kept += Serve;
        answers.Stored += stored => intake.Swap(stored);
    }

    /// <summary>How the tokens stand that this node holds: the first to expire, at most <see cref="MostGauges"/>.</summary>
    public IEnumerable<TokenGauge> Lives => slots.All
        .Where(slot => slot.Entry is not null && slot.Settings.NotConfiguredBecause is null)
        .OrderBy(slot => slot.Entry!.ExpiresAt ?? DateTimeOffset.MinValue).Take(MostGauges)
        .Select(slot => new TokenGauge(slot.Settings.Name, slot.Settings.Provider.Name, slot.Entry!.ExpiresAt, slot.Entry.IsPaused(clock.GetUtcNow()) ? null : slot.Entry.RefreshDueAt));

    /// <summary>A valid token with at least <paramref name="minValidity"/> left if that can be had; the best there is otherwise.</summary>
    /// <returns>Null where there is no such token.</returns>
    public ValueTask<TokenReading?> ReadAsync(string name, TimeSpan minValidity, CancellationToken cancellationToken)
    {
        if (slots.Find(name) is not { } slot)
        {
            return ReadUnheldAsync(name, minValidity, cancellationToken);
        }

        var now = clock.GetUtcNow();
        slot.NoteRead(now);
        return slot.Entry is { ExpiresAt: { } expires } entry && expires - now > minValidity
            ? new(new TokenReading(entry, StaleReason(entry), null))
            : ReadSlowlyAsync(slot, minValidity, cancellationToken);
    }

    /// <summary>A program's call was refused with that version: renews once if it is still the current one. Does not wait for it.</summary>
    /// <returns>False where there is no such token.</returns>
    public async ValueTask<bool> RejectAsync(string name, long version, string reportedBy)
    {
        if ((slots.Find(name) ?? await HoldAsync(name, CancellationToken.None)) is not { } slot)
        {
            return false;
        }

        var request = new RefreshRequest(name, RefreshTrigger.Rejected, reportedBy) { RejectedVersion = version };
        _ = slot.IsServedAs(version) ? RejectServedAsync(slot, request) : version > (slot.Entry?.Version ?? 0) ? RejectUnheardAsync(slot, request) : Task.CompletedTask;
        return true;
    }

    /// <summary>
    /// Reads the tokens again that are held, and as many others as there is room for, those first that were read last: at the start, after a gap in the
    /// notifications, and each few minutes as the net beneath them.
    /// </summary>
    public Task ReloadAsync(CancellationToken cancellationToken) => ReloadAsync(size, cancellationToken);

    /// <summary>Reads the first tokens, so that readers find them in place; the others follow, or are read when they are asked for.</summary>
    public Task BeginAsync(CancellationToken cancellationToken) => ReloadAsync(ReadAtOnce, cancellationToken);

    /// <summary>From now on what is stored counts, whatever its version, as soon as it is read; until then what is held is served.</summary>
    public void Invalidate()
    {
        foreach (var slot in slots.All)
        {
            slot.IsDistrusted = true;
        }
    }

    /// <summary>Reads some tokens again, as far as they are held or there is room for them.</summary>
    public async Task ReloadAsync(IReadOnlyCollection<string> names, CancellationToken cancellationToken)
    {
        foreach (var some in names.Where(name => slots.Find(name) is not null || slots.HasRoom).Chunk(ReadAtOnce))
        {
            await intake.TakeAsync(await intake.ReadAsync(some, cancellationToken), some, cancellationToken);
        }
    }

    /// <summary>Ends when every refresh that readers and reports have set off has ended: a call in flight must not be lost with the process.</summary>
    public Task DrainAsync() => Task.WhenAll(slots.All.Select(slot => slot.Refresh.Last).OfType<Task>());

    private async Task ReloadAsync(int most, CancellationToken cancellationToken)
    {
        IEnumerable<string> names = slots.Names;
        if (slots.HasRoom)
        {
            await using var db = await contexts.CreateDbContextAsync(cancellationToken);
            var known = TokenFinder.Known(db);
            var used = await known.Where(token => token.LastUsedAt != null).OrderByDescending(token => token.LastUsedAt).Select(token => token.Name).Take(most).ToListAsync(cancellationToken);
            var others = await known.Where(token => token.LastUsedAt == null).OrderBy(token => token.Name).Select(token => token.Name).Take(most - used.Count).ToListAsync(cancellationToken);
            names = [.. names.Union(used).Union(others)];
        }

        foreach (var some in names.Chunk(ReadAtOnce))
        {
            await intake.TakeAsync(await intake.ReadAsync(some, cancellationToken), some, cancellationToken);
        }

        slots.LetGo();
    }

    // Its first reader here waits for the row.
    private async ValueTask<TokenReading?> ReadUnheldAsync(string name, TimeSpan minValidity, CancellationToken cancellationToken)
    {
        try
        {
            return await HoldAsync(name, cancellationToken) is null ? null : await ReadAsync(name, minValidity, cancellationToken);
        }
        catch (Exception error) when (DatabaseFaults.IsAway(error))
        {
            return new TokenReading(null, ReadingCodes.NotLoaded, UsualRetry);
        }
    }

    private async Task<CachedTokenSlot?> HoldAsync(string name, CancellationToken cancellationToken)
    {
        if (!CatalogNames.IsAllowed(name) || await intake.ReadAsync([name], cancellationToken) is not [{ Origin: not Origin.Undeclared } row])
        {
            return null;
        }

        var slot = slots.Hold(row, isNeeded: true);
        slot!.NoteRead(clock.GetUtcNow());
        intake.Swap(row);
        slots.LetGo();
        return slot;
    }

    // Another node may have issued it a moment ago, so the row decides; a version that was never issued ends here.
    private async Task RejectUnheardAsync(CachedTokenSlot slot, RefreshRequest request)
    {
        try
        {
            await ReloadAsync([slot.Settings.Name], CancellationToken.None);
        }
        catch (Exception error) when (DatabaseFaults.IsAway(error))
        {
            LogAway(slot.Settings.Name, error.GetBaseException().GetType().Name);
        }

        if (slot.IsServedAs(request.RejectedVersion!.Value))
        {
            await RejectServedAsync(slot, request);
        }
    }

    // The version under which it is stored now may be another than that under which it was served: what counts is that it is the same token.
    private async Task RejectServedAsync(CachedTokenSlot slot, RefreshRequest request)
    {
        for (long? asked = null; slot.IsServedAs(request.RejectedVersion!.Value) && slot.Entry!.Version != asked;)
        {
            // What flies for another reason may end without a new token; the report is made after it.
            var version = slot.Entry.Version;
            var flown = await RefreshOnceAsync(slot, request with { RejectedVersion = version });
            asked = flown.RejectedVersion == version ? version : null;
        }
    }

    private async ValueTask<TokenReading?> ReadSlowlyAsync(CachedTokenSlot slot, TimeSpan minValidity, CancellationToken cancellationToken)
    {
        if (CanTry(slot, minValidity))
        {
            var request = new RefreshRequest(slot.Settings.Name, RefreshTrigger.OnDemand, "reader") { MinValidity = minValidity };
            var unsaved = slot.Unsaved;
            try
            {
                await Task.WhenAny(RefreshOnceAsync(slot, request), EndOfAsync(unsaved)).WaitAsync(LongestWait, clock, cancellationToken);
            }
            catch (TimeoutException)
            {
                LogSlow(slot.Settings.Name, LongestWait);
            }
        }

        var now = clock.GetUtcNow();
        return slot.Entry is { } entry && entry.ExpiresAt > now
            ? new TokenReading(entry, entry.ExpiresAt - now > minValidity ? StaleReason(entry) : ReasonForLess(slot, entry, minValidity, now), null)
            : Unavailable(slot, now);

        // Comes back to where the reader waits, as the refresh does; a bare WhenAny goes on wherever the one who tells lets it.
        static async Task EndOfAsync(Task told) => await told;
    }

    /// <summary>True unless the stored state already says that a refresh would not be made or would not help.</summary>
    private bool CanTry(CachedTokenSlot slot, TimeSpan minValidity)
    {
        var now = clock.GetUtcNow();
        if (slot.Ask(minValidity, secrets, now) is not { } answer)
        {
            return slot.Settings.NotConfiguredBecause is null;
        }

        // What the provider never issues for so long, or has just issued to a reader, a refresh does not make longer.
        var entry = slot.Entry!;
        return answer.IsDue && !slot.IsFreshForReaders(now) && (entry.ExpiresAt is null || entry.ExpiresAt <= now || entry.ExpiresAt - entry.IssuedAt > minValidity);
    }

    /// <summary>One refresh at a time for one token in this process; whoever comes while it runs shares it.</summary>
    private Task<RefreshRequest> RefreshOnceAsync(CachedTokenSlot slot, RefreshRequest request) => slot.Refresh.Share(async () =>
    {
        await RefreshAsync(slot, request);
        return request;
    });

    private async Task RefreshAsync(CachedTokenSlot slot, RefreshRequest request)
    {
        await Task.Yield();
        try
        {
            var outcome = await door.RefreshAsync(request, CancellationToken.None);
            if (outcome is RefreshOutcome.Refreshed refreshed && request.Trigger == RefreshTrigger.OnDemand)
            {
                slot.IssuedToReader = refreshed.Version;
            }

            await ReloadAsync([slot.Settings.Name], CancellationToken.None);
            for (var since = clock.GetTimestamp(); outcome is RefreshOutcome.InFlight && !IsAnswered(slot, request) && CanTry(slot, request.MinValidity) && clock.GetElapsedTime(since) < LongestWait;)
            {
                // Another node is at it: what it saves, a failure too, is seen here as soon as it is there.
                await Task.Delay(TimeSpan.FromMilliseconds(100), clock, CancellationToken.None);
                await ReloadAsync([slot.Settings.Name], CancellationToken.None);
            }

            slot.IsAwayTold = false;
        }
        catch (Exception error) when (DatabaseFaults.IsAway(error))
        {
            // Every reader of an expired token tries again; that is logged once per outage.
            if (!slot.IsAwayTold)
            {
                slot.IsAwayTold = true;
                LogAway(slot.Settings.Name, error.GetBaseException().GetType().Name);
            }
        }
        catch (OperationCanceledException)
        {
            // The program ends while the database is unreachable; the answer is on disk for the next start.
        }
        catch (Exception error)
        {
            // A report's refresh is not awaited, and a reader's token may still be valid: an error of ours must affect neither.
            LogBroken(slot.Settings.Name, error);
        }
    }

    private bool IsAnswered(CachedTokenSlot slot, RefreshRequest request) => slot.Entry is { } entry
        && (request.RejectedVersion is { } rejected ? entry.Version > rejected : entry.ExpiresAt - clock.GetUtcNow() > request.MinValidity);

    // Good for calls at once; readers who wait for it need not wait for the database.
    private void Serve(Token unsaved)
    {
        intake.Swap(unsaved, isSaved: false);
        slots.Find(unsaved.Name)?.TellOfUnsaved();
    }

    /// <summary>A token that is served though its last refresh failed says why.</summary>
    private static string? StaleReason(CachedToken entry) => entry.Failure is { } failure ? ReadingCodes.Of(failure) : null;

    /// <summary>A reader who asked for more life than the token has is told why it gets no more.</summary>
    private static string ReasonForLess(CachedTokenSlot slot, CachedToken entry, TimeSpan minValidity, DateTimeOffset now) =>
        slot.Settings.NotConfiguredBecause is not null ? ReadingCodes.NotConfigured
        : entry.IsPaused(now) ? ReadingCodes.Paused
        : entry.Failure is { } failure ? ReadingCodes.Of(failure)
        : entry.ExpiresAt - entry.IssuedAt <= minValidity ? ReadingCodes.NeverThatLong
        : slot.IsFreshForReaders(now) ? ReadingCodes.JustRenewed
        : ReadingCodes.NotInTime;

    private static TokenReading Unavailable(CachedTokenSlot slot, DateTimeOffset now)
    {
        var entry = slot.Entry;
        var code = slot.Settings.NotConfiguredBecause is not null ? ReadingCodes.NotConfigured
            : entry?.IsPaused(now) == true ? ReadingCodes.Paused
            : entry?.Failure is { } failure ? ReadingCodes.Of(failure)
            : entry?.ExpiresAt is not null ? ReadingCodes.Expired
            : slot.Settings.Order.Grant == Grant.Imported ? ReadingCodes.NeedsReauthorization
            : ReadingCodes.NotYet;
        return new(null, code, entry?.NextAttemptAt - now is { } wait && wait > TimeSpan.Zero ? wait : UsualRetry);
    }

    [LoggerMessage(1101, LogLevel.Warning, "A client waited {Wait} for a refresh of {Token} that did not complete in time")]
    private partial void LogSlow(string token, TimeSpan wait);

    [LoggerMessage(1102, LogLevel.Warning, "The database is unreachable ({Error}); {Token} is served from memory while it is valid")]
    private partial void LogAway(string token, string error);

    [LoggerMessage(1104, LogLevel.Error, "A refresh of {Token} for a client failed unexpectedly; it is served from memory while it is valid")]
    private partial void LogBroken(string token, Exception error);
}
