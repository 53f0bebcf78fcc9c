using Microsoft.EntityFrameworkCore;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Tokens;

namespace TokenRefresh.Jobs.Attempts;

/// <summary>How a stored token's life ended.</summary>
public enum LifetimeEnd
{
    /// <summary>It lives.</summary>
    Living,

    /// <summary>Another took its place in time.</summary>
    Replaced,

    /// <summary>An API refused it before its stated end.</summary>
    Refused,

    /// <summary>Its stated end came, and no other was there yet.</summary>
    RanOut,
}

/// <summary>One stored token's life: what was stated of it, and what the log saw.</summary>
/// <param name="From">When it was asked for.</param>
/// <param name="StatedEnd">When it was to die, as the provider stated.</param>
/// <param name="SeenEnd">Until when it was of use; for a living one, until now.</param>
public sealed record TokenLifetime(DateTimeOffset From, DateTimeOffset StatedEnd, DateTimeOffset SeenEnd, LifetimeEnd End)
{
    /// <summary>How long it was to live.</summary>
    public TimeSpan Stated => StatedEnd - From;

    /// <summary>How long it was of use.</summary>
    public TimeSpan Seen => SeenEnd - From;
}

/// <summary>Tells from the log how long tokens really lived.</summary>
public sealed class TokenLifetimes(IDbContextFactory<TokenRefreshDbContext> contexts, TimeProvider clock)
{
    /// <summary>The last lives of a token, newest first.</summary>
    public async Task<IReadOnlyList<TokenLifetime>> OfAsync(string token, int limit, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var rows = await db.Attempts.AsNoTracking()
            .Where(row => row.TokenName == token && (row.Status == AttemptStatus.Success || row.TriggerType == RefreshTrigger.Rejected))
            .OrderByDescending(row => row.Id).Take(limit * 2).ToListAsync(cancellationToken);
        rows.Reverse();
        return [.. Read(rows, clock.GetUtcNow()).Reverse().Take(limit)];
    }

    /// <summary>Reads lives from the rows of one token, oldest first. Pure.</summary>
    internal static IEnumerable<TokenLifetime> Read(IEnumerable<RefreshAttempt> rows, DateTimeOffset now)
    {
        DateTimeOffset? from = null, statedEnd = null, refusedAt = null;
        foreach (var row in rows)
        {
            if (row.TriggerType == RefreshTrigger.Rejected)
            {
                refusedAt ??= row.StartedAt;
            }

            if (row.Status != AttemptStatus.Success || row.NewExpiresAt is not { } expires)
            {
                continue;
            }

            if (Ended(row.StartedAt, LifetimeEnd.Replaced) is { } life)
            {
                yield return life;
            }

            (from, statedEnd, refusedAt) = (row.StartedAt, expires, null);
        }

        if (Ended(now, LifetimeEnd.Living) is { } last)
        {
            yield return last;
        }

        TokenLifetime? Ended(DateTimeOffset at, LifetimeEnd end) => (from, statedEnd) is not ({ } begin, { } stated) ? null
            : refusedAt < stated ? new(begin, stated, refusedAt.Value, LifetimeEnd.Refused)
            : stated < at ? new(begin, stated, stated, LifetimeEnd.RanOut)
            : new(begin, stated, at, end);
    }
}
