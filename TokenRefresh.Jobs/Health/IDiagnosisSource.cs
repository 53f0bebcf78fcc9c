namespace TokenRefresh.Jobs.Health;

/// <summary>What another part of the program adds to the diagnosis.</summary>
public interface IDiagnosisSource
{
    /// <summary>The reasons that it knows of now, notices included.</summary>
    Task<IReadOnlyList<DiagnosisReason>> ReasonsAsync(CancellationToken cancellationToken);

    /// <summary>Since when the oldest of what it delivers waits; null when nothing does.</summary>
    Task<DateTimeOffset?> OldestUnsentAsync(CancellationToken cancellationToken) => Task.FromResult<DateTimeOffset?>(null);
}
