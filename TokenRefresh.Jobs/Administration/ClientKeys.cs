using System.Collections.Frozen;
using System.Globalization;
using System.Text;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.TokenCache;
using TokenRefresh.Jobs.Tokens;

namespace TokenRefresh.Jobs.Administration;

/// <summary>A known client with what its key allows.</summary>
public sealed record Client(ClientKey Key)
{
    private readonly FrozenSet<string> acts = ClientActs.Split(Key.Acts).ToFrozenSet();

    /// <summary>True where the key may do that (<see cref="ClientActs"/>) with the tokens that its patterns fit.</summary>
    public bool May(string act) => acts.Contains(act);

    /// <summary>The tokens that the key is for.</summary>
    public TokenPatterns Tokens { get; } = new(Key.Tokens);

    /// <summary>True when a pattern of the key fits the name, whether such a token exists or not.</summary>
    public bool MayRead(string token) => Tokens.Fits(token);
}

/// <summary>The keys of programs: issued, listed, revoked, and recognised from memory.</summary>
public sealed class ClientKeys(IDbContextFactory<TokenRefreshDbContext> contexts, TokenFinder finder, TimeProvider clock) : IClientUse, IChangeSubscriber, IDisposable
{
    private readonly SemaphoreSlim reading = new(1, 1);
    private volatile FrozenDictionary<string, Client> byId = FrozenDictionary<string, Client>.Empty;

    /// <summary>The client whose key that is, or null. No SQL.</summary>
    public Client? Recognise(ReadOnlySpan<char> key) =>
        ClientKey.TryParse(key, out var id, out var secret)
        && byId.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(id, out var client)
        && client.Key.Accepts(secret)
            ? client
            : null;

    /// <inheritdoc />
    public Task NoteAsync(TokenRefreshDbContext db, IReadOnlyCollection<string> clientIds, DateTimeOffset at, CancellationToken cancellationToken) =>
        db.ClientKeys.Where(client => clientIds.Contains(client.Id)).ExecuteUpdateAsync(row => row.SetProperty(client => client.LastUsedAt, at), cancellationToken);

    /// <summary>Makes a key and returns its text, which is shown once and never stored.</summary>
    /// <param name="tokens">Patterns separated by commas, for example <c>jibit,fino_*</c>.</param>
    /// <param name="acts">What it may do with them (<see cref="ClientActs"/>), separated by commas.</param>
    /// <exception cref="ArgumentException">The name is taken or odd, an act is unknown, or a pattern fits no token of a key that adds none; the message says what to do.</exception>
    public async Task<string> IssueAsync(string name, string tokens, string by, CancellationToken cancellationToken, string acts = ClientActs.Usual)
    {
        if (name.Length is 0 or > 64 || string.IsNullOrWhiteSpace(name) || name.EnumerateRunes().Any(sign => !IsPrintable(sign)))
        {
            throw new ArgumentException("A client name has 1 to 64 printable characters, without direction marks or other invisible characters.");
        }

        if (name != name.Trim() || LooksLikeFormula(name))
        {
            throw new ArgumentException("A client name must not begin with =, +, - or @ (spreadsheets and shells interpret them), and must not begin or end with a space.");
        }

        var asked = ClientActs.Split(acts).Select(act => act.ToLowerInvariant()).Distinct().ToList();
        if (asked.Count == 0 || asked.Except(ClientActs.All).Any())
        {
            throw new ArgumentException($"The acts of a client are one or more of {string.Join(", ", ClientActs.All)}, separated by commas.");
        }

        var patterns = new TokenPatterns(tokens).All;
        if (patterns.Count == 0)
        {
            throw new ArgumentException($"No pattern was given. Tokens: {string.Join(", ", await finder.NamesAsync(new(), TokenFinder.MostSuggested, cancellationToken))}.");
        }

        foreach (var pattern in asked.Contains(ClientActs.Manage) ? [] : patterns)
        {
            if (await finder.NamesAsync(new(Patterns: new(pattern)), 1, cancellationToken) is [])
            {
                throw new ArgumentException(DidYouMean.Message("token", pattern, await finder.NamesAsync(new(), TokenFinder.MostSuggested, cancellationToken)));
            }
        }

        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        if (await db.ClientKeys.AnyAsync(client => client.Name == name && client.RevokedAt == null, cancellationToken))
        {
            throw Taken(name);
        }

        var (key, text) = ClientKey.Issue(name, string.Join(',', patterns), string.Join(',', ClientActs.All.Where(asked.Contains)), clock.GetUtcNow());
        db.ClientKeys.Add(key);
        db.Audit.Add(AuditEntry.Of(clock.GetUtcNow(), by, "client.added", name, new { tokens = key.Tokens, acts = key.Acts, id = key.Id }));
        try
        {
            await SaveAndTellAsync(db);
        }
        catch (DbUpdateException error) when (error.InnerException is PostgresException { SqlState: PostgresErrorCodes.UniqueViolation })
        {
            throw Taken(name);
        }

        return text;
    }

    /// <summary>Every key, newest first, revoked ones included.</summary>
    public async Task<IReadOnlyList<ClientKey>> ListAsync(CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        return await db.ClientKeys.AsNoTracking().OrderByDescending(client => client.CreatedAt).ToListAsync(cancellationToken);
    }

    /// <summary>Revokes a client's key on every node at once; false when there is no such client.</summary>
    public async Task<bool> RevokeAsync(string name, string by, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        if (await db.ClientKeys.SingleOrDefaultAsync(client => client.Name == name && client.RevokedAt == null, cancellationToken) is not { } key)
        {
            return false;
        }

        key.Revoke(clock.GetUtcNow());
        db.Audit.Add(AuditEntry.Of(clock.GetUtcNow(), by, "client.revoked", name, new { id = key.Id }));
        await SaveAndTellAsync(db);
        return true;
    }

    string IChangeSubscriber.Payload => ChangeFeed.Clients;

    /// <summary>Reads the good keys again.</summary>
    public async Task ReloadAsync(CancellationToken cancellationToken)
    {
        // One reading after the other: what was read before a revocation must not come after what was read since.
        await reading.WaitAsync(cancellationToken);
        try
        {
            await using var db = await contexts.CreateDbContextAsync(cancellationToken);
            var good = await db.ClientKeys.AsNoTracking().Where(client => client.RevokedAt == null).ToListAsync(cancellationToken);
            byId = good.ToFrozenDictionary(key => key.Id, key => new Client(key));
        }
        finally
        {
            reading.Release();
        }
    }

    /// <inheritdoc />
    public void Dispose() => reading.Dispose();

    private static bool IsPrintable(Rune sign) => Rune.GetUnicodeCategory(sign) is not (
        UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator or UnicodeCategory.OtherNotAssigned or UnicodeCategory.PrivateUse)
        && sign != Rune.ReplacementChar;

    // Spreadsheets take the wide forms of these characters, too.
    private static bool LooksLikeFormula(string name) => name[0] is '=' or '+' or '-' or '@' or '＝' or '＋' or '－' or '＠';

    private static ArgumentException Taken(string name) => new($"A client '{name}' already exists. Revoke it first, or choose another name.");

    // Both or neither, even if the caller has stopped waiting: a revoked key that no node was notified of would stay valid for minutes.
    private static async Task SaveAndTellAsync(TokenRefreshDbContext db)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(CancellationToken.None);
        await db.SaveChangesAsync(CancellationToken.None);
        await ChangeFeed.AnnounceAsync(db, ChangeFeed.Clients, CancellationToken.None);
        await transaction.CommitAsync(CancellationToken.None);
    }
}
