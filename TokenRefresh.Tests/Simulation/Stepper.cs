namespace TokenRefresh.Tests.Simulation;

/// <summary>
/// Runs everything that the nodes do on one thread, in the order in which it was posted. What is let go at a gate may finish on a thread
/// of the database driver; nothing else moves until it has come back, so the order of all steps is the scheduler's alone.
/// </summary>
internal sealed class Stepper : SynchronizationContext
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly object sync = new();
    private readonly Queue<(SendOrPostCallback Callback, object? State)> posted = new();
    private readonly HashSet<object> working = [];
    private readonly int thread = Environment.CurrentManagedThreadId;
    private bool isOut;
    private string? stray;

    public override void Post(SendOrPostCallback d, object? state)
    {
        lock (sync)
        {
            if (Environment.CurrentManagedThreadId != thread && !isOut && working.Count == 0)
            {
                stray ??= $"{(state as Delegate)?.Target?.GetType().GenericTypeArguments.LastOrDefault() ?? d.Method.DeclaringType}";
            }

            posted.Enqueue((d, state));
            isOut = false;
            Monitor.Pulse(sync);
        }
    }

    public override SynchronizationContext CreateCopy() => this;

    /// <summary>Lets something go on that came to rest outside this context, and expects it back: at a gate, or by a post.</summary>
    public void LetGo(Action release)
    {
        lock (sync)
        {
            isOut = true;
        }

        // Without a context the driver's continuations run here and now instead of on the thread pool.
        SetSynchronizationContext(null);
        release();
        SetSynchronizationContext(this);
    }

    /// <summary>What was let go has come to rest at a gate; until it goes on, the connections that it holds rest with it.</summary>
    public IReadOnlyList<object> Rest()
    {
        lock (sync)
        {
            var resting = working.ToList();
            working.Clear();
            isOut = false;
            Monitor.Pulse(sync);
            return resting;
        }
    }

    /// <summary>A connection is open, so whoever holds it is at work until it comes to a gate.</summary>
    public void Works(object connection)
    {
        lock (sync)
        {
            working.Add(connection);
        }
    }

    /// <summary>A connection is closed; if that was on a thread of the driver, its holder is on the way back.</summary>
    public void IsDone(object connection)
    {
        lock (sync)
        {
            isOut |= working.Remove(connection) && Environment.CurrentManagedThreadId != thread;
            Monitor.Pulse(sync);
        }
    }

    /// <summary>Runs what was posted until everything is at rest.</summary>
    public void Settle()
    {
        while (Next() is var (callback, state))
        {
            if (IsOfDriver(state))
            {
                LetGo(() => callback(state));
            }
            else
            {
                callback(state);
            }
        }
    }

    // EF comes back to the context in a few places of its own; its awaits around those would then hop to the thread pool.
    private static bool IsOfDriver(object? state) =>
        (state as Delegate)?.Target?.GetType().GenericTypeArguments.LastOrDefault()?.FullName is { } machine
        && (machine.StartsWith("Microsoft.", StringComparison.Ordinal) || machine.StartsWith("Npgsql", StringComparison.Ordinal));

    private (SendOrPostCallback Callback, object? State)? Next()
    {
        lock (sync)
        {
            if (stray is not null)
            {
                throw new InvalidOperationException($"{stray} was on a thread of its own while everything was thought to be at rest, so the order of steps is not the scheduler's alone.");
            }

            while (posted.Count == 0 && (isOut || working.Count > 0))
            {
                if (!Monitor.Wait(sync, Patience))
                {
                    throw new TimeoutException($"Something that was let go has not come back: {(isOut ? "it is out" : "")} {working.Count} connections are at work.");
                }
            }

            return posted.Count > 0 ? posted.Dequeue() : null;
        }
    }
}
