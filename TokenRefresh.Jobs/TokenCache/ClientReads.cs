using Microsoft.EntityFrameworkCore;
using TokenRefresh.Jobs.Persistence;

namespace TokenRefresh.Jobs.TokenCache;

/// <summary>A client that has asked for a token.</summary>
/// <param name="Actor">As in the audit: <c>client:billing</c>.</param>
/// <param name="Reads">How often it got the token.</param>
/// <param name="Refused">How often there was no valid token to give.</param>
/// <param name="Last">When it last asked.</param>
public sealed record TokenReader(string Actor, long Reads, long Refused, DateTimeOffset Last)
{
    /// <summary>The client's name.</summary>
    public string Name => Consumer.NameOf(Actor);
}

/// <summary>A client that has asked for one token, how often it got it, and how often there was none to give.</summary>
public sealed record Consumer(string Actor, string Token, long Reads, long Refused = 0)
{
    /// <summary>The client's name.</summary>
    public string Name => NameOf(Actor);

    internal static string NameOf(string actor) => actor[(actor.IndexOf(':', StringComparison.Ordinal) + 1)..];
}

/// <summary>Which clients read which tokens: hourly counts, kept as long as the log.</summary>
public sealed class ClientReads(IDbContextFactory<TokenRefreshDbContext> contexts) : IRetention
{
    private static readonly TimeSpan Hour = TimeSpan.FromHours(1);

    /// <summary>The clients that have asked for any of these tokens since an instant, those that were refused most first, then the busiest. The hour of that instant counts whole where a read came after it.</summary>
    public async Task<IReadOnlyList<Consumer>> ConsumersAsync(IReadOnlyCollection<string> tokens, DateTimeOffset since, CancellationToken cancellationToken)
    {
        string[] names = [.. tokens];
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        return await db.Database.SqlQuery<Consumer>(
            $"""
             SELECT client AS actor, token_name AS token, sum(reads)::bigint AS reads, sum(refused)::bigint AS refused
             FROM client_reads WHERE token_name = ANY({names}) AND hour > {since - Hour} AND last_at >= {since}
             GROUP BY client, token_name ORDER BY refused DESC, reads DESC, client, token_name
             """).ToListAsync(cancellationToken);
    }

    /// <summary>The clients that have asked for a token since an instant, busiest first.</summary>
    public async Task<IReadOnlyList<TokenReader>> ReadersAsync(string token, DateTimeOffset since, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        return await db.Database.SqlQuery<TokenReader>(
            $"""
             SELECT client AS actor, sum(reads)::bigint AS reads, sum(refused)::bigint AS refused, max(last_at) AS last
             FROM client_reads WHERE token_name = {token} AND hour > {since - Hour} AND last_at >= {since}
             GROUP BY client ORDER BY reads DESC LIMIT 20
             """).ToListAsync(cancellationToken);
    }

    /// <summary>Adds what was counted at an instant. In one order at every node, so that no two wait for each other.</summary>
    internal static Task AddAsync(TokenRefreshDbContext db, IEnumerable<Consumer> counted, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var rows = counted
            .GroupBy(read => (read.Token, read.Actor), (key, reads) => (key.Token, key.Actor, Reads: reads.Sum(read => read.Reads), Refused: reads.Sum(read => read.Refused)))
            .OrderBy(row => row.Token, StringComparer.Ordinal).ThenBy(row => row.Actor, StringComparer.Ordinal).ToList();
        string[] tokens = [.. rows.Select(row => row.Token)], clients = [.. rows.Select(row => row.Actor)];
        long[] reads = [.. rows.Select(row => row.Reads)], refused = [.. rows.Select(row => row.Refused)];
        return db.Database.ExecuteSqlAsync(
            $"""
             INSERT INTO client_reads (token_name, client, hour, reads, refused, last_at)
             SELECT token, client, date_trunc('hour', {now}, 'UTC'), reads, refused, {now} FROM unnest({tokens}, {clients}, {reads}, {refused}) AS counted (token, client, reads, refused)
             ON CONFLICT (token_name, client, hour) DO UPDATE SET reads = client_reads.reads + excluded.reads, refused = client_reads.refused + excluded.refused, last_at = greatest(client_reads.last_at, excluded.last_at)
             """, cancellationToken);
    }

    /// <inheritdoc />
    public Task CleanUpAsync(TokenRefreshDbContext db, DateTimeOffset before, CancellationToken cancellationToken) =>
        db.Set<ClientRead>().Where(row => row.Hour < before).ExecuteDeleteAsync(cancellationToken);
}
