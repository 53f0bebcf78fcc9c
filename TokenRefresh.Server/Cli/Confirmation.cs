using System.CommandLine;

namespace TokenRefresh.Server.Cli;

/// <summary>Whether a verb may do what cannot be undone: it was called with <c>--yes</c>, or a person at the terminal says so.</summary>
internal sealed class Confirmation
{
    private readonly bool isGiven;

    private Confirmation(bool isGiven) => this.isGiven = isGiven;

    public static Option<bool> Option() => new("--yes", "-y") { Description = "Do not ask for confirmation." };

    /// <summary>Looks at the call before anything is done.</summary>
    /// <param name="loss">What would be lost, as a sentence.</param>
    /// <exception cref="UsageException">It was not given, and there is no terminal to ask at.</exception>
    public static Confirmation Of(bool isGiven, string loss) => isGiven || !(Console.IsInputRedirected || Console.IsErrorRedirected)
        ? new(isGiven)
        : throw new UsageException($"{loss} Cannot ask for confirmation without a terminal: add --yes. Nothing was changed.");

    /// <summary>Asks, unless it was given; true for yes.</summary>
    public bool Confirms(string question)
    {
        if (isGiven)
        {
            return true;
        }

        Console.Error.Write($"{question} [y/N] ");
        var isConfirmed = Console.In.ReadLine()?.Trim().ToLowerInvariant() is "y" or "yes";
        if (!isConfirmed)
        {
            Output.Note("Nothing was changed.");
        }

        return isConfirmed;
    }
}
