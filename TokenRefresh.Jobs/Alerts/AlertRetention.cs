using Microsoft.EntityFrameworkCore;
using TokenRefresh.Jobs.Persistence;

namespace TokenRefresh.Jobs.Alerts;

/// <summary>Deletes old deliveries and resolved incidents.</summary>
internal sealed class AlertRetention : IRetention
{
    public async Task CleanUpAsync(TokenRefreshDbContext db, DateTimeOffset before, CancellationToken cancellationToken)
    {
        await db.Notifications.Where(row => row.CreatedAt < before && row.Status != NotificationStatus.Pending).ExecuteDeleteAsync(cancellationToken);
        await db.Incidents.Where(incident => incident.ResolvedAt < before).ExecuteDeleteAsync(cancellationToken);
    }
}
