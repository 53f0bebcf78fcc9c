namespace TokenRefresh.Jobs.Persistence;

/// <summary>Rows that are kept for as long as the log.</summary>
public interface IRetention
{
    /// <summary>Deletes what is older; what waits or lasts stays whatever its age.</summary>
    Task CleanUpAsync(TokenRefreshDbContext db, DateTimeOffset before, CancellationToken cancellationToken);
}
