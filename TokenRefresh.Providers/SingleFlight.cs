namespace TokenRefresh.Providers;

/// <summary>One call at a time; concurrent callers share it.</summary>
/// <typeparam name="T">What the call brings.</typeparam>
public sealed class SingleFlight<T>
{
    private readonly Lock gate = new();
    private Task<T>? last;

    /// <summary>The call that was begun last, ended or not; null where there was none.</summary>
    public Task<T>? Last
    {
        get
        {
            lock (gate)
            {
                return last;
            }
        }
    }

    /// <summary>The call that has not ended yet; null where there is none.</summary>
    public Task<T>? Underway => Last is { IsCompleted: false } call ? call : null;

    /// <summary>The call that is under way, else one that is begun now.</summary>
    public Task<T> Share(Func<Task<T>> begin)
    {
        lock (gate)
        {
            return Underway ?? (last = begin());
        }
    }
}
