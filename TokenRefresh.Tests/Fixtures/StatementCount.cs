using System.Collections.Concurrent;
using System.Data.Common;
using Microsoft.EntityFrameworkCore.Diagnostics;

namespace TokenRefresh.Tests.Fixtures;

/// <summary>Notes the statements that a node sends.</summary>
internal sealed class StatementCount : DbCommandInterceptor
{
    private readonly ConcurrentQueue<string> sent = new();

    public int Count(string part) => sent.Count(sql => sql.Contains(part, StringComparison.Ordinal));

    public void Clear() => sent.Clear();

    public override ValueTask<InterceptionResult<DbDataReader>> ReaderExecutingAsync(
        DbCommand command, CommandEventData eventData, InterceptionResult<DbDataReader> result, CancellationToken cancellationToken = default)
    {
        sent.Enqueue(command.CommandText);
        return new(result);
    }
}
