using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;

namespace TokenRefresh.Jobs.TokenCache;

/// <summary>What one node knows of one token, and the refresh that its readers wait for.</summary>
internal sealed class CachedTokenSlot(ConfiguredToken settings)
{
    private static readonly TimeSpan LeastRest = TimeSpan.FromMinutes(1);

    /// <summary>A database rarely goes back by more tokens than this.</summary>
    private const int MostIssues = 16;

    private Queue<DateTimeOffset>? issues;
    private (string Tag, IReadOnlyList<long> Versions)? aliases;
    private CachedToken? entry;
    private TaskCompletionSource? unsaved;
    private long readAt;
    private DateTimeOffset lastIssue;

    /// <summary>How it is configured now.</summary>
    public ConfiguredToken Settings
    {
        get => Volatile.Read(ref settings);
        set => Volatile.Write(ref settings, value);
    }

    /// <summary>When a program last read it here; the beginning of time where none did.</summary>
    public DateTimeOffset ReadAt => new(Volatile.Read(ref readAt), TimeSpan.Zero);

    /// <summary>Notes that a program reads it.</summary>
    public void NoteRead(DateTimeOffset now) => Volatile.Write(ref readAt, now.UtcTicks);

    /// <summary>True while what is known of it here is known nowhere else, or is about to change.</summary>
    public bool IsInUse => Entry is { IsSaved: false } || Refresh.Last is { IsCompleted: false };

    /// <summary>What the one rule answers a reader; null while the row was not read.</summary>
    public RefreshEligibility? Ask(TimeSpan minValidity, SecretProtection secrets, DateTimeOffset now) => Entry is not { } known ? null : RefreshEligibility.For(
        known.Facts, Settings, new(Settings.Name, RefreshTrigger.OnDemand, "reader") { MinValidity = minValidity }, secrets.Fingerprint(Settings.Settings), now);

    /// <summary>What is served; null until it was read.</summary>
    public CachedToken? Entry
    {
        get => Volatile.Read(ref entry);
        private set => Volatile.Write(ref entry, value);
    }

    /// <summary>The newest row that was read from the database.</summary>
    public KeptRow? Stored { get; private set; }

    /// <summary>True while a lower version that is read counts more than the one that is held.</summary>
    public bool IsDistrusted { get; set; }

    /// <summary>Notes a row that was read.</summary>
    public void NoteStored(Token row)
    {
        Stored = new(row);
        if (row.IssuedAt is { } issued && AsStored(issued) is var stored && stored != (issues?.LastOrDefault() ?? lastIssue))
        {
            // Most are issued once while they are held.
            if (lastIssue == default)
            {
                lastIssue = stored;
                return;
            }

            issues ??= new([lastIssue]);
            issues.Enqueue(stored);
            while (issues.Count > MostIssues)
            {
                issues.Dequeue();
            }
        }
    }

    /// <summary>True where a row was read before that was issued at that instant.</summary>
    public bool IsKnown(DateTimeOffset? issuedAt)
    {
        lock (this)
        {
            return issuedAt is { } issued && AsStored(issued) is var stored && (issues?.Contains(stored) ?? lastIssue == stored);
        }
    }

    // The database counts whole microseconds.
    private static DateTimeOffset AsStored(DateTimeOffset issued) => issued.AddTicks(-(issued.Ticks % TimeSpan.TicksPerMicrosecond));

    /// <summary>True where the token that is served was served under that version: a token that was saved back has two.</summary>
    public bool IsServedAs(long version) => Entry is { } served && (served.Version == version || served.RestoredFrom == version || (aliases is { } known && known.Tag == served.Tag && known.Versions.Contains(version)));

    /// <summary>Serves another entry from now on.</summary>
    public void Serve(CachedToken next)
    {
        if (Entry is { } last && last.Tag == next.Tag && last.Version != next.Version)
        {
            aliases = (next.Tag, [.. aliases is { } known && known.Tag == next.Tag ? known.Versions : [], last.Version]);
        }

        Entry = next;
    }

    /// <summary>The refresh that readers and reports share; it brings what it was begun for.</summary>
    public SingleFlight<RefreshRequest> Refresh { get; } = new();

    /// <summary>The version that a reader's asking brought last; 0 for none.</summary>
    public long IssuedToReader { get; set; }

    /// <summary>True once it was said of the present outage that the database is unreachable.</summary>
    public bool IsAwayTold { get; set; }

    /// <summary>Ends when a token is at hand that cannot be saved yet.</summary>
    public Task Unsaved => (Volatile.Read(ref unsaved) ?? Begin()).Task;

    /// <summary>
    /// A reader who asks for nearly a whole life would renew at each read, and take the others' token away each time: what was issued to a reader
    /// stays for a hundredth of its life, a minute at least, an eighth of it at most.
    /// </summary>
    public bool IsFreshForReaders(DateTimeOffset now)
    {
        if (Entry is not { ExpiresAt: { } expires, IssuedAt: { } issued } known || known.Version != IssuedToReader || expires <= now)
        {
            return false;
        }

        var (share, most) = ((expires - issued) / 100, (expires - issued) / 8);
        var rest = share > LeastRest ? share : LeastRest;
        return now - issued < (rest < most ? rest : most);
    }

    public void TellOfUnsaved() => Interlocked.Exchange(ref unsaved, null)?.SetResult();

    private TaskCompletionSource Begin()
    {
        var made = New();
        return Interlocked.CompareExchange(ref unsaved, made, null) ?? made;
    }

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
