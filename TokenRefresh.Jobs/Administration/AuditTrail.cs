using Microsoft.EntityFrameworkCore;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Tokens;

namespace TokenRefresh.Jobs.Administration;

/// <summary>Which entries of the audit are asked for.</summary>
public sealed record AuditFilter
{
    /// <summary>Only where who, what or to what holds this, in any case.</summary>
    public string? Text { get; init; }

    /// <summary>Only entries from this instant on.</summary>
    public DateTimeOffset? Since { get; init; }
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
        RecentAsync(new(), limit, before, cancellationToken);

    /// <summary>Matching entries, newest first.</summary>
    /// <param name="before">Only entries older than the one with this id.</param>
    public async Task<IReadOnlyList<AuditEntry>> RecentAsync(AuditFilter filter, int limit, long? before, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var entries = db.Audit.AsNoTracking().Where(entry => entry.Action != AuditEntry.Read && (before == null || entry.Id < before));
        entries = filter.Since is { } since ? entries.Where(entry => entry.At >= since) : entries;
        if (filter.Text is { } text)
        {
            var like = LikePattern.Containing(text);
            entries = entries.Where(entry => EF.Functions.ILike(entry.Actor, like, LikePattern.Escape) || EF.Functions.ILike(entry.Action, like, LikePattern.Escape) || EF.Functions.ILike(entry.Subject, like, LikePattern.Escape));
        }

        return await entries.OrderByDescending(entry => entry.Id).Take(limit).ToListAsync(cancellationToken);
    }
}
