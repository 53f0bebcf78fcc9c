using Microsoft.EntityFrameworkCore;
using TokenRefresh.Jobs.Persistence;

namespace TokenRefresh.Jobs.TokenCache;

/// <summary>A client that has read a token.</summary>
public sealed record TokenReader(string Actor, long Reads, DateTimeOffset Last);

/// <summary>A client that has read one token, and how often.</summary>
public sealed record Consumer(string Actor, string Token, long Reads);

/// <summary>Which clients read which tokens: hourly counts, kept as long as the log.</summary>
public sealed class ClientReads(IDbContextFactory<TokenRefreshDbContext> contexts) : IRetention
{
    private static readonly TimeSpan Hour = TimeSpan.FromHours(1);

    /// <summary>The clients that have read any of these tokens since an instant, busiest first. The hour of that instant counts whole where a read came after it.</summary>
    public async Task<IReadOnlyList<Consumer>> ConsumersAsync(IReadOnlyCollection<string> tokens, DateTimeOffset since, CancellationToken cancellationToken)
    {
        string[] names = [.. tokens];
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        return await db.Database.SqlQuery<Consumer>(
            $"""
             SELECT client AS actor, token_name AS token, sum(reads)::bigint AS reads
             FROM client_reads WHERE token_name = ANY({names}) AND hour > {since - Hour} AND last_at >= {since}
             GROUP BY client, token_name ORDER BY reads DESC, client, token_name
             """).ToListAsync(cancellationToken);
    }

    /// <summary>The clients that have read a token since an instant, busiest first.</summary>
    public async Task<IReadOnlyList<TokenReader>> ReadersAsync(string token, DateTimeOffset since, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        return await db.Database.SqlQuery<TokenReader>(
            $"""
             SELECT client AS actor, sum(reads)::bigint AS reads, max(last_at) AS last
             FROM client_reads WHERE token_name = {token} AND hour > {since - Hour} AND last_at >= {since}
             GROUP BY client ORDER BY reads DESC LIMIT 20
             """).ToListAsync(cancellationToken);
    }

    /// <summary>Adds what was counted at an instant. In one order at every node, so that no two wait for each other.</summary>
    internal static Task AddAsync(TokenRefreshDbContext db, IEnumerable<Consumer> counted, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var rows = counted
            .GroupBy(read => (read.Token, read.Actor), (key, reads) => (key.Token, key.Actor, Reads: reads.Sum(read => read.Reads)))
            .OrderBy(row => row.Token, StringComparer.Ordinal).ThenBy(row => row.Actor, StringComparer.Ordinal).ToList();
        string[] tokens = [.. rows.Select(row => row.Token)], clients = [.. rows.Select(row => row.Actor)];
        long[] reads = [.. rows.Select(row => row.Reads)];
        return db.Database.ExecuteSqlAsync(
            $"""
             INSERT INTO client_reads (token_name, client, hour, reads, last_at)
             SELECT token, client, date_trunc('hour', {now}, 'UTC'), reads, {now} FROM unnest({tokens}, {clients}, {reads}) AS counted (token, client, reads)
             ON CONFLICT (token_name, client, hour) DO UPDATE SET reads = client_reads.reads + excluded.reads, last_at = greatest(client_reads.last_at, excluded.last_at)
             """, cancellationToken);
    }

    /// <inheritdoc />
    public Task CleanUpAsync(TokenRefreshDbContext db, DateTimeOffset before, CancellationToken cancellationToken) =>
        db.Set<ClientRead>().Where(row => row.Hour < before).ExecuteDeleteAsync(cancellationToken);
}
