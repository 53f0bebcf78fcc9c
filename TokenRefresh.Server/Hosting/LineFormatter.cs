using System.Globalization;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Logging.Console;
using TokenRefresh.Jobs.Alerts;

namespace TokenRefresh.Server.Hosting;

/// <summary>One line an event: instant in UTC, level, category and id, message, trace. The framework's own lets escape sequences through.</summary>
internal sealed class LineFormatter(TimeProvider clock) : ConsoleFormatter(FormatterName)
{
    public const string FormatterName = "line";

    public override void Write<TState>(in LogEntry<TState> entry, IExternalScopeProvider? scopes, TextWriter writer)
    {
        var message = entry.Formatter(entry.State, entry.Exception);
        if (entry.Exception is { } error)
        {
            message = $"{message} {error}";
        }

        writer.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{clock.GetUtcNow():yyyy-MM-ddTHH:mm:ssZ} {IncidentEvent(entry.LogLevel)}: {entry.Category}[{entry.EventId.Id}] {OneLine.Of(message)}"));
    }

    private static string IncidentEvent(LogLevel level) => level switch
    {
        LogLevel.Trace => "trce",
        LogLevel.Debug => "dbug",
        LogLevel.Information => "info",
        LogLevel.Warning => "warn",
        LogLevel.Error => "fail",
        _ => "crit",
    };
}
