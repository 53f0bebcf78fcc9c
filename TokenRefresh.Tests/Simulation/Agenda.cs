namespace TokenRefresh.Tests.Simulation;

/// <summary>Virtual time: what is to happen, and when. Time passes only from one entry to the next.</summary>
internal sealed class Agenda(DateTimeOffset start)
{
    private readonly PriorityQueue<Action, (DateTimeOffset At, long Number)> entries = new();
    private long number;

    public DateTimeOffset Start { get; } = start;

    public DateTimeOffset Now { get; private set; } = start;

    public void At(DateTimeOffset at, Action action) => entries.Enqueue(action, (at > Now ? at : Now, ++number));

    public void In(TimeSpan span, Action action) => At(Now + span, action);

    /// <summary>Moves time to the next entry and runs it; false where there is none before <paramref name="end"/>.</summary>
    public bool Advance(DateTimeOffset end)
    {
        if (!entries.TryPeek(out var action, out var due) || due.At > end)
        {
            Now = end;
            return false;
        }

        entries.Dequeue();
        Now = due.At;
        action();
        return true;
    }
}

/// <summary>The clock of one node: off by what its faults say, and silent while the node is paused or once it is dead.</summary>
internal sealed class NodeClock(Agenda agenda, SimNode node) : TimeProvider
{
    /// <summary>How far the wall clock is off. The monotonic one never is.</summary>
    public TimeSpan Offset { get; set; }

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override DateTimeOffset GetUtcNow() => agenda.Now + Offset;

    public override long GetTimestamp() => (agenda.Now - agenda.Start).Ticks;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
        new AgendaTimer(agenda, node, () => callback(state), dueTime, period);

    private sealed class AgendaTimer : ITimer
    {
        private readonly Agenda agenda;
        private readonly SimNode node;
        private readonly Action callback;
        private int round;

        public AgendaTimer(Agenda agenda, SimNode node, Action callback, TimeSpan dueTime, TimeSpan period)
        {
            (this.agenda, this.node, this.callback) = (agenda, node, callback);
            Change(dueTime, period);
        }

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            round++;
            if (dueTime >= TimeSpan.Zero)
            {
                Plan(dueTime, period, round);
            }

            return true;
        }

        public void Dispose() => round++;

        public ValueTask DisposeAsync()
        {
            Dispose();
            return default;
        }

        private void Plan(TimeSpan dueTime, TimeSpan period, int planned) => agenda.In(dueTime, () => node.WhenAwake(() =>
        {
            if (planned != round)
            {
                return;
            }

            if (period > TimeSpan.Zero)
            {
                Plan(period, period, planned);
            }

            callback();
        }));
    }
}
