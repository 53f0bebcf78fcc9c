using System.CommandLine;
using Microsoft.Extensions.Options;
using TokenRefresh.Jobs;
using TokenRefresh.Server.Access;
using TokenRefresh.Server.Hosting;

namespace TokenRefresh.Server.Cli;

/// <summary><c>users …</c>.</summary>
internal static class UsersCommands
{
    public static Command Create(CommandRunner host) => new("users", "The people who may sign in to the panel.")
    {
        Add(host),
        List(host),
        ResetPassword(host),
        SetRole(host),
        Change(host, "disable", "Keep a user from signing in, and end every sign-in of theirs.", "cannot sign in any more", (users, name) => users.DisableAsync(name, Options.Caller)),
        Change(host, "enable", "Let a user sign in again; a lock after wrong passwords ends too.", "may sign in", (users, name) => users.EnableAsync(name, Options.Caller)),
        Remove(host),
    };

    private static Command Add(CommandRunner host)
    {
        var name = new Argument<string>("NAME") { Description = "The name to sign in with." };
        var role = RoleOption();
        var command = new Command("add", "Add a user; the password comes from stdin, or is made up and printed once.") { name, role };
        command.SetAction((call, cancellationToken) => host.RunFirstAsync(
            services => WithPasswordAsync(services, (users, password) => users.AddAsync(call.GetValue(name)!, Chosen(call, role), password, Options.Caller), cancellationToken), cancellationToken));
        return command;
    }

    private static Command List(CommandRunner host)
    {
        var json = Options.Json();
        var command = new Command("list", "Every user, by name.") { json };
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
                        ["NAME", "ROLE", new("CREATED", 6), new("LAST SIGN-IN", 3), new("LOCKED UNTIL", 5), new("DISABLED SINCE", 2)],
                        users.Select(user => (IReadOnlyList<string>)
                            [user.UserName!, user.Role.ToString().ToLowerInvariant(), Output.At(user.CreatedAt, zone), Output.At(user.LastSignInAt, zone), Output.At(user.LockoutEnd, zone), Output.At(user.DisabledAt, zone)]),
                        "There is no user yet; the server makes the first one when it starts.",
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
        var command = new Command("reset-password", "Give a user a new password, from stdin or made up, and end every sign-in of theirs.") { name };
        command.SetAction((call, cancellationToken) => host.RunAsync(
            services => WithPasswordAsync(services, (users, password) => users.ResetPasswordAsync(call.GetValue(name)!, password, Options.Caller), cancellationToken), cancellationToken));
        return command;
    }

    private static Command SetRole(CommandRunner host)
    {
        var name = NameArgument();
        var role = RoleOption();
        var command = new Command("set-role", "Give a user another role, and end every sign-in of theirs.") { name, role };
        command.SetAction((call, cancellationToken) => host.RunAsync(
            services => ChangeAsync(services, users => users.SetRoleAsync(call.GetValue(name)!, Chosen(call, role), Options.Caller), $"{call.GetValue(name)} is {call.GetValue(role)} now."), cancellationToken));
        return command;
    }

    private static Command Change(CommandRunner host, string verb, string help, string done, Func<PanelUsers, string, Task> change)
    {
        var name = NameArgument();
        var command = new Command(verb, help) { name };
        command.SetAction((call, cancellationToken) => host.RunAsync(services => ChangeAsync(services, users => change(users, call.GetValue(name)!), $"{call.GetValue(name)} {done}."), cancellationToken));
        return command;
    }

    private static Command Remove(CommandRunner host)
    {
        var name = NameArgument();
        var yes = Confirmation.Option();
        var command = new Command("remove", "Remove a user; what they did stays in the log and the audit.") { name, yes };
        command.SetAction((call, cancellationToken) =>
        {
            var user = call.GetValue(name)!;
            var consent = Confirmation.Of(call.GetValue(yes), $"users remove deletes the account of '{user}'; users disable keeps it.");
            return host.RunAsync(
                async services => consent.Confirms($"Remove the user '{OneLine.Of(user)}'?")
                    ? await ChangeAsync(services, users => users.RemoveAsync(user, Options.Caller), $"{user} is removed.")
                    : ExitCode.Failed,
                cancellationToken);
        });
        return command;
    }

    private static Argument<string> NameArgument() => new("NAME") { Description = "The user's name." };

    private static Option<string> RoleOption()
    {
        var role = new Option<string>("--role") { Description = "viewer reads; operator also refreshes, tests, pauses; admin also manages users, client keys, imports.", Required = true };
        return role.AcceptOnlyFromAmong([.. Enum.GetNames<Role>().Select(each => each.ToLowerInvariant())]);
    }

    private static Role Chosen(ParseResult call, Option<string> role) => Enum.Parse<Role>(call.GetValue(role)!, ignoreCase: true);

    private static async Task<int> WithPasswordAsync(IServiceProvider services, Func<PanelUsers, string, Task> change, CancellationToken cancellationToken)
    {
        var given = Console.IsInputRedirected ? (await Console.In.ReadToEndAsync(cancellationToken)).TrimEnd('\r', '\n') : "";
        var password = given.Length > 0 ? given : PanelUsers.NewPassword();
        await ChangeAsync(services, users => change(users, password));
        if (given.Length > 0)
        {
            Output.Note("It was done, with the password from stdin.");
        }
        else
        {
            Console.Out.WriteLine(password);
            Output.Note("Keep it now: it is not stored and cannot be shown again.");
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
