using Microsoft.EntityFrameworkCore;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Tokens;

namespace TokenRefresh.Jobs.Administration;

/// <summary>A program that has read a token.</summary>
public sealed record TokenReader(string Actor, long Reads, DateTimeOffset Last);

/// <summary>A program that has read one token, and how often.</summary>
public sealed record Consumer(string Actor, string Token, long Reads);

/// <summary>Which entries of the audit are asked for.</summary>
public sealed record AuditFilter
{
    /// <summary>Only where who, what or to what holds this, in any case.</summary>
    public string? Text { get; init; }

    /// <summary>Only entries from this instant on.</summary>
    public DateTimeOffset? Since { get; init; }

    /// <summary>With the programs' reads, a minute of a program's reads being one entry.</summary>
    public bool WithReads { get; init; }
}

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

    /// <summary>Adds an entry for each job that a user or client has enqueued.</summary>
    /// <param name="force">Whatever is due.</param>
    public async Task WriteRefreshesAsync(string actor, bool force, IReadOnlyList<(string JobId, string[] Tokens)> jobs)
    {
        await using var db = await contexts.CreateDbContextAsync(CancellationToken.None);
        AddRefreshes(db, actor, force, jobs);
        await db.SaveChangesAsync(CancellationToken.None);
    }

    /// <summary>As <see cref="WriteRefreshesAsync"/>, to be saved with whatever else the context holds.</summary>
    public void AddRefreshes(TokenRefreshDbContext db, string actor, bool force, IReadOnlyList<(string JobId, string[] Tokens)> jobs) =>
        db.Audit.AddRange(jobs.Select(job => AuditEntry.Of(
            clock.GetUtcNow(), actor, force ? "token.refresh_forced" : "token.refresh_asked", job.Tokens is [var only] ? only : $"{job.Tokens.Length} tokens", new { job = job.JobId, tokens = job.Tokens })));

    /// <summary>Every entry, newest first.</summary>
    /// <param name="before">Only entries older than the one with this id.</param>
    public Task<IReadOnlyList<AuditEntry>> RecentAsync(int limit, long? before, CancellationToken cancellationToken) =>
        RecentAsync(new() { WithReads = true }, limit, before, cancellationToken);

    /// <summary>Matching entries, newest first.</summary>
    /// <param name="before">Only entries older than the one with this id.</param>
    public async Task<IReadOnlyList<AuditEntry>> RecentAsync(AuditFilter filter, int limit, long? before, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var entries = db.Audit.AsNoTracking().Where(entry => before == null || entry.Id < before);
        entries = filter.WithReads ? entries : entries.Where(entry => entry.Action != AuditEntry.Read);
        entries = filter.Since is { } since ? entries.Where(entry => entry.At >= since) : entries;
        if (filter.Text is { } text)
        {
            var like = LikePattern.Containing(text);
            entries = entries.Where(entry => EF.Functions.ILike(entry.Actor, like, LikePattern.Escape) || EF.Functions.ILike(entry.Action, like, LikePattern.Escape) || EF.Functions.ILike(entry.Subject, like, LikePattern.Escape));
        }

        return await entries.OrderByDescending(entry => entry.Id).Take(limit).ToListAsync(cancellationToken);
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
