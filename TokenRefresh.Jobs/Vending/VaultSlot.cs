using TokenRefresh.Jobs.Tokens;

namespace TokenRefresh.Jobs.Vending;

/// <summary>What one node knows of one token, and the refresh that its readers wait for.</summary>
internal sealed class VaultSlot(ConfiguredToken settings)
{
    private static readonly TimeSpan LeastRest = TimeSpan.FromMinutes(1);

    private VaultEntry? entry;
    private TaskCompletionSource unsaved = New();

    public ConfiguredToken Settings => settings;

    /// <summary>What is served; null until it was read.</summary>
    public VaultEntry? Entry
    {
        get => Volatile.Read(ref entry);
        set => Volatile.Write(ref entry, value);
    }

    /// <summary>True while a lower version that is read counts more than the one that is held.</summary>
    public bool IsDistrusted { get; set; }

    /// <summary>The refresh that was begun last.</summary>
    public Task? Flight { get; set; }

    /// <summary>The version that a reader's asking brought last; 0 for none.</summary>
    public long IssuedToReader { get; set; }

    /// <summary>True once it was said of the present outage that the database is away.</summary>
    public bool IsAwayTold { get; set; }

    /// <summary>Ends when a token is at hand that cannot be saved yet.</summary>
    public Task Unsaved => Volatile.Read(ref unsaved).Task;

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

    public void TellOfUnsaved() => Interlocked.Exchange(ref unsaved, New()).SetResult();

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
