using Microsoft.EntityFrameworkCore;
using TokenRefresh.Jobs.Persistence;

namespace TokenRefresh.Jobs.Access;

/// <summary>A program that has read a token.</summary>
public sealed record TokenReader(string Actor, long Reads, DateTimeOffset Last);

/// <summary>A program that has read one token, and how often.</summary>
public sealed record Consumer(string Actor, string Token, long Reads);

/// <summary>Writes down who did what, and reads it.</summary>
public sealed class AuditTrail(IDbContextFactory<TokenRefreshDbContext> contexts, TimeProvider clock)
{
    /// <summary>Adds an entry.</summary>
    /// <param name="actor">Who, for example <c>user:admin</c>.</param>
    /// <param name="action">What, for example <c>token.paused</c>.</param>
    /// <param name="subject">To what.</param>
    /// <param name="details">More about it; no secrets.</param>
    public async Task WriteAsync(string actor, string action, string subject, object details)
    {
        await using var db = await contexts.CreateDbContextAsync(CancellationToken.None);
        db.Audit.Add(AuditEntry.Of(clock.GetUtcNow(), actor, action, subject, details));
        await db.SaveChangesAsync(CancellationToken.None);
    }

    /// <summary>Entries, newest first.</summary>
    /// <param name="before">Only entries older than the one with this id.</param>
    public async Task<IReadOnlyList<AuditEntry>> RecentAsync(int limit, long? before, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        return await db.Audit.AsNoTracking().Where(entry => before == null || entry.Id < before).OrderByDescending(entry => entry.Id).Take(limit).ToListAsync(cancellationToken);
    }

    /// <summary>The programs that have read any of these tokens since an instant, busiest first.</summary>
    public async Task<IReadOnlyList<Consumer>> ConsumersAsync(IReadOnlyCollection<string> tokens, DateTimeOffset since, CancellationToken cancellationToken)
    {
        string[] names = [.. tokens];
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        return await db.Database.SqlQuery<Consumer>(
            $"""
             SELECT actor, subject AS token, sum((details ->> 'reads')::bigint)::bigint AS reads
             FROM audit_log WHERE action = 'token.read' AND subject = ANY({names}) AND at >= {since}
             GROUP BY actor, subject ORDER BY reads DESC, actor, subject
             """).ToListAsync(cancellationToken);
    }

    /// <summary>The programs that have read a token since an instant, busiest first.</summary>
    public async Task<IReadOnlyList<TokenReader>> ReadersAsync(string token, DateTimeOffset since, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        return await db.Database.SqlQuery<TokenReader>(
            $"""
             SELECT actor, sum((details ->> 'reads')::bigint)::bigint AS reads, max(at) AS last
             FROM audit_log WHERE action = 'token.read' AND subject = {token} AND at >= {since}
             GROUP BY actor ORDER BY reads DESC LIMIT 20
             """).ToListAsync(cancellationToken);
    }
}
