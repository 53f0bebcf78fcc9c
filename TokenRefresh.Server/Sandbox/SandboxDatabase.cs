using Npgsql;
using TokenRefresh.Jobs.Persistence;

namespace TokenRefresh.Server.Sandbox;

/// <summary>The stand-ins' own schema, made at its first use by whichever node comes first.</summary>
internal sealed class SandboxDatabase(NpgsqlDataSource source) : IDatabaseStep, IDisposable
{
    // Any number that nothing else in the program locks; these are the letters of "sandbox" squeezed into one.
    private const long SchemaLock = 0x73616E64626F78;

    private const string Schema = """
        CREATE SCHEMA IF NOT EXISTS sandbox;

        CREATE TABLE IF NOT EXISTS sandbox.providers (
            provider        text PRIMARY KEY,
            behaviour       jsonb NOT NULL DEFAULT '{}',
            fail_next       integer,
            acquire_calls   bigint NOT NULL DEFAULT 0,
            renew_calls     bigint NOT NULL DEFAULT 0,
            other_calls     bigint NOT NULL DEFAULT 0,
            in_flight_peak  integer NOT NULL DEFAULT 0);

        CREATE TABLE IF NOT EXISTS sandbox.tokens (
            hash        bytea PRIMARY KEY,
            provider    text NOT NULL,
            kind        text NOT NULL CHECK (kind IN ('access', 'refresh')),
            pair_id     text NOT NULL,
            client_hash bytea NOT NULL,
            scopes      text[] NOT NULL,
            issued_at   timestamptz NOT NULL,
            expires_at  timestamptz NOT NULL,
            kept_until  timestamptz NOT NULL,
            is_dead     boolean NOT NULL DEFAULT false);

        CREATE INDEX IF NOT EXISTS tokens_pair_id ON sandbox.tokens (pair_id);
        CREATE INDEX IF NOT EXISTS tokens_client_hash ON sandbox.tokens (provider, client_hash);
        CREATE INDEX IF NOT EXISTS tokens_kept_until ON sandbox.tokens (kept_until);
        """;

    private readonly SemaphoreSlim gate = new(1, 1);
    private volatile bool isReady;

    /// <summary>A connection to a database that has the schema.</summary>
    public async Task<NpgsqlConnection> OpenAsync(CancellationToken cancellationToken)
    {
        if (!isReady)
        {
            await gate.WaitAsync(cancellationToken);
            try
            {
                if (!isReady)
                {
                    await CreateSchemaAsync(cancellationToken);
                    isReady = true;
                }
            }
            finally
            {
                gate.Release();
            }
        }

        return await source.OpenConnectionAsync(cancellationToken);
    }

    /// <summary>Makes the schema with the others, so that a role that may not make one works with it.</summary>
    public async Task RunAsync(CancellationToken cancellationToken) => await (await OpenAsync(cancellationToken)).DisposeAsync();

    /// <summary>Nothing to check: it is made when it is first needed.</summary>
    public Task CheckAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void Dispose() => gate.Dispose();

    // IF NOT EXISTS alone still lets two nodes collide on the catalogue, so they take turns.
    private async Task CreateSchemaAsync(CancellationToken cancellationToken)
    {
        await using var connection = await source.OpenConnectionAsync(cancellationToken);
        await using var last = new NpgsqlCommand("SELECT to_regclass('sandbox.tokens_kept_until') IS NOT NULL", connection);
        if ((bool)(await last.ExecuteScalarAsync(cancellationToken))!)
        {
            // To make what is there needs the right to make it all the same.
            return;
        }

        await TablesSchema.Usual.ChangeAsync(connection, () => CreateSchemaAsync(connection, cancellationToken));
    }

    private static async Task CreateSchemaAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        await using var turn = new NpgsqlCommand("SELECT pg_advisory_xact_lock($1)", connection, transaction) { Parameters = { new() { Value = SchemaLock } } };
        await turn.ExecuteNonQueryAsync(cancellationToken);
        await using var schema = new NpgsqlCommand(Schema, connection, transaction);
        await schema.ExecuteNonQueryAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
    }
}
