using System.CommandLine;
using Microsoft.Extensions.Options;
using TokenRefresh.Jobs;
using TokenRefresh.Jobs.Administration;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Server.Hosting;

namespace TokenRefresh.Server.Cli;

/// <summary><c>clients …</c> and <c>cache clear</c>.</summary>
internal static class ClientsCommands
{
    public static Command Create(CommandRunner host) => new("clients", "Manage clients (programs that read tokens) and their keys.") { Add(host), List(host), Revoke(host) };

    public static Command CreateCache(CommandRunner host)
    {
        var clear = new Command("clear", "Make every node drop its cached tokens and read them again.");
        clear.SetAction((_, cancellationToken) => host.RunAsync(
            async services =>
            {
                await services.GetRequiredService<ChangeFeed>().AnnounceAsync(ChangeFeed.Everything, cancellationToken);
                Console.Out.WriteLine("Every node is reloading its tokens.");
                return ExitCode.Done;
            },
            cancellationToken));
        return new("cache", "Manage the in-memory token cache.") { clear };
    }

    private static Command Add(CommandRunner host)
    {
        var name = new Argument<string>("NAME") { Description = "The client's name." };
        var tokens = new Option<string>("--tokens") { Description = "The tokens it may read, comma-separated patterns: 'jibit,fino*'.", Required = true };
        var acts = new Option<string>("--acts") { Description = $"What it may do with them, comma-separated: {string.Join(", ", ClientActs.All)}.", DefaultValueFactory = _ => ClientActs.Usual };
        var command = new Command("add", "Create a client and its key; the key is printed once, alone on stdout.") { name, tokens, acts };
        command.SetAction((call, cancellationToken) => host.RunFirstAsync(
            async services =>
            {
                try
                {
                    Console.Out.WriteLine(await services.GetRequiredService<ClientKeys>().IssueAsync(call.GetValue(name)!, call.GetValue(tokens)!, Options.Caller, cancellationToken, call.GetValue(acts)!));
                }
                catch (ArgumentException error)
                {
                    throw new UsageException(error.Message);
                }

                Output.Note("Save it now: it is not stored and cannot be shown again.");
                return ExitCode.Done;
            },
            cancellationToken));
        return command;
    }

    private static Command List(CommandRunner host)
    {
        var json = Options.Json();
        var command = new Command("list", "List all clients, newest first. No secrets.") { json };
        command.SetAction((call, cancellationToken) => host.ReadAsync(
            async services =>
            {
                var clients = await services.GetRequiredService<ClientKeys>().ListAsync(cancellationToken);
                if (call.GetValue(json))
                {
                    Output.Json(clients.Select(client => new { client.Name, client.Id, client.Tokens, client.Acts, client.CreatedAt, client.LastUsedAt, client.RevokedAt }));
                }
                else
                {
                    var zone = services.GetRequiredService<IOptions<ScheduleOptions>>().Value.Zone;
                    Output.Table(
                        ["NAME", new("ID", 6), new("TOKENS", 3, IsProse: true), new("ACTS", 4), new("CREATED", 5), new("LAST USED", 2), new("REVOKED", 1)],
                        clients.Select(client => (IReadOnlyList<string>)
                            [client.Name, client.Id, client.Tokens, client.Acts, Output.At(client.CreatedAt, zone), Output.At(client.LastUsedAt, zone), Output.At(client.RevokedAt, zone)]),
                        "No clients yet. Create one: clients add NAME --tokens 'PATTERNS'",
                        zone);
                }

                return ExitCode.Done;
            },
            cancellationToken));
        return command;
    }

    private static Command Revoke(CommandRunner host)
    {
        var name = new Argument<string>("NAME") { Description = "The client's name." };
        var yes = Confirmation.Option();
        var command = new Command("revoke", "Revoke a client's key on every node at once; this cannot be undone.") { name, yes };
        command.SetAction((call, cancellationToken) =>
        {
            var client = call.GetValue(name)!;
            var consent = Confirmation.Of(call.GetValue(yes), $"clients revoke permanently revokes the key of '{client}'.");
            return host.RunAsync(services => RevokeAsync(services.GetRequiredService<ClientKeys>(), client, consent, cancellationToken), cancellationToken);
        });
        return command;
    }

    private static async Task<int> RevokeAsync(ClientKeys keys, string name, Confirmation consent, CancellationToken cancellationToken)
    {
        var good = (await keys.ListAsync(cancellationToken)).Where(client => client.RevokedAt is null).Select(client => client.Name).ToList();
        if (good.Contains(name) && !consent.Confirms($"Permanently revoke the key of '{OneLine.Of(name)}'?"))
        {
            return ExitCode.Failed;
        }

        if (!await keys.RevokeAsync(name, Options.Caller, cancellationToken))
        {
            throw new UsageException($"No client '{name}' with an active key. {(good.Count == 0 ? "No client has one." : $"Clients: {string.Join(", ", good)}.")}");
        }

        Output.Line($"Revoked key \"{name}\".");
        return ExitCode.Done;
    }
}
