using TokenRefresh.Server.Hosting;

namespace TokenRefresh.Tests.Processes;

/// <summary>A call of the program, as it is sent to a process that is kept warm.</summary>
/// <param name="Args">The words of the call.</param>
/// <param name="Environment">What is set in the environment for this call alone.</param>
/// <param name="Folder">The folder to work in.</param>
/// <param name="Input">What is on its stdin.</param>
internal sealed record WarmCall(string[] Args, IReadOnlyDictionary<string, string> Environment, string Folder, byte[] Input)
{
    /// <summary>What tells the runtime to load <see cref="StartupHook"/>.</summary>
    public const string HookVariable = "DOTNET_STARTUP_HOOKS";

    /// <summary>How the line begins with which a call ends, on both streams; its exit code follows.</summary>
    public const string End = "\u001dended ";

    // Read once in the life of a process, so a call that sets one of these needs a process of its own.
    private static readonly string[] ReadOnce = ["TZDIR", "http_proxy", "https_proxy"];

    /// <summary>The assembly whose <c>Main</c> is called.</summary>
    public static string Program { get; } = typeof(ServerHost).Assembly.GetName().Name!;

    /// <summary>True where the program reads all of these settings anew for each call.</summary>
    public static bool IsFor(IReadOnlyDictionary<string, string> settings) => !ReadOnce.Any(settings.ContainsKey);
}
