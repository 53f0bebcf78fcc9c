using System.Text.Json;

namespace TokenRefresh.Bench.Chaos;

/// <summary>How the provider is.</summary>
internal enum Weather
{
    /// <summary>Answers within half a second.</summary>
    Fair,

    /// <summary>Answers 503, or ends the connection.</summary>
    Down,

    /// <summary>Takes up to eight seconds; of what its callers do not wait for, it does some nevertheless.</summary>
    Slow,
}

/// <summary>A call that is held at the provider until it is let go.</summary>
internal sealed class Trap(bool processes)
{
    /// <summary>True: the provider does what was asked before it holds the call, so that the answer can be lost.</summary>
    public bool Processes => processes;

    public TaskCompletionSource<Call> Caught { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public TaskCompletionSource Released { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
}

/// <summary>A provider over HTTP in both shapes, OAuth2 and Jibit, that keeps its own books.</summary>
internal sealed class ProviderModel : IAsyncDisposable
{
    private readonly WebApplication app;
    private readonly Chance chance;
    private readonly SocketOwners owners;
    private Trap? trap;

    private ProviderModel(WebApplication app, Chance chance, SocketOwners owners, bool endsReplaced) => (this.app, this.chance, this.owners, Book) = (app, chance, owners, new(endsReplaced));

    public ProviderBook Book { get; }

    public Weather Weather { get; set; }

    private string Address => app.Urls.First();

    /// <summary>The settings of nodes that use it for every token of the run. The time-out bounds the lease: five seconds and ten.</summary>
    public IEnumerable<KeyValuePair<string, string>> Settings
    {
        get
        {
            var settings = new Dictionary<string, string>
            {
                ["Providers__oauth__Type"] = "OAuth2",
                ["Providers__oauth__TokenUrl"] = $"{Address}/oauth/token",
                ["Providers__oauth__ClientId"] = "chaos",
                ["Providers__oauth__ClientSecret"] = "secret",
                ["Providers__oauth__Timeout"] = "00:00:05",
            };
            foreach (var token in ChaosToken.All)
            {
                settings[$"Tokens__{token.Name}__Provider"] = token.IsJibit ? token.Name : "oauth";
                settings[token.IsJibit ? $"Providers__{token.Name}__Type" : $"Tokens__{token.Name}__Scopes"] = token.IsJibit ? "Jibit" : token.Name;
                if (token.IsJibit)
                {
                    settings[$"Providers__{token.Name}__BaseUrl"] = Address;
                    settings[$"Providers__{token.Name}__ApiKey"] = token.Name;
                    settings[$"Providers__{token.Name}__SecretKey"] = "secret";
                    settings[$"Providers__{token.Name}__Timeout"] = "00:00:05";
                }
            }

            return settings;
        }
    }

    /// <param name="endsReplaced">True where a new access token ends the one before.</param>
    public static async Task<ProviderModel> StartAsync(Chance chance, SocketOwners owners, bool endsReplaced = false)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(1));
        var app = builder.Build();
        var model = new ProviderModel(app, chance, owners, endsReplaced);
        app.MapPost("/oauth/token", model.OAuth2Async);
        app.MapPost("/v1/tokens/{call}", model.JibitAsync);
        await app.StartAsync();
        return model;
    }

    /// <summary>Holds the next call that comes; null where none comes in time.</summary>
    public async Task<(Call Call, Trap Trap)?> CatchAsync(bool processes, TimeSpan patience)
    {
        var own = new Trap(processes);
        trap = own;
        try
        {
            return (await own.Caught.Task.WaitAsync(patience, TimeProvider.System), own);
        }
        catch (TimeoutException)
        {
            // One that came in this very moment is let go.
            Interlocked.CompareExchange(ref trap, null, own);
            own.Released.TrySetResult();
            return null;
        }
    }

    public ValueTask DisposeAsync() => app.DisposeAsync();

    private async Task OAuth2Async(HttpContext context)
    {
        var form = await context.Request.ReadFormAsync();
        var refreshToken = form["refresh_token"].FirstOrDefault();
        var token = Named(refreshToken is null ? form["scope"].ToString() : refreshToken.Split('.')[1]);
        await AnswerAsync(
            context, token, refreshToken,
            pair => new { access_token = pair.Access.Text, token_type = "Bearer", expires_in = (int)token.Life.TotalSeconds, refresh_token = pair.RefreshToken },
            StatusCodes.Status400BadRequest, new { error = "invalid_grant" });
    }

    private async Task JibitAsync(HttpContext context)
    {
        using var body = await JsonDocument.ParseAsync(context.Request.Body);
        var refreshToken = body.RootElement.TryGetProperty("refreshToken", out var sent) ? sent.GetString() : null;
        var token = Named(refreshToken is null ? body.RootElement.GetProperty("apiKey").GetString()! : refreshToken.Split('.')[1]);
        await AnswerAsync(
            context, token, refreshToken, pair => new { accessToken = pair.Access.Text, refreshToken = pair.RefreshToken },
            StatusCodes.Status401Unauthorized, new { code = "refreshToken.not_valid", message = "no" });
    }

    private static ChaosToken Named(string name) => ChaosToken.All.Single(token => token.Name == name);

    private async Task AnswerAsync(HttpContext context, ChaosToken token, string? refreshToken, Func<Pair, object> write, int refusal, object refused)
    {
        var call = Book.Arrive(token, refreshToken, owners.Of(context.Connection));
        try
        {
            var done = Interlocked.Exchange(ref trap, null) is { } caught ? await HoldAsync(caught, call, context.RequestAborted) : null;
            if (done is null && Weather == Weather.Down)
            {
                await FailAsync(context);
                return;
            }

            var pair = done ?? await ProcessAsync(call, context.RequestAborted);
            context.Response.StatusCode = pair is null ? refusal : StatusCodes.Status200OK;
            await context.Response.WriteAsJsonAsync(pair is null ? refused : write(pair), context.RequestAborted);
            await context.Response.CompleteAsync();
            call.IsDelivered = !context.RequestAborted.IsCancellationRequested;
        }
        catch (Exception error) when (error is OperationCanceledException or IOException)
        {
            // The caller has gone.
        }
        finally
        {
            Book.End(call);
        }
    }

    private async Task<Pair?> HoldAsync(Trap caught, Call call, CancellationToken gone)
    {
        var pair = caught.Processes ? Book.Process(call) : null;
        caught.Caught.TrySetResult(call);
        await caught.Released.Task.WaitAsync(gone);
        return pair;
    }

    private async Task<Pair?> ProcessAsync(Call call, CancellationToken gone)
    {
        if (Weather != Weather.Slow)
        {
            await Task.Delay(chance.Between(0.02, 0.5), TimeProvider.System, gone);
            return Book.Process(call);
        }

        // Half of what is slow was done long before it is answered.
        var isEarly = chance.Of(0.5);
        var early = isEarly ? Book.Process(call) : null;
        await Task.Delay(chance.Between(1, 8), TimeProvider.System, gone);
        return isEarly ? early : Book.Process(call);
    }

    private async Task FailAsync(HttpContext context)
    {
        if (chance.Of(0.3))
        {
            context.Abort();
            return;
        }

        context.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
        await context.Response.WriteAsync("<html>away</html>");
    }
}
