using System.Data.Common;
using Microsoft.EntityFrameworkCore.Diagnostics;

namespace TokenRefresh.Tests.Fixtures;

/// <summary>Lets something happen right before a node sends a statement, or right after the database has carried it out.</summary>
internal sealed class RefreshStatements(Func<DbCommand, bool> which) : DbCommandInterceptor
{
    /// <summary>Happens before the next such statement, once.</summary>
    public Func<Task>? Before { get; set; }

    /// <summary>Happens after the next such statement, once.</summary>
    public Func<Task>? After { get; set; }

    /// <summary>True for the statement that saves what refreshes came to.</summary>
    public static bool IsSave(DbCommand command) => command.CommandText.Contains("SELECT place FROM saved", StringComparison.Ordinal);

    public override async ValueTask<InterceptionResult<DbDataReader>> ReaderExecutingAsync(
        DbCommand command, CommandEventData eventData, InterceptionResult<DbDataReader> result, CancellationToken cancellationToken = default)
    {
        if (Before is { } happens && which(command))
        {
            Before = null;
            await happens();
        }

        return result;
    }

    public override async ValueTask<DbDataReader> ReaderExecutedAsync(DbCommand command, CommandExecutedEventData eventData, DbDataReader result, CancellationToken cancellationToken = default)
    {
        if (After is { } happens && which(command))
        {
            After = null;
            await result.DisposeAsync();
            await happens();
        }

        return result;
    }
}
