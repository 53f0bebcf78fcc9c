using System.CommandLine;
using Spectre.Console;
using TokenRefresh.Jobs.Administration;

namespace TokenRefresh.Server.Cli;

/// <summary><c>keys rotate</c>.</summary>
internal static class KeysCommands
{
    public static Command Create(CommandRunner host)
    {
        var json = Options.Json();
        var rotate = new Command("rotate", "Create a new encryption key and re-encrypt every stored secret while nodes keep running. If interrupted, run it again.") { json };
        rotate.SetAction((call, cancellationToken) => host.RunAsync(services => RotateAsync(services, call.GetValue(json), cancellationToken), cancellationToken));
        return new("keys", "Manage the keys that encrypt the stored secrets.") { rotate };
    }

    private static async Task<int> RotateAsync(IServiceProvider services, bool json, CancellationToken cancellationToken)
    {
        var rotation = services.GetRequiredService<KeyRotation>();
        var messages = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
        var result = await messages.Progress().HideCompleted(false).StartAsync(progress =>
            rotation.RunAsync(Options.Caller, new Bar(progress.AddTask("re-encrypting")), cancellationToken));

        if (json)
        {
            Output.Json(result);
        }
        else
        {
            Console.Out.WriteLine($"Every stored secret is encrypted with the key {result.Key}{(result.WasResumed ? ", created by an earlier run" : "")}.");
            foreach (var token in result.Unopened)
            {
                Output.Note($"{token}: no key decrypts the stored value, so it was skipped. Obtain a new one: tokens auto-refresh --token {token} --force");
            }
        }

        return result.Unopened.Count == 0 ? ExitCode.Done : ExitCode.Failed;
    }

    private sealed class Bar(ProgressTask task) : IProgress<RotationProgress>
    {
        public void Report(RotationProgress value)
        {
            task.MaxValue = Math.Max(1, value.Total);
            task.Value = value.Total == 0 ? 1 : value.Resealed;
        }
    }
}
