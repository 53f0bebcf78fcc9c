using System.Security.Cryptography;
using Microsoft.EntityFrameworkCore;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Tokens;

namespace TokenRefresh.Jobs.Catalog;

/// <summary>Whom tokens belong to: sealed to their rows, found by a keyed hash, and shown masked.</summary>
public sealed class Subjects(IDbContextFactory<TokenRefreshDbContext> contexts, SecretProtection secrets)
{
    /// <summary>The most tokens of one subject that are found.</summary>
    public const int MostFound = 1000;

    private const string Unreadable = "•••";

    /// <summary>The names of the tokens that belong to a subject, in any of its spellings; at most <see cref="MostFound"/>.</summary>
    public async Task<IReadOnlyList<string>> FindAsync(Subject subject, CancellationToken cancellationToken)
    {
        var hash = secrets.HashSubject(subject.Value);
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        return await TokenFinder.Known(db).Where(token => token.SubjectHash == hash).OrderBy(token => token.Name).Select(token => token.Name).Take(MostFound).ToListAsync(cancellationToken);
    }

    /// <summary>Whom a token belongs to, as it is shown; null where no one was named. Of one that was sealed with keys that are not here nothing is shown.</summary>
    public async Task<string?> MaskedAsync(string token, CancellationToken cancellationToken)
    {
        var key = token.ToLowerInvariant();
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        return await db.Tokens.Where(row => row.Name == key).Select(row => row.Subject).SingleOrDefaultAsync(cancellationToken) is { } stored
            ? Open(key, stored)?.Masked ?? Unreadable
            : null;
    }

    /// <summary>As it is stored in the row of a token.</summary>
    internal SealedSubject Seal(string token, Subject subject) => new(secrets.SealSubject(token, subject.Value), secrets.HashSubject(subject.Value));

    /// <summary>The keyed hash by which it is found.</summary>
    public string HashOf(Subject subject) => secrets.HashSubject(subject.Value);

    /// <summary>The subject of a row; null where there is none, or where it was sealed with keys that are not here.</summary>
    internal Subject? Open(string token, string? stored)
    {
        try
        {
            return stored is null ? null : Subject.Read(secrets.OpenSubject(token, stored));
        }
        catch (CryptographicException)
        {
            return null;
        }
    }
}
