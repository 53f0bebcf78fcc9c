using Microsoft.EntityFrameworkCore;
using Npgsql;
using TokenRefresh.Jobs.Attempts;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Tokens;

namespace TokenRefresh.Jobs.Refreshing;

/// <summary>What becomes of a token's row at the end of its refresh, with the attempt's row and the gap that ends.</summary>
/// <param name="Read">The row as it was read under the lease.</param>
/// <param name="Written">The same row after the change.</param>
/// <param name="Attempt">Written anew where it has no number yet; null for none.</param>
/// <param name="Gap">The time without a valid value that ends; null for none.</param>
internal sealed record RefreshResult(Token Read, Token Written, RefreshAttempt? Attempt, UnavailableInterval? Gap);

/// <summary>What of a result is written. Only results that are alike in this share a statement, so that no column is written that the change left as it was read.</summary>
/// <param name="Changed">A bit for each of the token's columns, in their order; there are fewer than 64.</param>
internal readonly record struct ResultKind(ulong Changed, AttemptWrite Attempt, bool EndsGap);

/// <summary>How the attempt's row is written.</summary>
internal enum AttemptWrite
{
    /// <summary>There is none.</summary>
    None,

    /// <summary>It is new.</summary>
    New,

    /// <summary>It was written before the call, and ends.</summary>
    End,
}

/// <summary>The statement that writes results of one kind, from the columns of its tables as the model has them.</summary>
internal sealed class ResultColumns
{
    private readonly IReadOnlyList<EntityColumn> token, attempt, gap;
    private readonly EntityColumn name, version, lease, number, started;

    private ResultColumns(TokenRefreshDbContext db)
    {
        token = EntityColumn.Of<Token>(db);
        attempt = EntityColumn.Of<RefreshAttempt>(db, but: nameof(RefreshAttempt.Id));
        gap = EntityColumn.Of<UnavailableInterval>(db);
        (name, version, lease) = (Of(token, nameof(Token.Name)), Of(token, nameof(Token.Version)), Of(token, nameof(Token.LeaseOwner)));
        (number, started) = (EntityColumn.Of<RefreshAttempt>(db).Single(column => column.Property == nameof(RefreshAttempt.Id)), Of(attempt, nameof(RefreshAttempt.StartedAt)));
    }

    /// <summary>The columns of a new attempt's row.</summary>
    public IReadOnlyList<EntityColumn> Attempt => attempt;

    public static ResultColumns Of(IDbContextFactory<TokenRefreshDbContext> contexts)
    {
        using var db = contexts.CreateDbContext();
        return new(db);
    }

    public ResultKind KindOf(RefreshResult result)
    {
        var changed = 0UL;
        for (var place = 0; place < token.Count; place++)
        {
            changed |= Equals(token[place].Of(result.Read), token[place].Of(result.Written)) ? 0 : 1UL << place;
        }

        return new(changed, result.Attempt switch { null => AttemptWrite.None, { Id: 0 } => AttemptWrite.New, _ => AttemptWrite.End }, result.Gap is not null);
    }

    /// <summary>Writes each result whose row has the version and the lease that were read, and gives the places of those, counted from one.</summary>
    /// <param name="skipping">What is appended to the lock on the rows.</param>
    public string Sql(ResultKind kind, string skipping)
    {
        var arrays = Arrays(kind).Select(array => array.Name).ToList();
        return $"""
            WITH asked AS MATERIALIZED (SELECT * FROM unnest({Joined(arrays.Select(array => $"@{array}"))}) WITH ORDINALITY AS asked ({Joined(arrays)}, place)),
            free AS MATERIALIZED (
                SELECT asked.place FROM tokens JOIN asked ON tokens.name = asked.name AND tokens.version = asked.version AND tokens.lease_owner IS NOT DISTINCT FROM asked.lease
                {(kind.Attempt == AttemptWrite.End ? "WHERE EXISTS (SELECT FROM token_refresh_logs WHERE id = asked.number AND started_at = asked.started)" : "")}
                ORDER BY tokens.name FOR UPDATE OF tokens{skipping}),
            saved AS (
                UPDATE tokens SET {Joined(Changed(kind).Select(column => $"{column.Item.Name} = asked.t{column.Index}"))}
                FROM asked, free WHERE asked.place = free.place AND tokens.name = asked.name AND tokens.version = asked.version AND tokens.lease_owner IS NOT DISTINCT FROM asked.lease
                RETURNING asked.place){AttemptSql(kind.Attempt)}{(kind.EndsGap ? $", gaps AS (INSERT INTO unavailable_intervals {Inserted("g", gap)})" : "")}
            SELECT place FROM saved
            """;
    }

    public object[] Parameters(ResultKind kind, IReadOnlyList<RefreshResult> results) => [.. Arrays(kind).Select(array => array.Column.ArrayOf(array.Name, [.. results.Select(array.Of)]))];

    private string AttemptSql(AttemptWrite write) => write switch
    {
        AttemptWrite.New => $", noted AS (INSERT INTO token_refresh_logs {Inserted("a", attempt)})",
        AttemptWrite.End => $"""
            , ended AS (
                UPDATE token_refresh_logs AS attempts SET {Joined(attempt.Select((column, place) => $"{column.Name} = asked.a{place}"))}
                FROM asked JOIN saved USING (place) WHERE attempts.id = asked.number AND attempts.started_at = asked.started)
            """,
        _ => "",
    };

    private IEnumerable<(string Name, EntityColumn Column, Func<RefreshResult, object?> Of)> Arrays(ResultKind kind) =>
    [
        ("name", name, result => result.Read), ("version", version, result => result.Read), ("lease", lease, result => result.Read),
        .. kind.Attempt == AttemptWrite.End
            ? new (string, EntityColumn, Func<RefreshResult, object?>)[] { ("number", number, result => result.Attempt), ("started", started, result => result.Attempt) }
            : [],
        .. Changed(kind).Select(column => ($"t{column.Index}", column.Item, (Func<RefreshResult, object?>)(result => result.Written))),
        .. (kind.Attempt == AttemptWrite.None ? [] : attempt).Select((column, place) => ($"a{place}", column, (Func<RefreshResult, object?>)(result => result.Attempt))),
        .. (kind.EndsGap ? gap : []).Select((column, place) => ($"g{place}", column, (Func<RefreshResult, object?>)(result => result.Gap))),
    ];

    private IEnumerable<(int Index, EntityColumn Item)> Changed(ResultKind kind) => token.Index().Where(column => (kind.Changed & (1UL << column.Index)) != 0);

    private static EntityColumn Of(IReadOnlyList<EntityColumn> columns, string property) => columns.Single(column => column.Property == property);

    private static string Inserted(string letter, IReadOnlyList<EntityColumn> columns) =>
        $"({Joined(columns.Select(column => column.Name))}) SELECT {Joined(columns.Select((_, place) => $"asked.{letter}{place}"))} FROM asked JOIN saved USING (place)";

    private static string Joined(IEnumerable<string> parts) => string.Join(", ", parts);
}
