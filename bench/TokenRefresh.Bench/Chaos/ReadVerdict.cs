namespace TokenRefresh.Bench.Chaos;

/// <summary>What is to be said of a read that brought no token.</summary>
internal enum ReadVerdict
{
    /// <summary>The node was killed, stopped or not ready yet.</summary>
    NodeNotAlive,

    /// <summary>Nothing that the provider had issued under that name was valid any more.</summary>
    NothingValid,

    /// <summary>Something valid was issued, but its answer was lost or still on its way.</summary>
    NotReceived,

    /// <summary>Something valid was received, but not stored: its process waits for the database, or was killed or stopped before it had saved it.</summary>
    NotStored,

    /// <summary>The same, and this very node has held it for a while, so it could have served it. This must not be.</summary>
    NotStoredHere,

    /// <summary>Something valid was stored, but the database was away before this node could read it.</summary>
    NotToBeKnown,

    /// <summary>The node lived, and could have had a valid token. This must not be.</summary>
    Breach,
}

/// <summary>
/// Judges reads without a token. A token counts as stored from the first time that any node served it as saved; a node can have it if it has served it,
/// if it started later, or if node and database were both there for three seconds since.
/// </summary>
internal sealed class ReadJudge(ProviderBook book, Readers readers, DatabaseWatch database)
{
    private static readonly TimeSpan Hearing = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan Step = TimeSpan.FromSeconds(0.5);

    private readonly ILookup<string, Call> issuing = book.Calls.Where(call => call.Issued is not null).ToLookup(call => call.Token.Name);

    public ReadVerdict Of(FailedRead read)
    {
        if (read.Life is not { } life || !life.IsAliveFor(read.AskedAt, read.AnsweredAt))
        {
            return ReadVerdict.NodeNotAlive;
        }

        var valid = issuing[read.Token].Where(call => call.Issued!.At <= read.AskedAt && ServedUntil(call) > read.AnsweredAt + TimeSpan.FromSeconds(1)).ToList();
        var stored = valid.Where(call => call.Issued!.FirstServedAt < read.AskedAt).ToList();
        return valid.Count == 0 ? ReadVerdict.NothingValid
            : stored.Count == 0 ? NotStored(life, [.. valid.Where(call => call.IsDelivered && call.EndedAt < read.AskedAt)], read.AskedAt)
            : stored.Exists(call => CanHave(life, call.Issued!, read.AskedAt)) ? ReadVerdict.Breach
            : ReadVerdict.NotToBeKnown;
    }

    // The program counts a life from the instant before it asked, and so ends it earlier than a slow provider does.
    private static DateTimeOffset ServedUntil(Call call) => call.Issued!.ExpiresAt - (call.Issued.At - call.ArrivedAt);

    private static ReadVerdict NotStored(Life life, IReadOnlyList<Call> received, DateTimeOffset askedAt) =>
        received.Count == 0 ? ReadVerdict.NotReceived
        : received.Any(call => call.Process == life.Server.Id && life.IsAliveFor(call.EndedAt!.Value, askedAt) && call.EndedAt + Hearing < askedAt) ? ReadVerdict.NotStoredHere
        : ReadVerdict.NotStored;

    private bool CanHave(Life life, IssuedAccess access, DateTimeOffset askedAt)
    {
        if (life.StartedAt > access.FirstServedAt || readers.ServedBy(life, access.Token.Name).Any(served => served.Access == access && served.At < askedAt))
        {
            return true;
        }

        for (var from = access.FirstServedAt!.Value; from + Hearing <= askedAt; from += Step)
        {
            if (life.IsAliveFor(from, from + Hearing) && !database.Away.Touch(from, from + Hearing))
            {
                return true;
            }
        }

        return false;
    }
}
