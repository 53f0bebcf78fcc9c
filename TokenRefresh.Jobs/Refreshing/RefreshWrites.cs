using System.Collections.Concurrent;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using TokenRefresh.Jobs.Attempts;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Tokens;

namespace TokenRefresh.Jobs.Refreshing;

/// <summary>A lease that is asked for.</summary>
internal sealed record LeaseOrder(string Token, string Owner, TimeSpan Span);

/// <summary>The three writes of a refresh: its lease, its attempt's row, and its result.</summary>
public interface IRefreshWrites
{
    /// <summary>Takes a lease that nobody holds, and reads the row under it; null where somebody holds it.</summary>
    internal Task<Token?> TakeAsync(LeaseOrder order, CancellationToken cancellationToken);

    /// <summary>Writes an attempt's row, which gets its number.</summary>
    internal Task OpenAsync(RefreshAttempt attempt, CancellationToken cancellationToken);

    /// <summary>Writes a result where the row has the version and the lease that were read; null where it has another by now, and nothing was written.</summary>
    internal Task<Token?> SaveAsync(RefreshResult result, CancellationToken cancellationToken);
}

/// <summary>
/// Those of refreshes that are in flight together share their statements. Each row keeps its own condition and its own outcome; one that somebody else has
/// locked is left to a statement of its own, so that nobody waits for another's.
/// </summary>
public sealed class RefreshWrites : IRefreshWrites
{
    /// <summary>So many rows share a statement at most: more save nothing, and each would be written later.</summary>
    internal const int Most = 200;

    private readonly IDbContextFactory<TokenRefreshDbContext> contexts;
    private readonly TimeProvider clock;
    private readonly SharedWrite<LeaseOrder, Token> leases;
    private readonly SharedWrite<RefreshAttempt, RefreshAttempt> attempts;
    private readonly SharedWrite<RefreshResult, Token> results;
    private readonly Lazy<ResultColumns> columns;
    private readonly ConcurrentDictionary<(ResultKind Kind, bool IsShared), string> statements = new();

    /// <summary>Writes nothing yet.</summary>
    public RefreshWrites(IDbContextFactory<TokenRefreshDbContext> contexts, TimeProvider clock)
    {
        (this.contexts, this.clock) = (contexts, clock);
        columns = new(() => ResultColumns.Of(contexts));
        leases = new(Most, _ => true, LeaseAsync, DatabaseFaults.IsAway);
        attempts = new(Most, _ => true, OpenAsync, DatabaseFaults.IsAway);
        results = new(Most, result => columns.Value.KindOf(result), SaveAsync, DatabaseFaults.IsAway);
    }

    Task<Token?> IRefreshWrites.TakeAsync(LeaseOrder order, CancellationToken cancellationToken) => leases.AddAsync(order, cancellationToken);

    Task IRefreshWrites.OpenAsync(RefreshAttempt attempt, CancellationToken cancellationToken) => attempts.AddAsync(attempt, cancellationToken);

    Task<Token?> IRefreshWrites.SaveAsync(RefreshResult result, CancellationToken cancellationToken) => results.AddAsync(result, cancellationToken);

    private async Task<IReadOnlyList<Token?>> LeaseAsync(IReadOnlyList<LeaseOrder> orders, CancellationToken cancellationToken)
    {
        var sql = $"""
            WITH asked AS MATERIALIZED (SELECT * FROM unnest(@names, @owners, @spans) AS asked (name, owner, span)),
            free AS MATERIALIZED (SELECT name FROM tokens WHERE name = ANY(@names) AND lease_until IS NULL ORDER BY name FOR UPDATE{Skipping(orders)})
            UPDATE tokens SET lease_owner = asked.owner, lease_until = clock_timestamp() + asked.span
            FROM asked, free WHERE tokens.name = free.name AND asked.name = free.name AND tokens.lease_until IS NULL
            RETURNING tokens.*
            """;
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var taken = await db.Tokens.FromSqlRaw(
            sql, new NpgsqlParameter("names", orders.Select(order => order.Token).ToArray()), new NpgsqlParameter("owners", orders.Select(order => order.Owner).ToArray()),
            new NpgsqlParameter("spans", orders.Select(order => order.Span).ToArray())).AsNoTracking().ToListAsync(cancellationToken);
        var byOwner = taken.ToDictionary(token => token.LeaseOwner!, StringComparer.Ordinal);
        return [.. orders.Select(order => byOwner.GetValueOrDefault(order.Owner))];
    }

    private async Task<IReadOnlyList<RefreshAttempt?>> OpenAsync(IReadOnlyList<RefreshAttempt> rows, CancellationToken cancellationToken)
    {
        var written = columns.Value.Attempt;
        var names = string.Join(", ", written.Select(column => column.Name));
        var sql = $"""
            INSERT INTO token_refresh_logs ({names})
            SELECT {names} FROM unnest({string.Join(", ", written.Select((_, place) => $"@a{place}"))}) WITH ORDINALITY AS opened ({names}, place) ORDER BY place
            RETURNING id
            """;
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var numbers = await db.Database.SqlQueryRaw<long>(sql, [.. written.Select((column, place) => (object)column.ArrayOf($"a{place}", rows))]).ToListAsync(cancellationToken);

        // Numbered in the order in which they were inserted.
        foreach (var (row, id) in rows.Zip(numbers.Order()))
        {
            row.Number(id);
        }

        return rows;
    }

    private async Task<IReadOnlyList<Token?>> SaveAsync(IReadOnlyList<RefreshResult> together, CancellationToken cancellationToken)
    {
        var (all, kind, now) = (columns.Value, columns.Value.KindOf(together[0]), clock.GetUtcNow());
        var sql = statements.GetOrAdd((kind, together.Count > 1), key => all.Sql(key.Kind, Skipping(together)));
        var parameters = all.Parameters(kind, together);
        var starts = together.Select(result => result.Attempt?.StartedAt ?? now).ToList();
        var saved = new List<long>();
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        await AttemptHours.SaveAsync(
            db, starts.Min(), starts.Max(), now, async () => saved = await db.Database.SqlQueryRaw<long>(sql, parameters).ToListAsync(cancellationToken), cancellationToken);
        var places = saved.ToHashSet();
        return [.. together.Select((result, place) => places.Contains(place + 1) ? result.Written : null)];
    }

    // One alone waits for whoever has locked its row; several would wait for each other's.
    private static string Skipping<T>(IReadOnlyList<T> together) => together.Count > 1 ? " SKIP LOCKED" : "";
}
