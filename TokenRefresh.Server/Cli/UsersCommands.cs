using System.CommandLine;
using Microsoft.Extensions.Options;
using TokenRefresh.Jobs;
using TokenRefresh.Server.Access;
using TokenRefresh.Server.Hosting;

namespace TokenRefresh.Server.Cli;

/// <summary><c>users …</c>.</summary>
internal static class UsersCommands
{
    public static Command Create(CommandRunner host) => new("users", "Manage the panel's users.")
    {
        Add(host),
        List(host),
        ResetPassword(host),
        SetRole(host),
        Change(host, "disable", "Disable a user and end all their sessions.", "disabled", (users, name) => users.DisableAsync(name, Options.Caller)),
        Change(host, "enable", "Enable a user again; also ends a lock after wrong passwords.", "enabled", (users, name) => users.EnableAsync(name, Options.Caller)),
        Remove(host),
    };

    private static Command Add(CommandRunner host)
    {
        var name = new Argument<string>("NAME") { Description = "The user name." };
        var role = RoleOption();
        var command = new Command("add", "Create a user; the password is read from stdin, or generated and printed once.") { name, role };
        command.SetAction((call, cancellationToken) => host.RunFirstAsync(
            services => WithPasswordAsync(services, (users, password) => users.AddAsync(call.GetValue(name)!, Chosen(call, role), password, Options.Caller), $"User \"{call.GetValue(name)}\" created", cancellationToken), cancellationToken));
        return command;
    }

    private static Command List(CommandRunner host)
    {
        var json = Options.Json();
        var command = new Command("list", "List all users by name.") { json };
        command.SetAction((call, cancellationToken) => host.ReadAsync(
            async services =>
            {
                await using var scope = services.CreateAsyncScope();
                var users = await scope.ServiceProvider.GetRequiredService<PanelUsers>().ListAsync(cancellationToken);
                if (call.GetValue(json))
                {
                    Output.Json(users.Select(user => new { Name = user.UserName, user.Role, user.CreatedAt, user.LastSignInAt, user.LockoutEnd, user.DisabledAt }));
                }
                else
                {
                    var zone = services.GetRequiredService<IOptions<ScheduleOptions>>().Value.Zone;
                    Output.Table(
                        ["NAME", "ROLE", new("CREATED", 6), new("LAST SIGN-IN", 3), new("LOCKED UNTIL", 5), new("DISABLED AT", 2)],
                        users.Select(user => (IReadOnlyList<string>)
                            [user.UserName!, user.Role.ToString().ToLowerInvariant(), Output.At(user.CreatedAt, zone), Output.At(user.LastSignInAt, zone), Output.At(user.LockoutEnd, zone), Output.At(user.DisabledAt, zone)]),
                        "No users yet. The server creates the first one when it starts.",
                        zone);
                }

                return ExitCode.Done;
            },
            cancellationToken));
        return command;
    }

    private static Command ResetPassword(CommandRunner host)
    {
        var name = NameArgument();
        var command = new Command("reset-password", "Set a user's password, from stdin or generated, and end all their sessions.") { name };
        command.SetAction((call, cancellationToken) => host.RunAsync(
            services => WithPasswordAsync(services, (users, password) => users.ResetPasswordAsync(call.GetValue(name)!, password, Options.Caller), $"Password of \"{call.GetValue(name)}\" reset; all sessions ended", cancellationToken), cancellationToken));
        return command;
    }

    private static Command SetRole(CommandRunner host)
    {
        var name = NameArgument();
        var role = RoleOption();
        var command = new Command("set-role", "Change a user's role and end all their sessions.") { name, role };
        command.SetAction((call, cancellationToken) => host.RunAsync(
            services => ChangeAsync(services, users => users.SetRoleAsync(call.GetValue(name)!, Chosen(call, role), Options.Caller), $"Role of \"{call.GetValue(name)}\" is now {call.GetValue(role)}; all sessions ended."), cancellationToken));
        return command;
    }

    private static Command Change(CommandRunner host, string verb, string help, string done, Func<PanelUsers, string, Task> change)
    {
        var name = NameArgument();
        var command = new Command(verb, help) { name };
        command.SetAction((call, cancellationToken) => host.RunAsync(services => ChangeAsync(services, users => change(users, call.GetValue(name)!), $"User \"{call.GetValue(name)}\" {done}."), cancellationToken));
        return command;
    }

    private static Command Remove(CommandRunner host)
    {
        var name = NameArgument();
        var yes = Confirmation.Option();
        var command = new Command("remove", "Remove a user; their actions stay in the log and the audit.") { name, yes };
        command.SetAction((call, cancellationToken) =>
        {
            var user = call.GetValue(name)!;
            var consent = Confirmation.Of(call.GetValue(yes), $"users remove deletes the account '{user}'; users disable keeps it.");
            return host.RunAsync(
                async services => consent.Confirms($"Remove the user '{OneLine.Of(user)}'?")
                    ? await ChangeAsync(services, users => users.RemoveAsync(user, Options.Caller), $"User \"{user}\" removed.")
                    : ExitCode.Failed,
                cancellationToken);
        });
        return command;
    }

    private static Argument<string> NameArgument() => new("NAME") { Description = "The user's name." };

    private static Option<string> RoleOption()
    {
        var role = new Option<string>("--role") { Description = "viewer: read only; operator: also refresh, test, pause; admin: also users, client keys, imports.", Required = true };
        return role.AcceptOnlyFromAmong([.. Enum.GetNames<Role>().Select(each => each.ToLowerInvariant())]);
    }

    private static Role Chosen(ParseResult call, Option<string> role) => Enum.Parse<Role>(call.GetValue(role)!, ignoreCase: true);

    private static async Task<int> WithPasswordAsync(IServiceProvider services, Func<PanelUsers, string, Task> change, string done, CancellationToken cancellationToken)
    {
        var given = Console.IsInputRedirected ? (await Console.In.ReadToEndAsync(cancellationToken)).TrimEnd('\r', '\n') : "";
        var password = given.Length > 0 ? given : PanelUsers.NewPassword();
        await ChangeAsync(services, users => change(users, password));
        if (given.Length > 0)
        {
            Output.Note($"{OneLine.Of(done)}.");
        }
        else
        {
            Console.Out.WriteLine(password);
            Output.Note($"{OneLine.Of(done)}. Save the password now: it is not stored and cannot be shown again.");
        }

        return ExitCode.Done;
    }

    private static async Task<int> ChangeAsync(IServiceProvider services, Func<PanelUsers, Task> change, string? done = null)
    {
        await using var scope = services.CreateAsyncScope();
        try
        {
            await change(scope.ServiceProvider.GetRequiredService<PanelUsers>());
            if (done is not null)
            {
                Output.Line(done);
            }

            return ExitCode.Done;
        }
        catch (PanelUserException error)
        {
            throw new UsageException(error.Message);
        }
    }
}
