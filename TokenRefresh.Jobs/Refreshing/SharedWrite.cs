namespace TokenRefresh.Jobs.Refreshing;

/// <summary>
/// Writes together what is to be written at the same time: whoever comes while a write is under way joins the next one, and who comes alone waits for nobody.
/// </summary>
/// <param name="most">So many are written together at most.</param>
/// <param name="kindOf">Only what is of one kind is written together.</param>
/// <param name="write">
/// Writes them and gives each its answer, in their order. Of several, the one that gets null is written again by itself, and so is each of several where the write
/// threw what concerns only some of them.
/// </param>
/// <param name="concernsAll">True for what was thrown that would befall each of them by itself as well.</param>
internal sealed class SharedWrite<TItem, TAnswer>(
    int most, Func<TItem, object> kindOf, Func<IReadOnlyList<TItem>, CancellationToken, Task<IReadOnlyList<TAnswer?>>> write, Func<Exception, bool> concernsAll)
    where TAnswer : class
{
    private readonly Lock gate = new();
    private readonly LinkedList<Entry> waiting = [];
    private bool isWriting;

    /// <summary>Writes one, alone or with others; null where it was refused by itself.</summary>
    /// <param name="cancellationToken">Ends the waiting; a write that is under way goes on.</param>
    public async Task<TAnswer?> AddAsync(TItem item, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var entry = new Entry(item, kindOf(item));
        bool isFirst;
        lock (gate)
        {
            waiting.AddLast(entry);
            (isFirst, isWriting) = (!isWriting, true);
        }

        // The rest of its time it writes for others.
        if (isFirst)
        {
            _ = WriteAllAsync();
        }

        bool isDecided;
        await using (cancellationToken.Register(() => entry.Done.TrySetCanceled(cancellationToken)))
        {
            isDecided = await entry.Done.Task;
        }

        return isDecided ? entry.Answer : (await write([item], cancellationToken))[0];
    }

    // Never throws: what a write throws is told to those who wait for it.
    private async Task WriteAllAsync()
    {
        while (Next() is { Count: > 0 } together)
        {
            try
            {
                var answers = await write([.. together.Select(entry => entry.Item)], CancellationToken.None);
                foreach (var (entry, answer) in together.Zip(answers))
                {
                    entry.Answer = answer;
                    entry.Done.TrySetResult(answer is not null || together.Count == 1);
                }
            }
            catch (Exception error) when (together.Count > 1 && !concernsAll(error))
            {
                together.ForEach(entry => entry.Done.TrySetResult(false));
            }
            catch (Exception error)
            {
                together.ForEach(entry => entry.Done.TrySetException(error));
            }
        }
    }

    private List<Entry> Next()
    {
        var next = new List<Entry>();
        lock (gate)
        {
            for (var node = waiting.First; node is not null && next.Count < most;)
            {
                var (entry, following) = (node.Value, node.Next);
                if (entry.Done.Task.IsCanceled)
                {
                    waiting.Remove(node);
                }
                else if (next.Count == 0 || next[0].Kind.Equals(entry.Kind))
                {
                    waiting.Remove(node);
                    next.Add(entry);
                }

                node = following;
            }

            isWriting = next.Count > 0;
        }

        return next;
    }

    private sealed class Entry(TItem item, object kind)
    {
        public TItem Item => item;

        public object Kind => kind;

        public TAnswer? Answer { get; set; }

        /// <summary>True once there is an answer; false where it has to be written by itself.</summary>
        public TaskCompletionSource<bool> Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
