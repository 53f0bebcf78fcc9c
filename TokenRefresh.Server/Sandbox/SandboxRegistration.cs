using Microsoft.Extensions.DependencyInjection.Extensions;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Server.Sandbox.Finnotech;
using TokenRefresh.Server.Sandbox.Jibit;

namespace TokenRefresh.Server.Sandbox;

/// <summary>
/// Stand-ins for the providers, so that everything works without an account and an outage can be rehearsed.
/// For Development only: without a sign-in, and only for callers on this machine.
/// </summary>
/// <remarks>
/// <para>A stand-in accepts any key and secret that are not blank, issues token pairs, rotates them, and refuses what the real
/// provider refuses. Its state is in Postgres (schema <c>sandbox</c>), so every node, verb and restart sees the same provider.</para>
/// <para>To rehearse an outage, tell a provider how to behave (<c>jibit</c> or <c>finnotech</c>):</para>
/// <code>
/// S=http://localhost:5080/sandbox/jibit/behaviour
/// curl $S                                                           # how it behaves now, and the calls it has had
/// curl $S -d '{"mode":"down"}'                                      # every connection breaks
/// curl $S -d '{"mode":"503","retry_after_seconds":30}'              # also 500, 429, and 401: the credentials are refused
/// curl $S -d '{"mode":"slow","delay_seconds":45}'                   # answers after 45 seconds
/// curl $S -d '{"mode":"lost_answer","fail_next":1}'                 # the next pair is issued but never arrives, then normal
/// curl $S -d '{"mode":"malformed","malformed_shape":"half"}'        # html, empty, half, null, array, missing, blank, huge, redirect, failed
/// curl $S -d '{"lifetime_seconds":60,"refresh_lifetime_seconds":90}'
/// curl $S -d '{"rotate":false}'                                     # also kill_old_refresh, kill_old_access, early_refresh_refused, lifetime_as_string
/// curl $S -d '{}'                                                   # back to normal
/// </code>
/// <para>A POST replaces the whole behaviour: what it leaves out is at its default again. With <c>fail_next</c> the mode strikes that
/// many token calls and no other call; without it the mode strikes every call.</para>
/// </remarks>
internal static class SandboxRegistration
{
    /// <summary>Adds the stand-ins, and leads every <see cref="HttpClient"/>'s requests for <see cref="SandboxSettings.Host"/> to this process.</summary>
    public static IServiceCollection AddSandbox(this IServiceCollection services)
    {
        services.TryAddSingleton(TimeProvider.System);

        services.AddSingleton<SandboxDatabase>();
        services.AddSingleton<IDatabaseStep>(provider => provider.GetRequiredService<SandboxDatabase>());
        services.AddSingleton<SandboxBehaviours>();
        services.AddSingleton<SandboxTokens>();
        services.AddSingleton<SandboxStage>();
        services.AddSingleton<JibitSandbox>();
        services.AddSingleton<FinnotechSandbox>();
        services.AddSingleton<FinnotechClientCalls>();

        services.AddTransient<SandboxRouting>();
        services.ConfigureHttpClientDefaults(http => http.AddHttpMessageHandler<SandboxRouting>());

        return services;
    }

    /// <summary>Maps <c>/sandbox</c>.</summary>
    public static IEndpointRouteBuilder MapSandbox(this IEndpointRouteBuilder routes)
    {
        var sandbox = routes.MapGroup("/sandbox").AllowAnonymous().ExcludeFromDescription();
        sandbox.AddEndpointFilter(SandboxGuard.OnlyThisMachineAsync);

        sandbox.MapBehaviour();
        sandbox.MapGroup("/jibit/ide").MapJibit();
        sandbox.MapGroup("/finnotech/dev/v2").MapFinnotech();

        return routes;
    }
}
