namespace TokenRefresh.Server.Hosting.Postgres;

/// <summary>Counts the processes that use a cluster by locks of the operating system, which die with their process.</summary>
internal sealed class ClusterLock(string folder, TimeProvider clock) : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    private FileStream? use;

    /// <summary>One process at a time starts or stops the cluster.</summary>
    public async Task<IDisposable> ExclusiveAsync(CancellationToken cancellationToken)
    {
        for (var since = clock.GetTimestamp(); ;)
        {
            if (TryOpen("start.lock", FileAccess.ReadWrite, FileShare.None) is { } exclusive)
            {
                return exclusive;
            }

            if (clock.GetElapsedTime(since) > Patience)
            {
                throw new EmbeddedPostgresException($"Another process has been starting or stopping the cluster in {folder} for a minute. Stop that process, then start again.");
            }

            await Task.Delay(Pause, clock, cancellationToken);
        }
    }

    /// <summary>Counts this process among the users.</summary>
    public void Join()
    {
        using (TryOpen("users.lock", FileAccess.ReadWrite, FileShare.ReadWrite))
        {
        }

        use = new FileStream(Path.Combine(folder, "users.lock"), FileMode.Open, FileAccess.Read, FileShare.Read);
    }

    /// <summary>Ends this process's use; true when it was the last one.</summary>
    public bool Leave()
    {
        Dispose();
        using var alone = TryOpen("users.lock", FileAccess.ReadWrite, FileShare.None);
        return alone is not null;
    }

    /// <inheritdoc />
    public void Dispose()
    {
        use?.Dispose();
        use = null;
    }

    private FileStream? TryOpen(string name, FileAccess access, FileShare share)
    {
        try
        {
            return new FileStream(Path.Combine(folder, name), FileMode.OpenOrCreate, access, share);
        }
        catch (IOException error) when (IsHeld(error))
        {
            return null;
        }
    }

    // EAGAIN of Linux, EWOULDBLOCK of macOS, ERROR_SHARING_VIOLATION of Windows. Waiting does not help with anything else, such as a full disk.
    private static bool IsHeld(IOException error) => (error.HResult & 0xFFFF) is 11 or 35 or 32;
}
