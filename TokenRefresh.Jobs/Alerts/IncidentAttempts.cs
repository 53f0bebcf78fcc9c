using Microsoft.EntityFrameworkCore;
using TokenRefresh.Jobs.Attempts;
using TokenRefresh.Jobs.Persistence;

namespace TokenRefresh.Jobs.Alerts;

/// <summary>The attempts that belong to an incident: the one place that its page and its mails ask.</summary>
internal static class IncidentAttempts
{
    /// <summary>So long before it was found an incident may have begun to fail.</summary>
    private static readonly TimeSpan LedWithin = TimeSpan.FromDays(1);

    /// <summary>An attempt may be saved a moment after the incident that it ends.</summary>
    private static readonly TimeSpan EndsWithin = TimeSpan.FromSeconds(1);

    /// <summary>What was tried for its tokens from the first failure that led to it until its end: what lies after the last success before it was found.</summary>
    public static IQueryable<RefreshAttempt> Of(TokenRefreshDbContext db, Incident incident)
    {
        var (subjects, opened, first, end) = (incident.Subjects, incident.OpenedAt, incident.OpenedAt - LedWithin, (incident.ResolvedAt ?? DateTimeOffset.MaxValue - EndsWithin) + EndsWithin);
        var all = db.Attempts.AsNoTracking();
        return all.Where(row =>
            subjects.Contains(row.TokenName) && row.Status != AttemptStatus.Skipped && row.StartedAt >= first && row.StartedAt < end
            && !all.Any(well => well.TokenName == row.TokenName && well.Status == AttemptStatus.Success && (well.StartedAt > row.StartedAt || (well.StartedAt == row.StartedAt && well.Id >= row.Id)) && well.CompletedAt < opened));
    }
}
