using System.CommandLine;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Server.Hosting;

namespace TokenRefresh.Server.Cli;

/// <summary><c>db …</c></summary>
internal static class DbCommands
{
    public static Command Create(CommandRunner host) => new("db", "Manage the database: its schema, and its move to another Postgres.") { Migrate(host), Status(host), MoveCommand.Create(host) };

    private static Command Migrate(CommandRunner host)
    {
        var json = Options.Json();
        var command = new Command("migrate", "Update the schema to this version. Running it again changes nothing.") { json };
        command.SetAction((call, cancellationToken) => host.RunUnpreparedAsync(
            FirstUse.Makes,
            async services =>
            {
                var preparation = services.GetRequiredService<DatabasePreparation>();
                var pending = await preparation.PendingAsync(cancellationToken);
                await preparation.RunAsync(marksStrays: false, cancellationToken);
                if (call.GetValue(json))
                {
                    Output.Json(new { Applied = pending });
                }
                else
                {
                    Console.Out.WriteLine(pending.Count == 0 ? "The schema is up to date." : $"Applied {string.Join(", ", pending)}.");
                }

                return ExitCode.Done;
            },
            cancellationToken));
        return command;
    }

    private static Command Status(CommandRunner host)
    {
        var json = Options.Json();
        var command = new Command("status", "Show the database and its migrations; exit code 1 while migrations are pending.") { json };
        command.SetAction((call, cancellationToken) => host.RunUnpreparedAsync(
            FirstUse.Looks,
            async services =>
            {
                var preparation = services.GetRequiredService<DatabasePreparation>();
                var (applied, pending) = (await preparation.AppliedAsync(cancellationToken), await preparation.PendingAsync(cancellationToken));
                var where = services.GetRequiredService<Database>().Description;
                if (call.GetValue(json))
                {
                    Output.Json(new { Database = where, Applied = applied, Pending = pending });
                }
                else
                {
                    Console.Out.WriteLine($"database  {where}{Environment.NewLine}applied   {applied.Count} migrations{(applied.Count > 0 ? $", latest {applied[^1]}" : "")}{Environment.NewLine}pending   {(pending.Count == 0 ? "none" : string.Join(", ", pending) + " (apply with: db migrate)")}");
                }

                return pending.Count == 0 ? ExitCode.Done : ExitCode.Failed;
            },
            cancellationToken));
        return command;
    }
}
