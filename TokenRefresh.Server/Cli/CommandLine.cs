using System.CommandLine;
using Microsoft.Extensions.Options;
using Npgsql;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Server.Cli.Apply;
using TokenRefresh.Server.Hosting;

namespace TokenRefresh.Server.Cli;

/// <summary>What a process answers its caller with.</summary>
internal static class ExitCode
{
    /// <summary>All that was asked for was done.</summary>
    public const int Done = 0;

    /// <summary>It was tried, and something failed.</summary>
    public const int Failed = 1;

    /// <summary>The call itself, or a setting, was wrong; nothing was changed.</summary>
    public const int Usage = 2;
}

/// <summary>A verb was called with something that does not exist; the message lists what does.</summary>
internal sealed class UsageException(string message) : Exception(message);

/// <summary>The program's verbs. Settings may stand anywhere in a call, as <c>--Section:Key=value</c>.</summary>
internal static class CommandLine
{
    /// <summary>How long a stop may take once it is asked for: calls in flight are saved and the embedded Postgres is stopped. The parser's own two seconds would lose both.</summary>
    private static readonly TimeSpan LongestStop = HangfireRegistration.LongestStop + TimeSpan.FromMinutes(1);

    private const string Verbose = "--verbose";

    // The parser's own words, which name neither what is missing nor where.
    private const string NoSubcommand = "Required command was not provided.";

    public static async Task<int> RunAsync(string[] args)
    {
        var (settings, rest) = SplitSettings(args);
        var parsed = Root(settings).Parse(rest is ["help", .. var verb] ? [.. verb, "--help"] : rest);
        if (parsed.Errors.Count > 0)
        {
            return Complain(parsed.Errors.Select(error => WithoutValues(error.Message == NoSubcommand ? "Missing subcommand" : error.Message, rest)).Concat(Offers(parsed.CommandResult)), ExitCode.Usage);
        }

        if (parsed.GetValue<bool>(Verbose))
        {
            settings[CommandRunner.Verbose] = bool.TrueString;
        }

        try
        {
            return await parsed.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = LongestStop });
        }
        catch (Exception error) when (Verdict(error) is { } verdict)
        {
            return Complain(verdict.Lines, verdict.ExitCode);
        }
    }

    internal static RootCommand Root(Dictionary<string, string?> settings)
    {
        var verbs = new CommandRunner(settings);
        var root = new RootCommand(
            "Keeps the access tokens of third-party APIs fresh. Without a verb it starts the server.\n"
            + "Exit codes: 0 done, 1 something failed, 2 the call or a setting was wrong.\n"
            + "Any setting can be given as --Section:Key=value, for example --TokenRefresh:Queue:Workers=10.")
        {
            new ServeCommand(settings),
            TokensCommands.Create(verbs),
            ProvidersCommands.Create(verbs),
            ApplyCommand.Create(verbs),
            LogsCommands.Create(verbs),
            ScheduleCommands.Create(verbs),
            QueueCommands.Create(verbs),
            DbCommands.Create(verbs),
            ClientsCommands.Create(verbs),
            ClientsCommands.CreateCache(verbs),
            UsersCommands.Create(verbs),
            KeysCommands.Create(verbs),
            NotifyCommands.Create(verbs),
            ConfigCommands.Create(settings),
        };
        root.Options.Add(new Option<bool>(Verbose) { Description = "Print on stderr which database a verb uses, as at a terminal.", Recursive = true });
        ServeCommand.Configure(root, settings);
        return root;
    }

    /// <summary>Takes <c>--A:B=value</c>, <c>--A__B=value</c> and the host's own <c>--environment</c> out of a call.</summary>
    internal static (Dictionary<string, string?> Settings, string[] Words) SplitSettings(string[] args)
    {
        var settings = new Dictionary<string, string?>(StringComparer.OrdinalIgnoreCase);
        var rest = new List<string>();
        foreach (var arg in args)
        {
            var (key, value) = arg.IndexOf('=', StringComparison.Ordinal) is var at and > 2 && arg.StartsWith("--", StringComparison.Ordinal)
                ? (arg[2..at].Replace("__", ":", StringComparison.Ordinal), arg[(at + 1)..])
                : ("", "");
            if (key.Contains(':', StringComparison.Ordinal) || key.ToLowerInvariant() is "environment" or "contentroot" or "applicationname")
            {
                settings[key] = value;
            }
            else
            {
                rest.Add(arg);
            }
        }

        return (settings, [.. rest]);
    }

    /// <summary>The failures that a person can fix, as lines; null for an error of this program, which shows its stack trace.</summary>
    private static (IEnumerable<string> Lines, int ExitCode)? Verdict(Exception error) => error switch
    {
        AggregateException many when many.InnerExceptions.All(one => one is OptionsValidationException) =>
            (many.InnerExceptions.Cast<OptionsValidationException>().SelectMany(one => one.Failures).Distinct(), ExitCode.Usage),
        OptionsValidationException wrong => (wrong.Failures.Distinct(), ExitCode.Usage),
        UsageException or EnvFileException or NoDatabaseException or OlderSchemaException or WrongMasterKeyException or CatalogConflictException => ([error.Message], ExitCode.Usage),
        StartUpException or SchemaException or RotationRefusedException or DatabaseMoveException => ([error.Message], ExitCode.Failed),
        IOException or UnauthorizedAccessException => ([error.Message], ExitCode.Failed),
        _ when PostgresErrors.IsOfDatabase(error) => ([$"{(error.GetBaseException() is PostgresException ? "Postgres answers" : "The database is unreachable")}: {PostgresErrors.Line(error)}"], ExitCode.Failed),
        _ when DatabaseFaults.IsAway(error) => ([$"The database is unreachable: {error.GetBaseException().Message}"], ExitCode.Failed),
        OperationCanceledException => (["Stopped."], ExitCode.Failed),
        _ => null,
    };

    /// <summary>A complaint about a word of the call, without what the word sets: a connection string that a shell took apart holds a password.</summary>
    private static string WithoutValues(string message, string[] words) => words
        .Where(word => word.Contains('=', StringComparison.Ordinal) || word.Contains("://", StringComparison.Ordinal))
        .OrderByDescending(word => word.Length)
        .Aggregate(message, (text, word) => text.Replace(word, string.Concat(word.AsSpan(0, word.AsSpan().IndexOfAny('=', ':') + 1), "…"), StringComparison.Ordinal));

    private static int Complain(IEnumerable<string> lines, int exitCode)
    {
        foreach (var line in lines)
        {
            Output.Note(line);
        }

        return exitCode;
    }

    /// <summary>What there is where the call went wrong.</summary>
    private static IEnumerable<string> Offers(System.CommandLine.Parsing.CommandResult at)
    {
        if (at.Command.Subcommands.Count > 0)
        {
            yield return $"Subcommands: {string.Join(", ", at.Command.Subcommands.Select(verb => verb.Name))}.";
        }

        if (at.Command.Options.Where(option => !option.Hidden).Select(option => option.Name).ToList() is { Count: > 0 } options)
        {
            yield return $"Options: {string.Join(", ", options)}.";
        }

        yield return $"See: {at.Path()} --help";
    }

    private static string Path(this System.CommandLine.Parsing.CommandResult command)
    {
        var names = new List<string>();
        for (System.CommandLine.Parsing.SymbolResult? at = command; at is System.CommandLine.Parsing.CommandResult { Command: not RootCommand } verb; at = at.Parent)
        {
            names.Insert(0, verb.Command.Name);
        }

        return string.Join(' ', names.Prepend("TokenRefresh.Server"));
    }
}
