using System.CommandLine;
using System.Text.Json.Nodes;
using TokenRefresh.Jobs.Catalog;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;

namespace TokenRefresh.Server.Cli;

/// <summary><c>tokens add</c>, <c>set</c>, <c>remove</c> and <c>show</c>.</summary>
internal static class TokenDefinitionCommands
{
    public static IEnumerable<Command> Create(CommandRunner host) => [Add(host), Set(host), Remove(host), Show(host)];

    private static Command Add(CommandRunner host)
    {
        var provider = new Option<string>("--provider") { Description = "The provider that issues it.", Required = true };
        var (name, parts, untested) = (Options.Token(), new DefinitionOptions(), ProvidersCommands.Untested());
        var command = new Command("add", "Add a token. It is tried first: one is acquired and thrown away.") { name, provider, parts.Scopes, parts.Grant, parts.Parameters, parts.Labels, parts.Subject, untested };
        command.SetAction((call, cancellationToken) => host.RunCallingAsync(
            async services =>
            {
                var edit = parts.Read(call);
                var draft = new TokenDraft(
                    call.GetValue(name)!, call.GetValue(provider)!, edit.Scopes ?? [], edit.Grant ?? Grant.ClientCredentials, edit.Parameters ?? new Dictionary<string, string>(), edit.Labels ?? new Dictionary<string, string>()) { Subject = edit.Subject };
                return ProvidersCommands.Say(
                    await services.GetRequiredService<TokenDefinitionChanges>().AddAsync(draft, new(Options.Caller, call.GetValue(untested)), cancellationToken),
                    $"Added token {draft.Name}; a server obtains it within a minute, or when it is first read.");
            },
            cancellationToken));
        return command;
    }

    private static Command Set(CommandRunner host)
    {
        var (name, parts, untested) = (Options.Token(), new DefinitionOptions(), ProvidersCommands.Untested());
        var command = new Command("set", "Change a token that was added at run time; what is not given stays. It is tried first.") { name, parts.Scopes, parts.Grant, parts.Parameters, parts.Labels, parts.Subject, untested };
        command.SetAction((call, cancellationToken) => host.RunCallingAsync(
            async services => ProvidersCommands.Say(
                await services.GetRequiredService<TokenDefinitionChanges>().ChangeAsync(call.GetValue(name)!, parts.Read(call), new(Options.Caller, call.GetValue(untested)), cancellationToken),
                $"Changed token {call.GetValue(name)}."),
            cancellationToken));
        return command;
    }

    private static Command Remove(CommandRunner host)
    {
        var (name, yes) = (Options.Token(), Confirmation.Option());
        var command = new Command("remove", "Remove a token that was added at run time; its log stays.") { name, yes };
        command.SetAction((call, cancellationToken) =>
        {
            var confirmation = Confirmation.Of(call.GetValue(yes), $"The stored token {call.GetValue(name)} would be lost.");
            return host.RunAsync(
                async services => confirmation.Confirms($"Remove token {call.GetValue(name)}?")
                    ? ProvidersCommands.Say(await services.GetRequiredService<TokenDefinitionChanges>().RemoveAsync(call.GetValue(name)!, new(Options.Caller), cancellationToken), $"Removed token {call.GetValue(name)}.")
                    : ExitCode.Failed,
                cancellationToken);
        });
        return command;
    }

    private static Command Show(CommandRunner host)
    {
        var (name, json) = (Options.Token(), Options.Json());
        var command = new Command("show", "Show what a token is: provider, scopes, grant, parameters, labels, and the last characters of its subject. No secrets.") { name, json };
        command.SetAction((call, cancellationToken) => host.ReadAsync(
            async services =>
            {
                var known = (await TokensCommands.RequireAsync(services, call.GetValue(name)!)).Name;
                var token = (await services.GetRequiredService<TokenDefinitionChanges>().FindAsync(known, cancellationToken))!;
                var subject = await services.GetRequiredService<Subjects>().MaskedAsync(known, cancellationToken);
                if (call.GetValue(json))
                {
                    Output.Json(new
                    {
                        Name = known, token.Provider, Origin = token.Origin.Word(), token.Scopes, Grant = token.Grant.ToString(),
                        Parameters = JsonNode.Parse(token.Parameters), Labels = JsonNode.Parse(token.Labels), Subject = subject,
                    });
                    return ExitCode.Done;
                }

                Output.Line($"{known}: provider {token.Provider}, {token.Grant}, {token.Origin.Word()}{(token.Origin == Origin.Declared ? $" by the server's settings (Tokens__{known}__…)" : "")}");
                Output.Line($"  scopes: {(token.Scopes.Count == 0 ? "none" : string.Join(", ", token.Scopes))}");
                if (subject is not null)
                {
                    Output.Line($"  subject: {subject}");
                }

                foreach (var (what, pairs) in new[] { ("parameters", token.Parameters), ("labels", token.Labels) })
                {
                    if (JsonNode.Parse(pairs)!.AsObject() is { Count: > 0 } some)
                    {
                        Output.Line($"  {what}: {string.Join(", ", some.Select(pair => $"{pair.Key}={pair.Value}"))}");
                    }
                }

                return ExitCode.Done;
            },
            cancellationToken));
        return command;
    }

    /// <summary>What a token is made of, as options.</summary>
    internal sealed class DefinitionOptions
    {
        public Option<string?> Scopes { get; } = new("--scopes") { Description = "The scopes, separated by commas." };

        public Option<string?> Grant { get; } = new("--grant") { Description = $"How it is started: {string.Join(" or ", Enum.GetNames<Grant>())}." };

        public Option<string?> Parameters { get; } = new("--parameters") { Description = "What the provider is told beside the scopes: k=v,…" };

        public Option<string[]> Labels { get; } = new("--label") { Description = "A note as k=v, several times." };

        public Option<string?> Subject { get; } = SubjectOption.Create("Whom it belongs to, from stdin: --subject - (a mobile number, a national code, a customer number); --subject none for no one. Stored encrypted, shown masked.");

        /// <exception cref="UsageException">A value cannot be understood.</exception>
        public TokenEdit Read(ParseResult call)
        {
            Grant? grant = call.GetValue(Grant) is not { } name ? null
                : Grants.TryRead(name, out var known) ? known
                : throw new UsageException($"--grant must be one of {Grants.Allowed}.");

            return new(
                call.GetValue(Scopes)?.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries),
                grant,
                call.GetValue(Parameters) is { } parameters ? Pairs("--parameters", parameters.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)) : null,
                call.GetValue(Labels) is { Length: > 0 } labels ? Pairs("--label", labels) : null) { Subject = SubjectOption.Read(call.GetValue(Subject)) };
        }

        internal static Dictionary<string, string> Pairs(string option, string[] pairs)
        {
            var read = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
            foreach (var pair in pairs)
            {
                if (pair.IndexOf('=', StringComparison.Ordinal) is not (> 0 and var at) || !read.TryAdd(pair[..at].Trim(), pair[(at + 1)..].Trim()))
                {
                    throw new UsageException($"{option} needs k=v, each key once.");
                }
            }

            return read;
        }
    }
}
