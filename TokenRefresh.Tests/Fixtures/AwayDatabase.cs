using System.Data.Common;
using System.Net.Sockets;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Npgsql;

namespace TokenRefresh.Tests.Fixtures;

/// <summary>Refuses as many saves as a test asks for, as a database does that nobody can connect to.</summary>
internal sealed class AwayDatabase : SaveChangesInterceptor, IDbCommandInterceptor
{
    /// <summary>How many of the next saves fail.</summary>
    public int Saves { get; set; }

    public override ValueTask<InterceptionResult<int>> SavingChangesAsync(
        DbContextEventData eventData, InterceptionResult<int> result, CancellationToken cancellationToken = default) => new(Next(result));

    public ValueTask<InterceptionResult<DbDataReader>> ReaderExecutingAsync(
        DbCommand command, CommandEventData eventData, InterceptionResult<DbDataReader> result, CancellationToken cancellationToken = default) =>
        new(RefreshStatements.IsSave(command) ? Next(result) : result);

    private T Next<T>(T result) => Saves-- > 0 ? throw new NpgsqlException("Nobody listens.", new SocketException((int)SocketError.ConnectionRefused)) : result;
}
