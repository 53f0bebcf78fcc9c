using System.Globalization;

namespace TokenRefresh.Bench.Chaos;

/// <summary>Something that must hold whatever goes wrong, with the figure that was found.</summary>
/// <param name="Holds">Null for a figure that is only told.</param>
/// <param name="Broken">What broke it, for the timeline.</param>
internal sealed record Check(string Name, string Figure, bool? Holds, IReadOnlyList<string> Broken)
{
    /// <summary>A count that must be zero.</summary>
    public static Check None(string name, IEnumerable<string> broken)
    {
        var list = broken.ToList();
        return new(name, list.Count.ToString("N0", CultureInfo.InvariantCulture), list.Count == 0, list);
    }

    /// <summary>A count that is only told.</summary>
    public static Check Figured(string name, long count) => new(name, count.ToString("N0", CultureInfo.InvariantCulture), null, []);

    /// <summary>What was checked and found, as a table for people.</summary>
    public static string Table(IEnumerable<Check> checks) => checks.Aggregate(
        "| checked | found | |\n| --- | ---: | --- |\n", (table, check) => $"{table}| {check.Name} | {check.Figure} | {check.Holds switch { true => "holds", false => "BROKEN", null => "" }} |\n");
}

/// <summary>Holds what the models saw against what the database says, after the run.</summary>
internal sealed class Checks(Timeline timeline, ChaosNodes nodes, ProviderBook book, Mailbox mailbox, Readers readers, Orders orders, DatabaseWatch watch, Evidence evidence)
{
    // The row is written before the call goes out.
    private static readonly TimeSpan Order = TimeSpan.FromMilliseconds(5);

    private readonly ILookup<string, LogRow> rows = evidence.Log.ToLookup(row => row.Token);

    public IEnumerable<Check> All() => [.. Reads(), .. Calls(), .. Jobs(), .. Mails(), Ends()];

    private IEnumerable<Check> Reads()
    {
        var judge = new ReadJudge(book, readers, watch);
        var failed = readers.Failed.ToLookup(judge.Of);
        yield return Check.Figured("reads made", readers.Count);
        yield return Check.None("reads failed at a live node that could have had a valid token", failed[ReadVerdict.Breach].Select(Words));
        yield return Check.None("reads that returned an expired token", readers.Expired);
        yield return Check.None("reads that returned a token that the provider does not know", readers.Unknown);
        yield return Check.None("versions used for two tokens, or for an older token than the version before", readers.Torn.Concat(readers.Backwards));
        yield return Check.Figured("– reads without a token: the node was killed, stopped or not ready", failed[ReadVerdict.NodeNotAlive].Count());
        yield return Check.Figured("– reads without a token: no issued token was still valid", failed[ReadVerdict.NothingValid].Count());
        yield return Check.Figured("– reads without a token: the valid token was in an answer that was lost or on its way", failed[ReadVerdict.NotReceived].Count());
        yield return Check.Figured("– reads without a token: the valid token was held by a process that could not save it (database down, stopped, killed)", failed[ReadVerdict.NotStored].Count());
        yield return Check.None("reads failed at the node that held a valid token that it could not save", failed[ReadVerdict.NotStoredHere].Select(Words));
        yield return Check.Figured("– reads that such a node served from memory", readers.Unsaved);
        yield return Check.Figured("– reads without a token: the valid token was stored, but the database was down before this node could read it", failed[ReadVerdict.NotToBeKnown].Count());
    }

    private IEnumerable<Check> Calls()
    {
        var calls = book.Calls;
        var again = calls.Where(call => call.UsedUpBy is not null).ToList();
        var unknowable = again.Where(IsOutcomeUnknown).ToList();
        yield return Check.Figured("calls at the provider", calls.Count);
        var overlaps = book.Overlaps.ToLookup(HadFirstEnded);
        yield return Check.None("calls started while another was in flight for the same token", overlaps[false].Select(Words));
        yield return Check.Figured("– calls that arrived before the provider noticed that the previous caller had cancelled", overlaps[true].Count());
        yield return Check.None("used refresh tokens sent again although their answer had arrived", again.Except(unknowable).Select(Words));
        yield return Check.Figured("– used refresh tokens sent again because the answer was lost: its process was killed or stopped, or it came too late", unknowable.Count);
        yield return Check.None("calls without a row in token_refresh_logs", calls.Where(call => RowOf(call) is null).Select(Words));
        var cut = calls.Where(WasKilledIn).ToList();
        yield return Check.Figured("– calls in flight whose process was killed", cut.Count);
        yield return Check.None("– of these not ended as abandoned", cut.Where(call => RowOf(call) is not { ErrorCode: "abandoned" }).Select(Words));
        yield return Check.None("rows left running for more than 30 seconds", evidence.Log.Where(row => row.Status == "running" && evidence.HadItsTime(row.StartedAt)).Select(row => $"row {row.Id} of {row.Token}"));
    }

    private IEnumerable<Check> Jobs()
    {
        var acknowledged = orders.Acknowledged.ToList();
        yield return Check.Figured("refreshes that the API acknowledged", acknowledged.Count);
        yield return Check.None("– of these not in the audit", acknowledged.Where(order => !evidence.AuditedJobs.Contains(order.JobId)).Select(Words));
        yield return Check.None("– of these whose job has not ended", acknowledged.Where(order => !Evidence.Ended.Contains(StateOf(order))).Select(order => $"{Words(order)}, {StateOf(order)}"));
        var logged = evidence.Log.Select(row => row.JobId).ToHashSet();
        yield return Check.None("– of these without a row in token_refresh_logs", acknowledged.Where(order => !logged.Contains(order.JobId)).Select(Words));
    }

    private IEnumerable<Check> Mails()
    {
        var told = watch.Transitions.GroupBy(transition => (transition.Incident, transition.At)).ToList();
        var written = evidence.Outbox.Where(row => row.Incident is not null).ToLookup(row => (row.Incident!.Value, row.CreatedAt));
        var taken = mailbox.Taken.ToLookup(mail => mail.MessageId);
        var known = evidence.Outbox.Select(row => row.MessageId).ToHashSet(StringComparer.Ordinal);
        var twice = taken.Where(mail => mail.Count() > 1).ToList();
        yield return Check.Figured("incidents", evidence.Incidents);
        yield return Check.Figured("incident transitions that were reported", told.Count);
        yield return Check.None("– of these without exactly one notification in the outbox", told
            .Where(transition => written[transition.Key].Count() is var count && count != 1 && !(count == 0 && transition.All(one => one.IsEnd)))
            .Select(transition => $"incident {transition.Key.Incident} at {At(transition.Key.At)}: {written[transition.Key].Count()}"));
        yield return Check.None("notifications of an incident without a transition", written.Where(rows => told.TrueForAll(transition => transition.Key != rows.Key)).Select(rows => $"incident {rows.Key.Value}, {rows.First().Kind}"));
        yield return Check.Figured("notifications in the outbox", evidence.Outbox.Count);
        yield return Check.Figured("– of these written while SMTP was down", evidence.Outbox.Count(row => mailbox.Gone.Touch(row.CreatedAt, row.CreatedAt)));
        yield return Check.None("– of these never delivered", evidence.Outbox.Where(row => evidence.HadItsTime(row.CreatedAt) && (row.Status != "sent" || !taken.Contains(row.MessageId))).Select(row => $"{row.Kind} {row.Id}, {row.Status}"));
        yield return Check.None("mails sent twice although nothing was killed between the server's acceptance and our record of it", twice.Where(mail => !IsAtLeastOnce([.. mail])).Select(mail => mail.First().Subject));
        yield return Check.Figured("– mails sent twice after a kill in between, under the same Message-ID", twice.Count(mail => IsAtLeastOnce([.. mail])));
        yield return Check.Figured("– mails sent without the outbox, because the database was down", taken.Count(mail => !known.Contains(mail.Key)));
    }

    private Check Ends() => Check.None(
        "ready nodes that exited by themselves", nodes.Lives.Where(life => life is { ReadyAt: not null, EndedAt: not null, WasKilled: false }).Select(life => $"node {life.Node + 1} at {At(life.EndedAt!.Value)}"));

    /// <summary>The attempt that a call belongs to: its process's last one of that token.</summary>
    private LogRow? RowOf(Call call) => rows[call.Token.Name]
        .Where(row => row.Status != "skipped" || row.CompletedAt > row.StartedAt)
        .Where(row => (call.Process == 0 || row.Process == call.Process) && row.StartedAt <= call.ArrivedAt + Order && (row.CompletedAt is null || row.CompletedAt >= call.ArrivedAt - Order))
        .MaxBy(row => row.StartedAt);

    // Nobody can know whether a refresh token is used up when the answer did not come through to a process that lived to save it.
    private bool IsOutcomeUnknown(Call again)
    {
        var first = again.UsedUpBy!;
        return !first.IsDelivered
            || RowOf(first) is { ErrorCode: "abandoned" or "provider_down" }
            || nodes.OfProcess(first.Process)?.WasHitIn(first.ArrivedAt, again.ArrivedAt) == true;
    }

    // The row says when its process was through with a call: it has the answer, or has given up and closed the connection.
    private bool HadFirstEnded((Call First, Call Second) pair) =>
        RowOf(pair.First) is { ErrorCode: not "abandoned", CompletedAt: { } completed } && completed <= pair.Second.ArrivedAt;

    private bool WasKilledIn(Call call) =>
        nodes.OfProcess(call.Process) is { WasKilled: true, EndedAt: { } killedAt } && call.ArrivedAt <= killedAt && (call.EndedAt is null || call.EndedAt >= killedAt);

    private bool IsAtLeastOnce(IReadOnlyList<TakenMail> same) => same.Zip(same.Skip(1)).All(pair => nodes.Lives.Any(life => life.WasKilled && life.EndedAt >= pair.First.At && life.EndedAt <= pair.Second.At));

    private string StateOf(AcknowledgedOrder order) => evidence.Jobs.GetValueOrDefault(order.JobId, "gone");

    private string Words(FailedRead read) => $"{At(read.AskedAt)} {read.Token} at node {read.Life!.Node + 1}: {read.Answer}";

    private string Words(Call call) => $"{At(call.ArrivedAt)} {call.Token.Name} by process {call.Process}{(call.UsedUpBy is { } by ? $", used up at {At(by.ArrivedAt)} by process {by.Process}" : "")}";

    private string Words((Call First, Call Second) pair) =>
        $"{Words(pair.Second)}, and {Words(pair.First)}, until {(pair.First.EndedAt is { } ended ? At(ended) : "the end")}, {RowOf(pair.First)}";

    private string Words(AcknowledgedOrder order) => $"{At(order.At)} {order.Token}, job {order.JobId}";

    private string At(DateTimeOffset instant) => Timeline.InWords(timeline.Since(instant));
}
