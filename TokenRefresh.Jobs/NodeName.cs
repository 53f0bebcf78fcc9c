namespace TokenRefresh.Jobs;

/// <summary>This process, as the log and the leases name it.</summary>
public sealed record NodeName(string Value)
{
    /// <summary>Machine and process id.</summary>
    public static NodeName Current { get; } = new($"{Environment.MachineName}:{Environment.ProcessId}");
}
