using System.Collections.Concurrent;
using System.Globalization;

namespace TokenRefresh.Server.Sandbox;

/// <summary>Plays one call at a stand-in as its behaviour says: as normal, or with what goes wrong.</summary>
internal sealed partial class SandboxStage(SandboxBehaviours behaviours, TimeProvider clock, ILogger<SandboxStage> logger)
{
    private readonly ConcurrentDictionary<string, int> inFlight = new();

    /// <param name="context">The call.</param>
    /// <param name="provider">Who is called.</param>
    /// <param name="call">What for.</param>
    /// <param name="answer">What the provider does when nothing is wrong.</param>
    public async Task<IResult> PlayAsync(
        HttpContext context, ISandboxProvider provider, SandboxCall call, Func<SandboxBehaviour, Task<IResult>> answer)
    {
        var concurrent = inFlight.AddOrUpdate(provider.Name, 1, (_, calls) => calls + 1);
        try
        {
            var behaviour = await behaviours.BeginCallAsync(provider.Name, call, concurrent, context.RequestAborted);
            if (behaviour.Mode is not SandboxMode.Normal)
            {
                LogStruck(provider.Name, call, behaviour.Mode);
            }

            return await PlayAsync(context, provider, call, behaviour, answer);
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            return Results.Empty;
        }
        finally
        {
            inFlight.AddOrUpdate(provider.Name, 0, (_, calls) => calls - 1);
        }
    }

    private async Task<IResult> PlayAsync(
        HttpContext context, ISandboxProvider provider, SandboxCall call, SandboxBehaviour behaviour, Func<SandboxBehaviour, Task<IResult>> answer)
    {
        switch (behaviour.Mode)
        {
            case SandboxMode.Down:
                context.Abort();
                return Results.Empty;

            case SandboxMode.LostAnswer:
                await answer(behaviour);
                context.Abort();
                return Results.Empty;

            case SandboxMode.Slow:
                await Task.Delay(behaviour.Delay, clock, context.RequestAborted);
                return await answer(behaviour);

            case SandboxMode.Malformed:
                return MalformedAnswer.Of(provider, behaviour.MalformedShape);

            case SandboxMode.Unavailable or SandboxMode.TooManyRequests when behaviour.RetryAfter is { } pause:
                context.Response.Headers.RetryAfter = pause.TotalSeconds.ToString(CultureInfo.InvariantCulture);
                return provider.Refuse(context, call, behaviour.Mode);

            case SandboxMode.ServerError or SandboxMode.Unavailable or SandboxMode.TooManyRequests or SandboxMode.Refused:
                return provider.Refuse(context, call, behaviour.Mode);

            default:
                return await answer(behaviour);
        }
    }

    [LoggerMessage(4000, LogLevel.Debug, "Sandbox provider {Provider} answers a call ({Call}) with {Mode}")]
    private partial void LogStruck(string provider, SandboxCall call, SandboxMode mode);
}
