using Npgsql;
using TokenRefresh.Jobs.Administration;

namespace TokenRefresh.Server.Sandbox;

/// <summary>A pair about to be issued.</summary>
/// <param name="Client">Whom it is issued to: the API key or the client id.</param>
internal sealed record NewPair(
    string Provider,
    string Id,
    string AccessToken,
    string RefreshToken,
    byte[] Client,
    string[] Scopes,
    DateTimeOffset IssuedAt,
    DateTimeOffset ExpiresAt,
    DateTimeOffset RefreshExpiresAt)
{
    public override string ToString() => $"{nameof(NewPair)} {{ {Provider}, {Id}, {ExpiresAt:O} }}";
}

/// <summary>What is remembered of one issued token, access or refresh.</summary>
internal sealed record KnownToken(
    byte[] Hash,
    string PairId,
    byte[] Client,
    string[] Scopes,
    DateTimeOffset IssuedAt,
    DateTimeOffset ExpiresAt,
    bool IsDead)
{
    public bool IsAlive(DateTimeOffset now) => !IsDead && ExpiresAt > now;
}

/// <summary>The issued tokens, by hash. A dump of this table opens nothing.</summary>
internal sealed class SandboxTokens(SandboxDatabase database)
{
    private const string Access = "access";
    private const string Refresh = "refresh";
    private const string Columns = "hash, pair_id, client_hash, scopes, issued_at, expires_at, is_dead";

    public Task<KnownToken?> FindAccessAsync(string provider, string token, CancellationToken cancellationToken) =>
        FindAsync(provider, Access, token, cancellationToken);

    public Task<KnownToken?> FindRefreshAsync(string provider, string token, CancellationToken cancellationToken) =>
        FindAsync(provider, Refresh, token, cancellationToken);

    /// <summary>The access token issued together with a refresh token.</summary>
    public async Task<KnownToken?> FindAccessOfPairAsync(string pairId, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenAsync(cancellationToken);
        await using var command = new NpgsqlCommand($"SELECT {Columns} FROM sandbox.tokens WHERE pair_id = $1 AND kind = $2", connection)
        {
            Parameters = { new() { Value = pairId }, new() { Value = Access } },
        };
        return (await ReadAsync(command, cancellationToken)).SingleOrDefault();
    }

    /// <summary>A client's access tokens that still open something, oldest first.</summary>
    public async Task<IReadOnlyList<KnownToken>> ListAliveAsync(string provider, byte[] client, DateTimeOffset now, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenAsync(cancellationToken);
        await using var command = new NpgsqlCommand(
            $"""
            SELECT {Columns} FROM sandbox.tokens
            WHERE provider = $1 AND client_hash = $2 AND kind = $3 AND expires_at > $4 AND NOT is_dead
            ORDER BY issued_at, pair_id
            """,
            connection)
        {
            Parameters = { new() { Value = provider }, new() { Value = client }, new() { Value = Access }, new() { Value = now } },
        };
        return await ReadAsync(command, cancellationToken);
    }

    public async Task IssueAsync(NewPair pair, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        await ForgetOldAsync(connection, pair.IssuedAt, cancellationToken);
        await SaveAsync(connection, pair, cancellationToken);
        await transaction.CommitAsync(cancellationToken);
    }

    /// <summary>Issues a pair in place of another. Of several calls with one refresh token at the same instant exactly one succeeds.</summary>
    /// <returns>False when the refresh token has meanwhile been used, revoked or moved to another pair.</returns>
    public async Task<bool> RenewAsync(KnownToken refresh, NewPair pair, SandboxBehaviour behaviour, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        await ForgetOldAsync(connection, pair.IssuedAt, cancellationToken);

        // A second caller waits here for the first one's commit, and then no longer finds the row that it read. A refresh token
        // that is handed back leaves its old pair in the same way: its row goes, and comes again with the new pair.
        var claim = behaviour switch
        {
            { Rotate: false } => "DELETE FROM sandbox.tokens",
            { KillOldRefresh: true } => "UPDATE sandbox.tokens SET is_dead = true",
            _ => "UPDATE sandbox.tokens SET is_dead = false",
        };
        await using var claiming = new NpgsqlCommand($"{claim} WHERE hash = $1 AND pair_id = $2 AND NOT is_dead", connection)
        {
            Parameters = { new() { Value = refresh.Hash }, new() { Value = refresh.PairId } },
        };
        if (await claiming.ExecuteNonQueryAsync(cancellationToken) == 0)
        {
            return false;
        }

        if (behaviour.KillOldAccess)
        {
            await using var killing = new NpgsqlCommand("UPDATE sandbox.tokens SET is_dead = true WHERE pair_id = $1 AND kind = $2", connection)
            {
                Parameters = { new() { Value = refresh.PairId }, new() { Value = Access } },
            };
            await killing.ExecuteNonQueryAsync(cancellationToken);
        }

        await SaveAsync(connection, pair, cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return true;
    }

    /// <summary>Kills both tokens of a pair.</summary>
    public async Task RevokeAsync(string pairId, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenAsync(cancellationToken);
        await using var command = new NpgsqlCommand("UPDATE sandbox.tokens SET is_dead = true WHERE pair_id = $1", connection)
        {
            Parameters = { new() { Value = pairId } },
        };
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private async Task<KnownToken?> FindAsync(string provider, string kind, string token, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenAsync(cancellationToken);
        await using var command = new NpgsqlCommand($"SELECT {Columns} FROM sandbox.tokens WHERE hash = $1 AND provider = $2 AND kind = $3", connection)
        {
            Parameters = { new() { Value = SandboxTokenText.Hash(token) }, new() { Value = provider }, new() { Value = kind } },
        };
        return (await ReadAsync(command, cancellationToken)).SingleOrDefault();
    }

    private static async Task<List<KnownToken>> ReadAsync(NpgsqlCommand command, CancellationToken cancellationToken)
    {
        var found = new List<KnownToken>();
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        while (await row.ReadAsync(cancellationToken))
        {
            found.Add(new(
                row.GetFieldValue<byte[]>(0),
                row.GetString(1),
                row.GetFieldValue<byte[]>(2),
                row.GetFieldValue<string[]>(3),
                row.GetFieldValue<DateTimeOffset>(4),
                row.GetFieldValue<DateTimeOffset>(5),
                row.GetBoolean(6)));
        }

        return found;
    }

    private static async Task SaveAsync(NpgsqlConnection connection, NewPair pair, CancellationToken cancellationToken)
    {
        var keptUntil = pair.ExpiresAt > pair.RefreshExpiresAt ? pair.ExpiresAt : pair.RefreshExpiresAt;
        await using var command = new NpgsqlCommand(
            """
            INSERT INTO sandbox.tokens (hash, provider, kind, pair_id, client_hash, scopes, issued_at, expires_at, kept_until)
            VALUES ($1, $2, 'access', $3, $4, $5, $6, $7, $8), ($9, $2, 'refresh', $3, $4, $5, $6, $10, $8)
            """,
            connection)
        {
            Parameters =
            {
                new() { Value = SandboxTokenText.Hash(pair.AccessToken) },
                new() { Value = pair.Provider },
                new() { Value = pair.Id },
                new() { Value = pair.Client },
                new() { Value = pair.Scopes },
                new() { Value = pair.IssuedAt },
                new() { Value = pair.ExpiresAt },
                new() { Value = keptUntil },
                new() { Value = SandboxTokenText.Hash(pair.RefreshToken) },
                new() { Value = pair.RefreshExpiresAt },
            },
        };
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    // A pair of which nothing lives is forgotten, a few at a time; an expired and an unknown token get the same refusal.
    private static async Task ForgetOldAsync(NpgsqlConnection connection, DateTimeOffset now, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(
            """
            DELETE FROM sandbox.tokens WHERE hash IN (
                SELECT hash FROM sandbox.tokens WHERE kept_until < $1 ORDER BY kept_until LIMIT 100 FOR UPDATE SKIP LOCKED)
            """,
            connection) { Parameters = { new() { Value = now } } };
        await command.ExecuteNonQueryAsync(cancellationToken);
    }
}
