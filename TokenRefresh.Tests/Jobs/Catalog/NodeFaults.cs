using System.Data.Common;
using Microsoft.EntityFrameworkCore.Diagnostics;

namespace TokenRefresh.Tests.Jobs.Catalog;

/// <summary>What a node was doing when it was killed is not caught by anyone.</summary>
internal sealed class KilledException : Exception;

/// <summary>
/// Ends a node at one step of what it does with its database: before a connection, a statement or a commit, or before the answer to a statement or a commit comes back.
/// From then on it reaches the database no more.
/// </summary>
internal sealed class NodeFaults : DbCommandInterceptor, IDbConnectionInterceptor, IDbTransactionInterceptor
{
    private int steps, end;

    /// <summary>True once it was ended.</summary>
    public bool HasEnded { get; private set; }

    /// <summary>What is thrown there.</summary>
    public Func<Exception> Fault { get; set; } = () => new KilledException();

    /// <summary>True where only the one step fails.</summary>
    public bool IsBrief { get; set; }

    /// <summary>Where it ends: a part of the step's name; null for every step.</summary>
    public string? Only { get; set; }

    /// <summary>From now on it ends at that step; 0 for never.</summary>
    public void EndAt(int step) => (steps, end, HasEnded) = (0, step, false);

    public async ValueTask<InterceptionResult> ConnectionOpeningAsync(DbConnection connection, ConnectionEventData eventData, InterceptionResult result, CancellationToken cancellationToken = default)
    {
        await StepAsync("connecting");
        return result;
    }

    public override async ValueTask<InterceptionResult<DbDataReader>> ReaderExecutingAsync(
        DbCommand command, CommandEventData eventData, InterceptionResult<DbDataReader> result, CancellationToken cancellationToken = default)
    {
        await StepAsync("executing");
        return result;
    }

    public override async ValueTask<InterceptionResult<int>> NonQueryExecutingAsync(
        DbCommand command, CommandEventData eventData, InterceptionResult<int> result, CancellationToken cancellationToken = default)
    {
        await StepAsync("executing");
        return result;
    }

    public override async ValueTask<DbDataReader> ReaderExecutedAsync(DbCommand command, CommandExecutedEventData eventData, DbDataReader result, CancellationToken cancellationToken = default)
    {
        await StepAsync("executed", result);
        return result;
    }

    public override async ValueTask<int> NonQueryExecutedAsync(DbCommand command, CommandExecutedEventData eventData, int result, CancellationToken cancellationToken = default)
    {
        await StepAsync("executed");
        return result;
    }

    public async ValueTask<InterceptionResult> TransactionCommittingAsync(DbTransaction transaction, TransactionEventData eventData, InterceptionResult result, CancellationToken cancellationToken = default)
    {
        await StepAsync("committing");
        return result;
    }

    public Task TransactionCommittedAsync(DbTransaction transaction, TransactionEndEventData eventData, CancellationToken cancellationToken = default) => StepAsync("committed");

    private async Task StepAsync(string step, DbDataReader? reader = null)
    {
        if ((HasEnded && !IsBrief) || ((Only is null || Only == step) && ++steps == end))
        {
            HasEnded = true;
            if (reader is not null)
            {
                await reader.DisposeAsync();
            }

            throw Fault();
        }
    }
}
