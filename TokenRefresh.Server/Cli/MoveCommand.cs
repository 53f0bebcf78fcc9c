using System.CommandLine;
using Npgsql;
using Spectre.Console;
using TokenRefresh.Jobs.Administration;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Server.Hosting;

namespace TokenRefresh.Server.Cli;

/// <summary><c>db move</c>: from the program's own Postgres, or any other, to another one.</summary>
internal static class MoveCommand
{
    private const string FromInput = "-";

    public static Command Create(CommandRunner host)
    {
        var to = new Argument<string>("to") { Description = "The connection string or postgres:// address of an empty database, or - to read it from stdin, so that the password does not appear in the shell's history." };
        var json = Options.Json();
        var command = new Command("move", "Copy everything into an empty database of another Postgres, while no node runs. This database is not changed.") { to, json };
        command.SetAction(async (call, cancellationToken) =>
        {
            var target = Parse(call.GetValue(to) == FromInput ? await Console.In.ReadToEndAsync(cancellationToken) : call.GetValue(to)!);
            try
            {
                return await host.RunUnpreparedAsync(
                    FirstUse.Needs, source => MoveAsync(source, host.On(target), target, call.GetValue(json), cancellationToken), cancellationToken);
            }
            catch (PostgresException error) when (DatabaseFaults.IsShut(error) || !DatabaseFaults.IsAway(error))
            {
                throw Refused(error);
            }
            catch (SchemaException error) when (error.InnerException is PostgresException refusal)
            {
                throw Refused(refusal);
            }
        });
        return command;
    }

    private static DatabaseMoveException Refused(PostgresException error) =>
        new($"Postgres refused the move: {error.MessageText}. Nothing was moved; the user of the connection string must own the empty database.");

    private static async Task<int> MoveAsync(IServiceProvider source, CommandRunner targetHost, string target, bool json, CancellationToken cancellationToken)
    {
        var old = source.GetRequiredService<Database>();
        await using var from = await OpenAsync(old.ConnectionString, cancellationToken);
        await using var to = await OpenAsync(target, cancellationToken);
        var move = new DatabaseMove(await SideAsync(from, cancellationToken), await SideAsync(to, cancellationToken), source.GetRequiredService<TimeProvider>());
        await move.CheckAsync(source.GetRequiredService<MasterKey>().Fingerprint, cancellationToken);
        return await targetHost.RunFirstAsync(
            async services =>
            {
                var messages = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
                var tables = await messages.Status().StartAsync("moving", status => move.RunAsync(table => status.Status = $"moving {table}".EscapeMarkup(), cancellationToken));
                var where = services.GetRequiredService<Database>().Description;
                await services.GetRequiredService<AuditTrail>().WriteAsync(Options.Caller, "db.moved", where, new { From = old.Description, Rows = tables.Sum(table => table.Rows) });
                Tell(tables, old.Description, where, json);
                return ExitCode.Done;
            },
            cancellationToken);
    }

    private static void Tell(IReadOnlyList<MovedTable> tables, string old, string where, bool json)
    {
        if (json)
        {
            Output.Json(new { Database = where, Tables = tables });
            return;
        }

        Output.Table(["table", "rows"], tables.Where(table => table.Rows > 0).Select(table => new[] { table.Name, $"{table.Rows}" }), "Nothing to move.");
        Console.Out.WriteLine(
            $"Everything is in {where}. Set ConnectionStrings__TokenRefresh to it on every node, with the same Encryption__MasterKey, then start.{Environment.NewLine}"
            + $"Never start on {old} again: two databases that renew the same grant invalidate each other's refresh tokens. Delete it after the new one is backed up.");
    }

    // Refused here without being repeated, for it holds a password.
    private static string Parse(string text) => PostgresAddress.TryRead(text.Trim(), out var settings)
        ? settings is { Database.Length: > 0 } ? settings.ConnectionString : throw new UsageException("The connection string names no database.")
        : throw new UsageException($"The target is not {PostgresAddress.Forms}.");

    // Not pooled, so that a connection that is closed is gone and not taken for another process's.
    private static async Task<NpgsqlConnection> OpenAsync(string connectionString, CancellationToken cancellationToken)
    {
        var target = new NpgsqlConnectionStringBuilder(connectionString) { Pooling = false, ApplicationName = "TokenRefresh", CommandTimeout = 0 };
        var connection = new NpgsqlConnection(target.ConnectionString);
        try
        {
            await connection.OpenAsync(cancellationToken);
            return connection;
        }
        catch (Exception error) when (PostgresErrors.IsOfDatabase(error))
        {
            await connection.DisposeAsync();
            throw new StartUpException($"{target.Host}/{target.Database} cannot be used: {PostgresErrors.Line(error, "the connection string")}", error);
        }
    }

    private static async Task<MoveSide> SideAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        var schema = await new DatabaseInspection(connection, $"{connection.Host}/{connection.Database}").SchemaAsync(cancellationToken);
        await using var session = new NpgsqlCommand(SessionSettings.Sql(schema), connection);
        await session.ExecuteNonQueryAsync(cancellationToken);
        return new(connection, schema);
    }
}
