using System.CommandLine;

namespace TokenRefresh.Server.Cli;

/// <summary>Whom a token belongs to, as an option: personal data, so it comes on stdin and never as an argument, which others on the machine see.</summary>
internal static class SubjectOption
{
    private const string Stdin = "-", None = "none";

    public static Option<string?> Create(string description) => new("--subject") { Description = description };

    /// <summary>What was given: null where the option was not, and empty for no one.</summary>
    /// <exception cref="UsageException">It was given as an argument, or nothing came.</exception>
    public static string? Read(string? given) => given switch
    {
        null => null,
        "" or None => "",
        Stdin => Console.In.ReadLine() is { } line && !string.IsNullOrWhiteSpace(line) ? line : throw new UsageException("Nothing came on stdin for --subject."),
        _ => throw new UsageException("A subject is personal data, and arguments are seen by others on this machine. Give it on stdin: --subject -"),
    };
}
