using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Microsoft.Extensions.Options;
using TokenRefresh.Jobs;
using TokenRefresh.Jobs.Attempts;
using TokenRefresh.Jobs.Tokens;

namespace TokenRefresh.Server.Cli;

/// <summary><c>logs …</c></summary>
internal static class LogsCommands
{
    private const int MostLines = 10_000;

    public static Command Create(CommandRunner host) => new("logs", "Read the log of refresh attempts.") { Show(host), Statistics(host) };

    private static Command Show(CommandRunner host)
    {
        var lines = new Option<int>("--lines") { Description = $"Number of rows, 1 to {MostLines}.", DefaultValueFactory = _ => 50 };
        var provider = Options.Provider();
        var token = new Option<string?>("--token") { Description = "Only this token's rows." };
        var status = new Option<string?>("--status") { Description = $"Only rows with this status: {Names<AttemptStatus>()}." };
        var json = Options.Json();
        var command = new Command("show", "Show attempts, newest first.") { lines, provider, token, status, json };
        command.SetAction((call, cancellationToken) => host.ReadAsync(
            async services =>
            {
                var filter = new AttemptFilter
                {
                    Provider = TokensCommands.RequireProvider(services, call.GetValue(provider))?.Name,
                    Token = call.GetValue(token) is { } name ? (await TokensCommands.RequireAsync(services, name)).Name : null,
                    Status = ParseStatus(call.GetValue(status)),
                };
                var count = call.GetValue(lines) is >= 1 and <= MostLines and var asked
                    ? asked
                    : throw new UsageException($"--lines {call.GetValue(lines)} is not allowed: 1 to {MostLines}.");
                Print(await services.GetRequiredService<AttemptLog>().RecentAsync(filter, count, null, cancellationToken), call.GetValue(json), services.GetRequiredService<IOptions<ScheduleOptions>>().Value.Zone);
                return ExitCode.Done;
            },
            cancellationToken));
        return command;
    }

    private static Command Statistics(CommandRunner host)
    {
        var hours = new Option<double>("--hours") { Description = "How far back.", DefaultValueFactory = _ => 24 };
        var provider = Options.Provider();
        var json = Options.Json();
        var command = new Command("statistics", "Show attempt counts, success rate and durations.") { hours, provider, json };
        command.SetAction((call, cancellationToken) => host.ReadAsync(
            async services =>
            {
                var back = call.GetValue(hours) is > 0 and <= 87600 and var asked ? asked : throw new UsageException($"--hours {call.GetValue(hours)} is not allowed: more than 0, at most 87600.");
                var figures = await services.GetRequiredService<AttemptLog>().StatisticsAsync(
                    TokensCommands.RequireProvider(services, call.GetValue(provider))?.Name, services.GetRequiredService<TimeProvider>().GetUtcNow().AddHours(-back), cancellationToken);
                if (call.GetValue(json))
                {
                    Output.Json(figures);
                }
                else
                {
                    Console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture,
                        $"""
                         attempts       {figures.TotalAttempts}: {figures.SuccessfulAttempts} successful, {figures.FailedAttempts} failed, {figures.SkippedAttempts} skipped
                         triggers       {figures.AutomaticAttempts} automatic, {figures.ManualAttempts} manual, {figures.ForcedAttempts} forced
                         success rate   {(figures.SuccessRate is { } rate ? $"{rate} %" : "none: no attempt succeeded or failed")}
                         duration       {(figures.AvgDurationMs is { } average ? $"{average} ms avg, {figures.P95DurationMs} ms p95" : "none")}
                         """));
                }

                return ExitCode.Done;
            },
            cancellationToken));
        return command;
    }

    private static void Print(IReadOnlyList<RefreshAttempt> rows, bool json, TimeZoneInfo zone)
    {
        if (json)
        {
            Output.Json(rows.Select(row => new
            {
                row.Id, row.Provider, row.TokenName, row.Status, TriggerType = row.TriggerType.Code(), row.TriggeredBy, row.Message, row.StartedAt, row.CompletedAt,
                row.DurationMs, row.ErrorCode, row.ErrorDetails, row.Attempt, row.JobId, row.Node, row.OldExpiresAt, row.NewExpiresAt, Metadata = JsonDocument.Parse(row.Metadata).RootElement,
            }));
            return;
        }

        Output.Table(
            ["ID", new("STARTED", 1), new("TOKEN", 2), new("STATUS", 3), new("TRIGGER", 6), new("BY", 9), new("TOOK", 7), new("JOB", 8), new("MESSAGE", 4, IsProse: true)],
            rows.Select(row => (IReadOnlyList<string>)
            [
                row.Id.ToString(CultureInfo.InvariantCulture), Output.At(row.StartedAt, zone), row.TokenName, row.Status.ToString().ToLowerInvariant(), row.TriggerType.Code(),
                row.TriggeredBy, row.DurationMs is { } took ? $"{took} ms" : "-", row.JobId ?? "-", ZonedTime.Words(row.ErrorCode is null ? row.Message : $"{row.ErrorCode}: {row.Message}", zone),
            ]),
            "No attempt matches.",
            zone);
    }

    private static AttemptStatus? ParseStatus(string? text) =>
        text is null ? null
        : Enum.GetNames<AttemptStatus>().Contains(text, StringComparer.OrdinalIgnoreCase) ? Enum.Parse<AttemptStatus>(text, ignoreCase: true)
        : throw new UsageException($"No status '{text}'. Allowed: {Names<AttemptStatus>()}.");

    private static string Names<T>()
        where T : struct, Enum => string.Join(", ", Enum.GetNames<T>()).ToLowerInvariant();
}
