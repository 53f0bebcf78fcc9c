using System.CommandLine;
using System.Net.Sockets;
using System.Runtime.ExceptionServices;
using TokenRefresh.Jobs.Alerts;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;
using TokenRefresh.Server.Access;
using TokenRefresh.Server.Hosting;

namespace TokenRefresh.Server.Cli;

/// <summary>Runs the server, until it is stopped.</summary>
internal sealed class ServeCommand : Command
{
    public ServeCommand(Dictionary<string, string?> settings)
        : base("serve", "Run web and workers (the default).") => Configure(this, settings);

    /// <summary>Gives a command the server's options and action; the root has them too.</summary>
    public static void Configure(Command command, Dictionary<string, string?> settings)
    {
        var roles = new Option<string[]>("--roles") { Description = "web, worker, or both (the default): web,worker", DefaultValueFactory = _ => ["web,worker"] };
        roles.Validators.Add(result =>
        {
            if (RolesOf(result.GetValueOrDefault<string[]>()) is null)
            {
                result.AddError($"'{string.Join(' ', result.GetValueOrDefault<string[]>() ?? [])}' is not a role: web, worker, or both, comma-separated.");
            }
        });
        var urls = new Option<string?>("--urls") { Description = "Addresses to listen on, separated by semicolons (default http://localhost:5080; a worker-only node uses a private port)." };
        command.Options.Add(roles);
        command.Options.Add(urls);
        command.SetAction((call, cancellationToken) =>
        {
            if (call.GetValue(urls) is { } chosen)
            {
                settings["urls"] = chosen;
            }

            return RunAsync(settings, RolesOf(call.GetValue(roles))!.Value, cancellationToken);
        });
    }

    private static async Task<int> RunAsync(Dictionary<string, string?> settings, Roles roles, CancellationToken cancellationToken)
    {
        await using var app = ServerHost.Build(settings, roles);
        await StartUp.PrepareAsync(app.Services, isServer: true, cancellationToken);
        var password = roles.HasFlag(Roles.Web) ? await FirstPasswordAsync(app, cancellationToken) : null;
        await ListenAsync(app, cancellationToken);
        Greet(app, roles, password);
        await app.WaitForShutdownAsync(CancellationToken.None);
        ThrowWhatEndedIt(app.Services);
        return ExitCode.Done;
    }

    private static async Task ListenAsync(WebApplication app, CancellationToken cancellationToken)
    {
        try
        {
            await app.StartAsync(cancellationToken);
        }
        catch (Exception error) when (error is SocketException or IOException || (error is InvalidOperationException && error.Message.StartsWith("Unable to configure HTTPS", StringComparison.Ordinal)))
        {
            throw new StartUpException($"{app.Configuration["urls"]} cannot be used: {error.Message.Split('\n')[0].TrimEnd('.', '\r')}. Stop the program that listens there, or choose another address with --urls.", error);
        }
    }

    // A part that fails ends the host, which would call that a shutdown like any other.
    private static void ThrowWhatEndedIt(IServiceProvider services)
    {
        if (services.GetServices<IHostedService>().OfType<BackgroundService>().FirstOrDefault(part => part.ExecuteTask?.IsFaulted == true) is { } failed)
        {
            ExceptionDispatchInfo.Throw(failed.ExecuteTask!.Exception!.InnerException!);
        }
    }

    private static async Task<string?> FirstPasswordAsync(WebApplication app, CancellationToken cancellationToken)
    {
        await using var scope = app.Services.CreateAsyncScope();
        return await scope.ServiceProvider.GetRequiredService<PanelUsers>().EnsureFirstAsync(cancellationToken);
    }

    private static void Greet(WebApplication app, Roles roles, string? password)
    {
        var sandbox = app.Services.GetRequiredService<SandboxedProviders>();
        var replaced = sandbox.Names.Where(name => app.Services.GetRequiredService<ITokenProviders>().Find(name) is not { IsManaged: true }).ToList();
        var tokens = app.Services.GetRequiredService<ConfiguredTokens>().All;
        var missing = tokens.Count(token => token.NotConfiguredBecause is not null);
        var notifications = app.Services.GetRequiredService<NotificationReadinessReader>().Configured;
        var carriesLinks = notifications.State is ReadinessState.NoRecipient or ReadinessState.SwitchedOff || app.Services.GetRequiredService<IncidentLinks>().HasPanel;
        string[] lines =
        [
            $"TokenRefresh is running ({roles.ToString().ToLowerInvariant().Replace("all", "web, worker", StringComparison.Ordinal)}, {app.Environment.EnvironmentName}).",
            $"  address    {string.Join(' ', app.Urls)}",
            $"  database   {app.Services.GetRequiredService<Database>().Description}",
            $"  sandbox    {(replaced.Count > 0 ? $"on, replaces {string.Join(", ", replaced)}" : sandbox.IsEnabled ? "on, not used by any provider" : "off")}",
            $"  tokens     {tokens.Count} configured in settings{(missing > 0 ? $", {missing} without credentials" : "")}; status: tokens health",
            $"  notify     {notifications.Line}",
            .. carriesLinks ? Array.Empty<string>() : [$"  links      none in messages: {IncidentLinks.HowToHaveThem}"],
        ];
        Console.WriteLine(string.Join(Environment.NewLine, password is null ? lines : [.. lines, $"  sign in    as admin with {password} (shown once; to change it: users reset-password admin)"]));
    }

    internal static Roles? RolesOf(string[]? given)
    {
        var names = string.Join(',', given ?? []).Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        return names.Length > 0 && names.All(name => name.ToLowerInvariant() is "web" or "worker")
            ? names.Aggregate(Roles.None, (roles, name) => roles | Enum.Parse<Roles>(name, ignoreCase: true))
            : null;
    }
}
