using System.CommandLine;
using Microsoft.Extensions.Logging.Console;
using TokenRefresh.Server.Hosting;

namespace TokenRefresh.Server.Cli;

/// <summary><c>config …</c></summary>
internal static class ConfigCommands
{
    /// <param name="settings">Those of the command line.</param>
    public static Command Create(IReadOnlyDictionary<string, string?> settings) => new("config", "Check the settings.") { Check(settings) };

    private static Command Check(IReadOnlyDictionary<string, string?> settings)
    {
        var json = Options.Json();
        var command = new Command("check", "Print each setting's effective value and where it comes from, secrets masked; exit code 2 where a setting is wrong. Needs no database.") { json };
        command.SetAction(async (call, _) =>
        {
            // As the server would start, so that its settings are all there; nothing is started.
            await using var app = ServerHost.Build(settings, Roles.All, builder => builder.Services
                .Configure<ConsoleLoggerOptions>(console => console.LogToStandardErrorThreshold = LogLevel.Trace)
                .AddSingleton<EffectiveSettings>());
            var all = app.Services.GetRequiredService<EffectiveSettings>().All();
            var wrong = StartUp.Complaints(app.Services);
            if (call.GetValue(json))
            {
                Output.Json(new { Settings = all, Wrong = wrong });
            }
            else
            {
                Output.Table(["SETTING", new("SOURCE", 1), new("VALUE", 2, IsProse: true)], all.Select(setting => (IReadOnlyList<string>)[setting.Key, setting.Source, setting.Value]), "No settings.");
            }

            foreach (var complaint in wrong)
            {
                Output.Note(complaint);
            }

            return wrong.Count == 0 ? ExitCode.Done : ExitCode.Usage;
        });
        return command;
    }
}
