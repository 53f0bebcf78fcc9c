using System.Buffers.Text;
using System.Security.Cryptography;
using Microsoft.EntityFrameworkCore;
using TokenRefresh.Jobs.Catalog;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Tokens;

namespace TokenRefresh.Jobs.Administration;

/// <summary>How far a rotation has come.</summary>
/// <param name="Resealed">Pairs that are sealed with the new key.</param>
/// <param name="Total">Pairs there are, those kept for a rollback, the secrets of providers and the subjects of tokens included.</param>
public sealed record RotationProgress(int Resealed, int Total);

/// <summary>What came of a rotation.</summary>
/// <param name="Key">The new key's id.</param>
/// <param name="WasResumed">True when an earlier run, cut short, had made the key.</param>
/// <param name="Unopened">Tokens whose stored secrets no key opens; they were left as they are.</param>
public sealed record RotationResult(Guid Key, bool WasResumed, IReadOnlyList<string> Unopened);

/// <summary>Re-encrypts everything with a new key while nodes keep reading and refreshing. An interrupted run is continued by the next.</summary>
public sealed class KeyRotation(IDbContextFactory<TokenRefreshDbContext> contexts, KeyRing ring, SecretProtection secrets, TimeProvider clock)
{
    private const string Begun = "keys.rotation_begun", Ended = "keys.rotation_ended";
    private const int Chunk = 100;

    /// <summary>Any constant will do that no other lock of this program has.</summary>
    private const long LockId = 7_245_001_183_640_023;

    /// <summary>How often re-encrypting one token is retried when refreshes interfere.</summary>
    private const int Tries = 10;

    /// <summary>A refresh that was being saved when its node heard of the new key is looked for once more after this.</summary>
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(2);

    /// <summary>Rotates; <paramref name="progress"/> hears of every token.</summary>
    /// <exception cref="RotationRefusedException">Another rotation runs, or a clock is off by so much that the new key would not be the one that seals.</exception>
    public async Task<RotationResult> RunAsync(string by, IProgress<RotationProgress> progress, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        await db.Database.OpenConnectionAsync(cancellationToken);
        if (!await db.Database.SqlQuery<bool>($"SELECT pg_try_advisory_lock({LockId}) AS \"Value\"").SingleAsync(cancellationToken))
        {
            throw new RotationRefusedException("Another rotation is running. Wait until it ends; an interrupted one is continued by the next run.");
        }

        try
        {
            return await RunAloneAsync(db, by, progress, cancellationToken);
        }
        finally
        {
            await db.Database.ExecuteSqlAsync($"SELECT pg_advisory_unlock({LockId})", CancellationToken.None);
        }
    }

    private async Task<RotationResult> RunAloneAsync(TokenRefreshDbContext db, string by, IProgress<RotationProgress> progress, CancellationToken cancellationToken)
    {
        ring.Reload();
        var rotation = await db.KeyRotations.SingleOrDefaultAsync(cancellationToken);
        var isResumed = rotation is { EndedAt: null };
        if (!isResumed)
        {
            ring.CreateKey(await KeysInUseAsync(db, cancellationToken));
            rotation ??= db.KeyRotations.Add(new()).Entity;
            rotation.Begin(ring.SealingKey, by, clock.GetUtcNow());
            db.Audit.Add(AuditEntry.Of(clock.GetUtcNow(), by, Begun, $"{ring.SealingKey}", new { }));
            await db.SaveChangesAsync(cancellationToken);
        }

        var key = ring.SealingKey;
        await ChangeFeed.AnnounceAsync(db, ChangeFeed.Keys, cancellationToken);
        var unopened = new SortedSet<string>(StringComparer.Ordinal);
        await ResealAsync(db, key, unopened, progress, cancellationToken);
        await Task.Delay(Grace, clock, cancellationToken);
        await ResealAsync(db, key, unopened, progress, cancellationToken);

        rotation!.End(clock.GetUtcNow());
        db.Audit.Add(AuditEntry.Of(clock.GetUtcNow(), by, Ended, $"{key}", new { unopened }));
        await db.SaveChangesAsync(cancellationToken);
        return new(key, isResumed, [.. unopened]);
    }

    private async Task ResealAsync(TokenRefreshDbContext db, Guid key, SortedSet<string> unopened, IProgress<RotationProgress> progress, CancellationToken cancellationToken)
    {
        var total = await Rows<Token>(db).CountAsync(cancellationToken) + await Rows<ReplacedToken>(db).CountAsync(cancellationToken)
            + await db.Providers.CountAsync(provider => provider.Secrets != null, cancellationToken) + await Subjects(db).CountAsync(cancellationToken);
        var done = 0;
        progress.Report(new(done, total));
        await ResealAsync<Token>(Note);
        await ResealAsync<ReplacedToken>(Note);
        await ResealProvidersAsync(db, key, Note, cancellationToken);
        await ResealSubjectsAsync(db, key, Note, cancellationToken);

        void Note(string name, bool wasOpened)
        {
            if (!wasOpened)
            {
                unopened.Add(name);
            }

            progress.Report(new(++done, total));
        }

        async Task ResealAsync<T>(Action<string, bool> note)
            where T : class, ISealedPair
        {
            for (var after = ""; await NextAsync<T>(after) is { Count: > 0 } chunk; after = chunk[^1].Name)
            {
                foreach (var row in chunk)
                {
                    note(row.Name, await ResealOneAsync<T>(db, key, row, cancellationToken));
                }
            }
        }

        Task<List<SealedRow>> NextAsync<T>(string after)
            where T : class, ISealedPair => Rows<T>(db).Where(row => row.Name.CompareTo(after) > 0).OrderBy(row => row.Name).Take(Chunk).ToListAsync(cancellationToken);
    }

    // Only what was read is replaced: a refresh that saved meanwhile may have sealed with the key that its node still knew, and is looked at again.
    private async Task<bool> ResealOneAsync<T>(TokenRefreshDbContext db, Guid key, SealedRow row, CancellationToken cancellationToken)
        where T : class, ISealedPair
    {
        for (var tries = 0; tries < Tries && !IsSealedWith(key, row); tries++)
        {
            if (Reseal(row) is not { } sealedAnew)
            {
                return false;
            }

            var replaced = await db.Set<T>()
                .Where(token => token.Name == row.Name && token.AccessToken == row.Access && token.RefreshToken == row.Refresh)
                .ExecuteUpdateAsync(
                    update => update.SetProperty(token => token.AccessToken, sealedAnew.Access).SetProperty(token => token.RefreshToken, sealedAnew.Refresh), cancellationToken);
            if (replaced == 1)
            {
                return true;
            }

            row = await Rows<T>(db).SingleAsync(again => again.Name == row.Name, cancellationToken);
        }

        return true;
    }

    // Secrets of managed providers: few, and changed by people only.
    private async Task ResealProvidersAsync(TokenRefreshDbContext db, Guid key, Action<string, bool> note, CancellationToken cancellationToken)
    {
        foreach (var row in await db.Providers.AsNoTracking().Where(provider => provider.Secrets != null).OrderBy(provider => provider.Name).ToListAsync(cancellationToken))
        {
            try
            {
                if (KeyOf(row.Secrets!) != key)
                {
                    var sealedAnew = secrets.SealProvider(row.Name, secrets.OpenProvider(row.Name, row.Secrets!));
                    await db.Providers.Where(provider => provider.Name == row.Name && provider.Secrets == row.Secrets)
                        .ExecuteUpdateAsync(update => update.SetProperty(provider => provider.Secrets, sealedAnew), cancellationToken);
                }

                note(row.Name, true);
            }
            catch (CryptographicException)
            {
                note(row.Name, false);
            }
        }
    }

    private async Task ResealSubjectsAsync(TokenRefreshDbContext db, Guid key, Action<string, bool> note, CancellationToken cancellationToken)
    {
        for (var after = ""; await Subjects(db).Where(row => row.Name.CompareTo(after) > 0).OrderBy(row => row.Name).Take(Chunk).ToListAsync(cancellationToken) is { Count: > 0 } chunk; after = chunk[^1].Name)
        {
            foreach (var row in chunk)
            {
                try
                {
                    if (KeyOf(row.Subject) != key)
                    {
                        var sealedAnew = secrets.SealSubject(row.Name, secrets.OpenSubject(row.Name, row.Subject));
                        await db.Tokens.Where(token => token.Name == row.Name && token.Subject == row.Subject)
                            .ExecuteUpdateAsync(update => update.SetProperty(token => token.Subject, sealedAnew), cancellationToken);
                    }

                    note(row.Name, true);
                }
                catch (CryptographicException)
                {
                    note(row.Name, false);
                }
            }
        }
    }

    private SealedRow? Reseal(SealedRow row)
    {
        try
        {
            return new()
            {
                Name = row.Name,
                Access = secrets.SealAccess(row.Name, secrets.OpenAccess(row.Name, row.Access)),
                Refresh = secrets.SealRefresh(row.Name, secrets.OpenRefresh(row.Name, row.Refresh)),
            };
        }
        catch (CryptographicException)
        {
            return null;
        }
    }

    private static IQueryable<SealedRow> Rows<T>(TokenRefreshDbContext db)
        where T : class, ISealedPair =>
        db.Set<T>().AsNoTracking().Where(token => token.AccessToken != null).Select(token => new SealedRow { Name = token.Name, Access = token.AccessToken!, Refresh = token.RefreshToken });

    private static IQueryable<SubjectRow> Subjects(TokenRefreshDbContext db) =>
        db.Tokens.AsNoTracking().Where(token => token.Subject != null).Select(token => new SubjectRow { Name = token.Name, Subject = token.Subject! });

    private static async Task<HashSet<Guid>> KeysInUseAsync(TokenRefreshDbContext db, CancellationToken cancellationToken)
    {
        var keys = new HashSet<Guid>();
        await foreach (var row in Rows<Token>(db).Concat(Rows<ReplacedToken>(db)).AsAsyncEnumerable().WithCancellation(cancellationToken))
        {
            keys.UnionWith(new[] { row.Access, row.Refresh }.OfType<string>().Select(KeyOf).OfType<Guid>());
        }

        foreach (var row in await db.Providers.Where(provider => provider.Secrets != null).Select(provider => provider.Secrets!).ToListAsync(cancellationToken))
        {
            keys.UnionWith(new[] { KeyOf(row) }.OfType<Guid>());
        }

        await foreach (var row in Subjects(db).AsAsyncEnumerable().WithCancellation(cancellationToken))
        {
            keys.UnionWith(new[] { KeyOf(row.Subject) }.OfType<Guid>());
        }

        return keys;
    }

    private static bool IsSealedWith(Guid key, SealedRow row) => KeyOf(row.Access) == key && (row.Refresh is null || KeyOf(row.Refresh) == key);

    private static Guid? KeyOf(string sealedSecret) => Base64Url.IsValid(sealedSecret) ? KeyRing.KeyOf(Base64Url.DecodeFromChars(sealedSecret)) : null;

    private sealed class SubjectRow
    {
        public required string Name { get; init; }

        public required string Subject { get; init; }
    }

    private sealed class SealedRow
    {
        public required string Name { get; init; }

        public required string Access { get; init; }

        public required string? Refresh { get; init; }
    }
}
