using System.CommandLine;
using System.Text.Json.Nodes;
using TokenRefresh.Jobs.Catalog;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;
using TokenRefresh.Providers.OAuth2;

namespace TokenRefresh.Server.Cli;

/// <summary><c>providers …</c></summary>
internal static class ProvidersCommands
{
    public static Command Create(CommandRunner host) => new("providers", "Manage providers: list, show, test, add, set, promote, adopt, remove.") { List(host), Show(host), Test(host), Add(host), Set(host), Promote(host), Adopt(host), Remove(host) };

    private static Command List(CommandRunner host)
    {
        var json = Options.Json();
        var command = new Command("list", "List the providers. No secrets.") { json };
        command.SetAction((call, cancellationToken) => host.ReadAsync(
            async services =>
            {
                var rows = await services.GetRequiredService<ProviderChanges>().ListAsync(cancellationToken);
                if (call.GetValue(json))
                {
                    Output.Json(rows.Select(row => Shape(row, services)));
                }
                else
                {
                    Output.Table(
                        ["NAME", "TYPE", new("ORIGIN", 2), new("STATE", 3)],
                        rows.Select(row => (IReadOnlyList<string>)[row.Name, row.Type, row.Origin.Word(), !row.Enabled ? "switched off" : row.IsConfigured ? "configured" : "not configured"]),
                        "No providers. Add one: providers add NAME --type T --set KEY=VALUE");
                }

                return ExitCode.Done;
            },
            cancellationToken));
        return command;
    }

    private static Command Show(CommandRunner host)
    {
        var (name, json) = (Name(), Options.Json());
        var command = new Command("show", "Show a provider: its settings, and the last four characters of its credentials.") { name, json };
        command.SetAction((call, cancellationToken) => host.ReadAsync(
            async services =>
            {
                var row = await RequireAsync(services, call.GetValue(name)!, cancellationToken);
                if (call.GetValue(json))
                {
                    Output.Json(Shape(row, services));
                    return ExitCode.Done;
                }

                Output.Line($"{row.Name}: {row.Type}, {row.Origin.Word()}{(row.Origin == Origin.Declared ? $" by the server's settings ({ProviderOptions.Section}__{row.Name}__…)" : "")}");
                foreach (var (key, value) in JsonNode.Parse(row.Settings)!.AsObject())
                {
                    Output.Line($"  {key} = {value}");
                }

                foreach (var credential in CredentialsOf(row, services))
                {
                    Output.Line($"  {credential.Setting}: {(!credential.IsSet ? "missing" : credential.LastCharacters is { } last ? $"…{last}" : "set")}");
                }

                SayUnused(services.GetRequiredService<ProviderAdoption>(), row);
                return ExitCode.Done;
            },
            cancellationToken));
        return command;
    }

    private static Command Test(CommandRunner host)
    {
        var name = Name();
        var command = new Command("test", "Acquire a token and throw it away; exit code 1 where the provider issues none.") { name };
        command.SetAction((call, cancellationToken) => host.RunCallingAsync(
            async services =>
            {
                var provider = TokensCommands.RequireProvider(services, call.GetValue(name)!)!;
                if (provider.MissingSettings is { Count: > 0 } missing)
                {
                    Output.Note($"{provider.Name} issues no token: missing {string.Join(", ", missing)}.");
                    return ExitCode.Failed;
                }

                if (await services.GetRequiredService<ProviderChanges>().TestAsync(provider, cancellationToken) is { } failure)
                {
                    Output.Note($"{provider.Name} issues no token: {failure.Kind.Code()}: {failure.Reason}.");
                    return ExitCode.Failed;
                }

                Output.Line($"{provider.Name} has issued a token; it was thrown away.");
                return ExitCode.Done;
            },
            cancellationToken));
        return command;
    }

    private static Command Add(CommandRunner host)
    {
        var (name, type, settings, untested) = (Name(), new Option<string>("--type") { Description = $"One of {string.Join(", ", ProviderTypes.All.Select(each => each.Name))}.", Required = true }, Settings(), Untested());
        var (issuer, scopes) = (Issuer(), TrialScopes());
        var command = new Command("add", "Add a provider. It is tried first: a token is acquired and thrown away.") { name, type, settings, issuer, scopes, untested };
        command.SetAction((call, cancellationToken) => host.RunCallingAsync(
            async services => Say(
                await services.GetRequiredService<ProviderChanges>().AddAsync(
                    call.GetValue(name)!, call.GetValue(type)!, Read(call.GetValue(settings) ?? [], call.GetValue(issuer)), Change(call, untested, scopes), cancellationToken),
                $"Added provider {call.GetValue(name)}."),
            cancellationToken));
        return command;
    }

    private static Command Set(CommandRunner host)
    {
        var (name, settings, issuer, scopes, untested) = (Name(), Settings(), Issuer(), TrialScopes(), Untested());
        var command = new Command("set", "Change settings of a provider that was added at run time; KEY= takes one away. It is tried first.") { name, settings, issuer, scopes, untested };
        command.SetAction((call, cancellationToken) => host.RunCallingAsync(
            async services =>
            {
                var changes = Read(call.GetValue(settings) ?? [], call.GetValue(issuer));
                return changes.Count == 0
                    ? throw new UsageException("Nothing to change: give --set KEY=VALUE.")
                    : Say(await services.GetRequiredService<ProviderChanges>().ChangeAsync(call.GetValue(name)!, changes, Change(call, untested, scopes), cancellationToken), $"Changed provider {call.GetValue(name)}.");
            },
            cancellationToken));
        return command;
    }

    private static Command Adopt(CommandRunner host)
    {
        var (name, untested) = (Name(), Untested());
        var command = new Command("adopt", "Move a provider that the settings declare into the database, with its settings and secrets as this verb reads them. It is tried first.") { name, untested };
        command.SetAction((call, cancellationToken) => host.RunCallingAsync(
            async services =>
            {
                var row = await RequireAsync(services, call.GetValue(name)!, cancellationToken);
                var adoption = services.GetRequiredService<ProviderAdoption>();
                var exitCode = Say(
                    await adoption.AdoptAsync(row.Name, new(Options.Caller, call.GetValue(untested)), cancellationToken),
                    $"Provider {row.Name} is managed from now on: change it with 'providers set', the API or the panel.");
                SayUnused(adoption, await RequireAsync(services, row.Name, cancellationToken));
                return exitCode;
            },
            cancellationToken));
        return command;
    }

    private static Command Promote(CommandRunner host)
    {
        var (name, untested) = (Name(), Untested());
        var command = new Command("promote", "Make the next credential of a provider that was added at run time the present one. It is tried first.") { name, untested };
        command.SetAction((call, cancellationToken) => host.RunCallingAsync(
            async services => Say(
                await services.GetRequiredService<ProviderChanges>().PromoteAsync(call.GetValue(name)!, new(Options.Caller, call.GetValue(untested)), cancellationToken),
                $"The next credential of {call.GetValue(name)} is the present one now."),
            cancellationToken));
        return command;
    }

    private static Command Remove(CommandRunner host)
    {
        var (name, yes) = (Name(), Confirmation.Option());
        var command = new Command("remove", "Remove a provider that was added at run time and that no token needs.") { name, yes };
        command.SetAction((call, cancellationToken) =>
        {
            var confirmation = Confirmation.Of(call.GetValue(yes), $"The credentials of {call.GetValue(name)} would be lost.");
            return host.RunAsync(
                async services => confirmation.Confirms($"Remove provider {call.GetValue(name)} and its credentials?")
                    ? Say(await services.GetRequiredService<ProviderChanges>().RemoveAsync(call.GetValue(name)!, new(Options.Caller), cancellationToken), $"Removed provider {call.GetValue(name)}.")
                    : ExitCode.Failed,
                cancellationToken);
        });
        return command;
    }

    /// <summary>Prints what came of a change.</summary>
    /// <exception cref="UsageException">What was given is wrong.</exception>
    public static int Say(CatalogResult result, string done)
    {
        switch (result)
        {
            case CatalogResult.Done { IsChanged: true }:
                Output.Line(done);
                return ExitCode.Done;
            case CatalogResult.Done:
                Output.Line("Nothing to change.");
                return ExitCode.Done;
            case CatalogResult.Refused { Why: CatalogRefusal.RefusedByProvider or CatalogRefusal.InUse or CatalogRefusal.Stale or CatalogRefusal.Unconfirmed } refused:
                Output.Note(string.Join(" ", refused.Reasons));
                return ExitCode.Failed;
            case CatalogResult.Refused refused:
                throw new UsageException(string.Join(" ", refused.Reasons));
            default:
                throw new System.Diagnostics.UnreachableException();
        }
    }

    public static Option<bool> Untested() => new("--untested") { Description = "Store it without trying it at the provider." };

    private static void SayUnused(ProviderAdoption adoption, ProviderRow row)
    {
        if (adoption.UnusedSettings(row) is { Count: > 0 } unused)
        {
            Output.Note($"These settings of {row.Name} are not used any more: {string.Join(", ", unused)}. Remove them; leave its Type while the settings name tokens of it.");
        }
    }

    private static Option<string?> TrialScopes() => new("--scopes") { Description = "The scopes to try it with while it has no token, separated by commas: some providers issue nothing without one." };

    private static CatalogChange Change(ParseResult call, Option<bool> untested, Option<string?> scopes) => new(Options.Caller, call.GetValue(untested))
    {
        TrialScopes = (call.GetValue(scopes) ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries),
    };

    private static Option<string?> Issuer() => new("--issuer") { Description = "The authorization server's issuer URL (OAuth2): addresses that are not set are filled by discovery." };

    private static Argument<string> Name() => new("NAME") { Description = "The provider's name." };

    private static Option<string[]> Settings() => new("--set")
    {
        Description = "A setting as KEY=VALUE, several times. A secret is read from stdin: --set ClientSecret=-",
    };

    /// <exception cref="UsageException">One has no '=', or several are to be read from stdin.</exception>
    private static Dictionary<string, string?> Read(string[] pairs, string? issuer)
    {
        var settings = new Dictionary<string, string?>(StringComparer.OrdinalIgnoreCase);
        if (issuer is not null)
        {
            settings[nameof(OAuth2Options.Issuer)] = issuer;
        }

        foreach (var pair in pairs)
        {
            if (pair.IndexOf('=', StringComparison.Ordinal) is not (> 0 and var at))
            {
                throw new UsageException("--set needs KEY=VALUE.");
            }

            var (key, value) = (pair[..at], pair[(at + 1)..]);
            if (ProviderTypes.All.Any(type => type.Setting(key) is { IsSecret: true }) && value is not ("-" or ""))
            {
                throw new UsageException($"{key} is a secret, and arguments are seen by others on this machine. Give it on stdin: --set {key}=-");
            }

            settings[key] = value == "-" ? Console.In.ReadLine()?.Trim() ?? throw new UsageException($"Nothing came on stdin for {key}.") : value;
        }

        return settings;
    }

    private static async Task<ProviderRow> RequireAsync(IServiceProvider services, string name, CancellationToken cancellationToken) =>
        await services.GetRequiredService<ProviderChanges>().FindAsync(name, cancellationToken)
            ?? throw new UsageException(DidYouMean.Message("provider", name, services.GetRequiredService<ITokenProviders>().All.Select(provider => provider.Name)));

    private static object Shape(ProviderRow row, IServiceProvider services) => new
    {
        row.Name,
        row.Type,
        Origin = row.Origin.Word(),
        row.Enabled,
        row.IsConfigured,
        Settings = JsonNode.Parse(row.Settings),
        Credentials = CredentialsOf(row, services).Select(credential => new { credential.Setting, credential.IsSet, credential.LastCharacters }),
        row.Version,
        row.ChangedAt,
    };

    private static IEnumerable<MaskedCredential> CredentialsOf(ProviderRow row, IServiceProvider services) =>
        services.GetRequiredService<ITokenProviders>().Find(row.Name) is { } live ? live.Credentials.Concat(live.NextCredentials) : [];
}
