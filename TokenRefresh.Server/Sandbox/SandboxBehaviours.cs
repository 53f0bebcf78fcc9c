using System.Text.Json;
using Npgsql;

namespace TokenRefresh.Server.Sandbox;

/// <summary>The kind of call to a provider. Renew uses a refresh token, acquire uses the credentials.</summary>
internal enum SandboxCall
{
    Acquire,
    Renew,
    Other,
}

/// <summary>The calls a stand-in has had on all nodes since its schema was made.</summary>
internal sealed record SandboxCalls(long Acquire, long Renew, long Other);

/// <summary>How a stand-in behaves now and what it has been asked.</summary>
/// <param name="Behaviour">With the mode normal once <c>fail_next</c> is used up.</param>
/// <param name="Calls">All calls so far.</param>
/// <param name="InFlightPeak">The most calls one node had in flight at once since the behaviour was last set.</param>
internal sealed record SandboxStatus(SandboxBehaviour Behaviour, SandboxCalls Calls, int InFlightPeak);

/// <summary>Stores how each stand-in behaves, and counts its calls.</summary>
internal sealed partial class SandboxBehaviours(SandboxDatabase database, ILogger<SandboxBehaviours> logger)
{
    public async Task<SandboxStatus> FindAsync(string provider, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenAsync(cancellationToken);
        await using var command = new NpgsqlCommand(
            "SELECT behaviour, fail_next, acquire_calls, renew_calls, other_calls, in_flight_peak FROM sandbox.providers WHERE provider = $1",
            connection) { Parameters = { new() { Value = provider } } };
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        return await row.ReadAsync(cancellationToken)
            ? new(Remaining(Stored(row), row.IsDBNull(1) ? 0 : row.GetInt32(1)), new(row.GetInt64(2), row.GetInt64(3), row.GetInt64(4)), row.GetInt32(5))
            : new(new(), new(0, 0, 0), 0);
    }

    public async Task ReplaceAsync(string provider, SandboxBehaviour behaviour, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenAsync(cancellationToken);
        await using var command = new NpgsqlCommand(
            """
            INSERT INTO sandbox.providers (provider, behaviour, fail_next) VALUES ($1, $2::jsonb, $3)
            ON CONFLICT (provider) DO UPDATE SET behaviour = excluded.behaviour, fail_next = excluded.fail_next, in_flight_peak = 0
            """,
            connection)
        {
            Parameters =
            {
                new() { Value = provider },
                new() { Value = JsonSerializer.Serialize(behaviour, SandboxJson.Options) },
                new NpgsqlParameter<int?> { TypedValue = behaviour.FailNext },
            },
        };
        await command.ExecuteNonQueryAsync(cancellationToken);
        LogBehaves(provider, behaviour.Mode);
    }

    /// <summary>Counts one call and tells how to answer it.</summary>
    public async Task<SandboxBehaviour> BeginCallAsync(string provider, SandboxCall call, int inFlight, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenAsync(cancellationToken);

        // Every call updates this one row, so none waits for the disk: a count lost with the machine is no loss.
        // fail_next stops at -1 and is read after it was lowered, so that zero still strikes.
        await using var command = new NpgsqlCommand(
            """
            WITH no_wait AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true))
            INSERT INTO sandbox.providers AS p (provider, acquire_calls, renew_calls, other_calls, in_flight_peak)
            SELECT $1, ($2 = 'Acquire')::int, ($2 = 'Renew')::int, ($2 = 'Other')::int, $3 FROM no_wait
            ON CONFLICT (provider) DO UPDATE SET
                acquire_calls = p.acquire_calls + excluded.acquire_calls,
                renew_calls = p.renew_calls + excluded.renew_calls,
                other_calls = p.other_calls + excluded.other_calls,
                in_flight_peak = greatest(p.in_flight_peak, excluded.in_flight_peak),
                fail_next = CASE WHEN $2 <> 'Other' AND p.fail_next >= 0 THEN p.fail_next - 1 ELSE p.fail_next END
            RETURNING behaviour, fail_next
            """,
            connection) { Parameters = { new() { Value = provider }, new() { Value = call.ToString() }, new() { Value = inFlight } } };
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        await row.ReadAsync(cancellationToken);

        var behaviour = Stored(row);
        var isStruck = behaviour.FailNext is null || (call is not SandboxCall.Other && row.GetInt32(1) >= 0);
        return isStruck ? behaviour : behaviour with { Mode = SandboxMode.Normal };
    }

    private static SandboxBehaviour Stored(NpgsqlDataReader row) =>
        JsonSerializer.Deserialize<SandboxBehaviour>(row.GetString(0), SandboxJson.Options)!;

    private static SandboxBehaviour Remaining(SandboxBehaviour behaviour, int failNext) => behaviour.FailNext switch
    {
        null => behaviour,
        _ when failNext > 0 => behaviour with { FailNext = failNext },
        _ => behaviour with { FailNext = null, Mode = SandboxMode.Normal },
    };

    [LoggerMessage(4001, LogLevel.Information, "Sandbox provider {Provider}: {Mode}")]
    private partial void LogBehaves(string provider, SandboxMode mode);
}
