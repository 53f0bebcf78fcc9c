using System.Data.Common;
using System.Text.RegularExpressions;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Npgsql;

namespace TokenRefresh.Tests.Simulation;

/// <summary>
/// The gates of one node's database: before each connection, statement and commit, and again before its answer comes back. The database's
/// clock is the virtual one. Statements run on the scheduler's thread.
/// </summary>
internal sealed partial class DatabaseGate(SimWorld world, SimNode node) : IDbCommandInterceptor, IDbConnectionInterceptor, IDbTransactionInterceptor
{
    private const string Tokens = "tokens", Incidents = "incidents";

    private readonly Gates gates = world.Gates;

    public async ValueTask<InterceptionResult> ConnectionOpeningAsync(DbConnection connection, ConnectionEventData eventData, InterceptionResult result, CancellationToken cancellationToken)
    {
        await gates.PassAsync(node, "connect").ConfigureAwait(false);
        ThrowIfAway();
        connection.Open();
        gates.Opened(connection);
        return InterceptionResult.Suppress();
    }

    public void ConnectionClosed(DbConnection connection, ConnectionEndEventData eventData) => gates.Closed(connection);

    public Task ConnectionClosedAsync(DbConnection connection, ConnectionEndEventData eventData)
    {
        gates.Closed(connection);
        return Task.CompletedTask;
    }

    public async ValueTask<InterceptionResult<DbDataReader>> ReaderExecutingAsync(
        DbCommand command, CommandEventData eventData, InterceptionResult<DbDataReader> result, CancellationToken cancellationToken = default) =>
        InterceptionResult<DbDataReader>.SuppressWithResult(await RunAsync(command, command.ExecuteReader).ConfigureAwait(false));

    public async ValueTask<InterceptionResult<int>> NonQueryExecutingAsync(
        DbCommand command, CommandEventData eventData, InterceptionResult<int> result, CancellationToken cancellationToken = default) =>
        InterceptionResult<int>.SuppressWithResult(await RunAsync(command, command.ExecuteNonQuery).ConfigureAwait(false));

    public async ValueTask<InterceptionResult<object>> ScalarExecutingAsync(
        DbCommand command, CommandEventData eventData, InterceptionResult<object> result, CancellationToken cancellationToken = default) =>
        InterceptionResult<object>.SuppressWithResult((await RunAsync(command, command.ExecuteScalar).ConfigureAwait(false))!);

    public DbTransaction TransactionStarted(DbConnection connection, TransactionEndEventData eventData, DbTransaction result)
    {
        gates.Began(connection);
        return result;
    }

    public ValueTask<DbTransaction> TransactionStartedAsync(DbConnection connection, TransactionEndEventData eventData, DbTransaction result, CancellationToken cancellationToken = default)
    {
        gates.Began(connection);
        return new(result);
    }

    public async ValueTask<InterceptionResult> TransactionCommittingAsync(DbTransaction transaction, TransactionEventData eventData, InterceptionResult result, CancellationToken cancellationToken = default)
    {
        var connection = transaction.Connection!;
        await gates.PassAsync(node, "commit", connection).ConfigureAwait(false);
        ThrowIfAway();
        transaction.Commit();
        var (tokens, incidents) = (gates.HasWritten(connection, Tokens), gates.HasWritten(connection, Incidents));
        gates.Ended(connection);
        if (tokens)
        {
            world.Observe();
        }

        if (incidents)
        {
            world.Incidents.Look();
        }

        await gates.PassAsync(node, "committed", connection).ConfigureAwait(false);
        ThrowIfAway();
        return InterceptionResult.Suppress();
    }

    public ValueTask<InterceptionResult> CreatingSavepointAsync(DbTransaction transaction, TransactionEventData eventData, InterceptionResult result, CancellationToken cancellationToken = default)
    {
        transaction.Save("step");
        return new(InterceptionResult.Suppress());
    }

    public ValueTask<InterceptionResult> ReleasingSavepointAsync(DbTransaction transaction, TransactionEventData eventData, InterceptionResult result, CancellationToken cancellationToken = default)
    {
        transaction.Release("step");
        return new(InterceptionResult.Suppress());
    }

    private async Task<T> RunAsync<T>(DbCommand command, Func<T> execute)
    {
        var connection = command.Connection!;
        var text = command.CommandText;
        var writes = Writes().Matches(text).Select(match => match.Groups[1].Value).ToList();
        if (text.Contains("FROM tokens", StringComparison.Ordinal) && text.Contains("FOR UPDATE", StringComparison.Ordinal))
        {
            writes.Add(Tokens);
        }
        var label = Subject().Match(text) is { Success: true } subject ? $"{text.TrimStart()[..6].TrimEnd()} {subject.Groups[1].Value}" : text.TrimStart().Split('\n', '(')[0];
        world.Laws.BeforeStatement(world, node, command);
        await gates.PassAsync(node, label, connection, writes).ConfigureAwait(false);
        ThrowIfAway();
        var sent = world.Laws.Rewrite(text);
        if (world.IsReadOnly && (Writes().IsMatch(sent) || sent.Contains("FOR UPDATE", StringComparison.Ordinal)))
        {
            throw Gates.ReadOnly();
        }

        command.CommandText = sent.Replace("clock_timestamp()", "@virtual_now", StringComparison.Ordinal);
        if (command.CommandText != text)
        {
            command.Parameters.Add(new NpgsqlParameter("virtual_now", world.Agenda.Now));
        }

        var answer = execute();
        if (writes.Count > 0)
        {
            gates.Wrote(connection, writes);
            if (writes.Contains(Tokens) && !gates.IsInTransaction(connection))
            {
                world.Observe();
            }
        }

        await gates.PassAsync(node, "answer", connection).ConfigureAwait(false);
        if (node.IsAway)
        {
            (answer as IDisposable)?.Dispose();
            throw Gates.Away();
        }

        return answer;
    }

    private void ThrowIfAway()
    {
        if (node.IsAway)
        {
            throw Gates.Away();
        }
    }

    [GeneratedRegex(@"(?:UPDATE|INSERT INTO|DELETE FROM|LOCK TABLE)\s+([a-z_]+)")]
    private static partial Regex Writes();

    [GeneratedRegex(@"(?:UPDATE|INTO|FROM)\s+([a-z_]+)")]
    private static partial Regex Subject();
}
