using System.CommandLine;
using Microsoft.Extensions.Options;
using TokenRefresh.Jobs;
using TokenRefresh.Jobs.Administration;
using TokenRefresh.Jobs.Catalog;
using TokenRefresh.Jobs.Alerts;
using TokenRefresh.Jobs.Health;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;
using TokenRefresh.Server.Hosting;

namespace TokenRefresh.Server.Cli;

/// <summary><c>tokens …</c></summary>
internal static class TokensCommands
{
    private const int UsualRows = 1000, MostRows = 10_000;

    public static Command Create(CommandRunner host)
    {
        var tokens = new Command("tokens", "Manage tokens: show, refresh, test, import, pause, resume, add, set, remove.")
        {
            AutoRefreshCommand.Create(host),
            Health(host),
            List(host),
            Test(host),
            ImportCommand.Create(host),
            Pause(host),
            Resume(host),
        };
        foreach (var verb in TokenDefinitionCommands.Create(host))
        {
            tokens.Add(verb);
        }

        return tokens;
    }

    /// <summary>The token of that name.</summary>
    /// <exception cref="UsageException">There is none.</exception>
    public static async Task<ConfiguredToken> RequireAsync(IServiceProvider services, string name)
    {
        var tokens = services.GetRequiredService<TokenFinder>();
        return await tokens.FindAsync(name, CancellationToken.None)
            ?? throw new UsageException(DidYouMean.Message("token", name, await tokens.NamesAsync(new(), TokenFinder.MostSuggested, CancellationToken.None)));
    }

    /// <summary>The provider of that name, or null where none was named.</summary>
    /// <exception cref="UsageException">There is none of that name.</exception>
    public static ITokenProvider? RequireProvider(IServiceProvider services, string? name)
    {
        var providers = services.GetRequiredService<ITokenProviders>();
        return name is null ? null : providers.Find(name)
            ?? throw new UsageException(DidYouMean.Message("provider", name, providers.All.Select(provider => provider.Name)));
    }

    private static Command Health(CommandRunner host)
    {
        var provider = Options.Provider();
        var json = Options.Json();
        var command = new Command("health", "Show one row per token, most urgent first; exit code 1 unless everything is operational. Changes nothing.") { provider, json };
        command.SetAction((call, cancellationToken) => host.ReadAsync(
            services => ShowAsync(services, call.GetValue(provider), call.GetValue(json), query: null, cancellationToken), cancellationToken));
        return command;
    }

    private static Command List(CommandRunner host)
    {
        var provider = Options.Provider();
        var json = Options.Json();
        var state = new Option<string?>("--state") { Description = $"Only tokens in this state: {string.Join(", ", Enum.GetValues<TokenState>().Select(each => each.Code()))}." };
        var label = new Option<string[]>("--label") { Description = "Only tokens with this label, as k=v; several times." };
        var limit = new Option<int>("--limit") { Description = $"The most tokens to list, 1 to {MostRows}.", DefaultValueFactory = _ => UsualRows };
        var subject = SubjectOption.Create("Only the tokens of this subject, from stdin: --subject -");
        var after = new Option<string?>("--after") { Description = "Continue after this name." };
        var command = new Command("list", $"List the tokens, most urgent first; more than {TokenOverview.MostListed}, or some of them, by name.") { provider, state, label, subject, limit, after, json };
        command.SetAction((call, cancellationToken) => host.ReadAsync(
            services =>
            {
                var asked = call.GetValue(state);
                if (asked is not null && TokenHealth.Parse(asked) is null)
                {
                    throw new UsageException(DidYouMean.Message("state", asked, Enum.GetValues<TokenState>().Select(each => each.Code())));
                }

                if (call.GetValue(limit) is not (>= 1 and <= MostRows and var most))
                {
                    throw new UsageException($"--limit must be 1 to {MostRows}.");
                }

                var query = new TokenQuery(most)
                {
                    SubjectHash = HashOf(services, SubjectOption.Read(call.GetValue(subject))),
                    State = asked is null ? null : TokenHealth.Parse(asked), Labels = call.GetValue(label) is { Length: > 0 } labels ? TokenDefinitionCommands.DefinitionOptions.Pairs("--label", labels) : null, After = call.GetValue(after),
                };
                return ShowAsync(services, call.GetValue(provider), call.GetValue(json), query, cancellationToken);
            },
            cancellationToken));
        return command;
    }

    private static string? HashOf(IServiceProvider services, string? subject) =>
        string.IsNullOrEmpty(subject) ? null
        : Subject.Read(subject) is { } known ? services.GetRequiredService<Subjects>().HashOf(known)
        : throw new UsageException($"A subject is {Subject.Allowed}.");

    /// <param name="query">The page of a list; null for the judgement of all, by which it exits.</param>
    private static async Task<int> ShowAsync(IServiceProvider services, string? provider, bool json, TokenQuery? query, CancellationToken cancellationToken)
    {
        var zone = services.GetRequiredService<IOptions<ScheduleOptions>>().Value.Zone;
        var asked = RequireProvider(services, provider);
        var health = await services.GetRequiredService<DiagnosisReader>().ReadAsync(cancellationToken, asked is null ? null : new([asked.Name]));
        var views = query is null || (query.IsAll && health.IsWhole) ? health.Tokens : await services.GetRequiredService<TokenOverview>().PageAsync(query with { Provider = asked?.Name }, cancellationToken);
        var notifications = services.GetRequiredService<NotificationReadinessReader>().Latest;
        if (json)
        {
            Output.Json(views.Select(view => new
            {
                view.Name,
                Provider = view.Settings.Provider.Name,
                Status = view.State.Code(),
                State = view.State.InWords(),
                IsWell = view.IsWell,
                view.Stored?.ExpiresAt,
                SecondsLeft = (long?)view.TimeLeft?.TotalSeconds,
                view.NextRefreshAt,
                view.NextRefreshReason,
                view.LastOutcome,
                view.Stored?.LastSuccessAt,
                ConsecutiveFailures = view.Stored?.ConsecutiveFailures ?? 0,
                Grant = view.Settings.Order.Grant.ToString(),
                view.Settings.Order.Scopes,
                Notifications = notifications.Code,
            }));
        }
        else
        {
            Output.Table(
                ["TOKEN", new("PROVIDER", 5), new("STATUS", 1), new("TIME LEFT", 2), new("NEXT REFRESH", 3), new("REASON", 6, IsProse: true), new("LAST RESULT", 4, IsProse: true)],
                views.Select(view => (IReadOnlyList<string>)
                [
                    view.Name, view.Settings.Provider.Name, view.State.InWords(), Left(view),
                    Output.At(view.NextRefreshAt, zone), ZonedTime.Words(view.NextRefreshReason, zone), ZonedTime.Words(view.LastOutcome, zone),
                ]),
                query?.SubjectHash is null ? "No tokens are configured. Add one with Tokens__NAME__Provider." : "No token has this subject.",
                zone);
        }

        if (query is not null)
        {
            if (views.Count == query.Limit && views.Count < health.Counts.Total)
            {
                Output.Note($"There may be more: tokens list --after {views[^1].Name}");
            }

            return ExitCode.Done;
        }

        if (!health.IsWhole)
        {
            Output.Note($"The {views.Count} most urgent of {health.Counts.Total} tokens. All of them by name: tokens list --limit 1000");
        }

        if (notifications.IsFault)
        {
            Output.Note(OneLine.Of(notifications.Line));
        }

        // In JSON the rows are the whole document; what concerns all tokens is said beside it, with the document's UTC.
        var summary = $"Overall: {health.Overall.Code()}{string.Concat(health.Wrong.Select(reason => $"; {reason}"))}";
        if (!json)
        {
            Console.Out.WriteLine(ZonedTime.Words(summary, zone));
        }
        else if (health.Overall != OverallStatus.Operational)
        {
            Output.Note(summary);
        }

        return health.Overall == OverallStatus.Operational ? ExitCode.Done : ExitCode.Failed;
    }

    private static string Left(TokenView view) => view.TimeLeft switch
    {
        null => "-",
        { } left when view.IsValid => DurationFormat.InWords(left),
        { } left => $"expired {DurationFormat.InWords(-left)} ago",
    };

    private static Command Test(CommandRunner host)
    {
        var name = Options.Token();
        var json = Options.Json();
        var command = new Command("test", "Test the stored token with a cheap call to the provider. Refreshes nothing.") { name, json };
        command.SetAction((call, cancellationToken) => host.RunCallingAsync(
            async services =>
            {
                var token = await RequireAsync(services, call.GetValue(name)!);
                if (await services.GetRequiredService<TokenProbe>().TryAsync(token.Name, cancellationToken) is not { } probe)
                {
                    Output.Note($"{token.Name} has no stored token to test. Obtain one: {(token.Order.Grant == Grant.Imported ? $"tokens import {token.Name}" : $"tokens auto-refresh --token {token.Name} --sync")}");
                    return ExitCode.Failed;
                }

                await services.GetRequiredService<AuditTrail>().WriteAsync(Options.Caller, "token.tested", token.Name, new { accepted = probe.Accepted, http_status = probe.HttpStatus });
                if (call.GetValue(json))
                {
                    Output.Json(new { token.Name, probe.Accepted, LatencyMs = Math.Round(probe.Latency.TotalMilliseconds), probe.HttpStatus, ErrorCode = probe.Failure?.Kind.Code(), probe.Failure?.Reason, probe.Failure?.TrackId });
                }
                else
                {
                    Output.Line($"{token.Name}: {(probe.Accepted ? "accepted" : $"not accepted: {probe.Failure?.Kind.Code()}, {probe.Failure?.Reason}")} (HTTP {probe.HttpStatus?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "none"}, {probe.Latency.TotalMilliseconds:0} ms)");
                }

                return probe.Accepted ? ExitCode.Done : ExitCode.Failed;
            },
            cancellationToken));
        return command;
    }

    private static Command Pause(CommandRunner host)
    {
        var name = Options.Token();
        var reason = new Option<string>("--reason") { Description = "The reason, shown while it is paused.", DefaultValueFactory = _ => "paused manually" };
        var hours = new Option<double?>("--hours") { Description = "End the pause after this many hours." };
        var command = new Command("pause", "Stop automatic refreshes of a token; it is still served while valid.") { name, reason, hours };
        command.SetAction((call, cancellationToken) => host.RunAsync(
            async services =>
            {
                var token = await RequireAsync(services, call.GetValue(name)!);
                DateTimeOffset? until = call.GetValue(hours) switch
                {
                    null => null,
                    > 0 and <= 8760 and var length => services.GetRequiredService<TimeProvider>().GetUtcNow().AddHours(length),
                    var wrong => throw new UsageException($"--hours {wrong} is not allowed: more than 0, at most 8760."),
                };
                await services.GetRequiredService<TokenControls>().PauseAsync(token.Name, $"{call.GetValue(reason)} ({Options.Caller})", until, Options.Caller, cancellationToken);
                Output.Line($"Paused {token.Name}{(until is null ? "" : $" until {until:u}")}. To resume: tokens resume {token.Name}");
                return ExitCode.Done;
            },
            cancellationToken));
        return command;
    }

    private static Command Resume(CommandRunner host)
    {
        var name = Options.Token();
        var command = new Command("resume", "End a pause.") { name };
        command.SetAction((call, cancellationToken) => host.RunAsync(
            async services =>
            {
                var token = await RequireAsync(services, call.GetValue(name)!);
                await services.GetRequiredService<TokenControls>().ResumeAsync(token.Name, Options.Caller, cancellationToken);
                Output.Line($"Resumed {token.Name}.");
                return ExitCode.Done;
            },
            cancellationToken));
        return command;
    }
}

/// <summary>The options that several verbs share.</summary>
internal static class Options
{
    /// <summary>Who calls, for the log.</summary>
    public static string Caller => $"cli:{Environment.UserName}";

    public static Option<bool> Json() => new("--json") { Description = "Print JSON." };

    public static Option<string?> Provider() => new("--provider") { Description = "Only this provider's tokens." };

    public static Argument<string> Token() => new("NAME") { Description = "The token's name." };
}
