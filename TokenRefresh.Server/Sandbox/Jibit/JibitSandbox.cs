using System.Text.Json.Nodes;

namespace TokenRefresh.Server.Sandbox.Jibit;

/// <summary>Jibit's "ide" product as its document 1.5.2 describes it: generate, refresh, balances.</summary>
internal sealed class JibitSandbox(SandboxStage stage, SandboxTokens tokens, TimeProvider clock) : ISandboxProvider
{
    public const string ProviderName = "jibit";

    // The document has a length_exceeded error but states no length.
    private const int LongestKey = 255;
    private const int LongestTrackId = 50;
    private const string TrackIdHeader = "X-TRACK-ID";

    private static readonly TimeSpan AccessLifetime = TimeSpan.FromHours(24);
    private static readonly TimeSpan RefreshLifetime = TimeSpan.FromHours(48);

    public string Name => ProviderName;

    public Task<IResult> GenerateAsync(HttpContext context) => PlayAsync(context, SandboxCall.Acquire, async behaviour =>
    {
        var body = await SandboxBody.ReadAsync(context.Request, context.RequestAborted);
        return RefusedFields(body, ("apiKey", LongestKey), ("secretKey", LongestKey))
            ?? await IssueAsync(body["apiKey"]!, behaviour, context.RequestAborted);
    });

    public Task<IResult> RefreshAsync(HttpContext context) => PlayAsync(context, SandboxCall.Renew, async behaviour =>
    {
        var body = await SandboxBody.ReadAsync(context.Request, context.RequestAborted);
        return RefusedFields(body, ("accessToken", null), ("refreshToken", null))
            ?? await RenewAsync(body["accessToken"]!, body["refreshToken"]!, behaviour, context.RequestAborted);
    });

    public Task<IResult> BalancesAsync(HttpContext context) => PlayAsync(context, SandboxCall.Other, async _ =>
    {
        if (context.Request.Headers.Authorization.Count == 0)
        {
            return JibitAnswers.TokenRequired;
        }

        return BearerToken.Of(context.Request) is { } token
            && await tokens.FindAccessAsync(Name, token, context.RequestAborted) is { } known
            && known.IsAlive(clock.GetUtcNow())
                ? JibitAnswers.Balances
                : JibitAnswers.Forbidden;
    });

    public Task<IResult> UnknownAsync(HttpContext context) =>
        PlayAsync(context, SandboxCall.Other, _ => Task.FromResult(JibitAnswers.NoSuchRoute));

    public IResult Refuse(HttpContext context, SandboxCall call, SandboxMode mode) => (mode, call) switch
    {
        (SandboxMode.ServerError, _) => JibitAnswers.ServerError,
        (SandboxMode.Unavailable, _) => JibitAnswers.Unavailable,
        (SandboxMode.TooManyRequests, _) => JibitAnswers.DailyLimit,
        (_, SandboxCall.Acquire) => JibitAnswers.InvalidCredentials,

        // A refresh sends no credentials, so a client that lost its standing hears of its token.
        (_, SandboxCall.Renew) => JibitAnswers.RefreshTokenNotValid,
        _ => JibitAnswers.Forbidden,
    };

    public JsonObject TokenAnswer(string? accessToken)
    {
        var answer = new JsonObject();
        if (accessToken is not null)
        {
            answer["accessToken"] = accessToken;
        }

        answer["refreshToken"] = SandboxTokenText.Opaque(64);
        return answer;
    }

    public JsonObject FailedAnswer() => JibitAnswers.Error("server.error");

    // The answer carries the request's track id whatever else happens, so it is read before anything else.
    private Task<IResult> PlayAsync(HttpContext context, SandboxCall call, Func<SandboxBehaviour, Task<IResult>> answer)
    {
        var trackId = context.Request.Headers[TrackIdHeader].ToString();
        if (trackId.Length > LongestTrackId || trackId.Any(letter => letter is < ' ' or > '~'))
        {
            return stage.PlayAsync(context, this, call, _ => Task.FromResult(JibitAnswers.InvalidBody));
        }

        if (trackId.Length > 0)
        {
            context.Response.Headers[TrackIdHeader] = trackId;
        }

        return stage.PlayAsync(context, this, call, answer);
    }

    private static IResult? RefusedFields(SandboxBody body, params ReadOnlySpan<(string Name, int? Longest)> fields)
    {
        if (body.Problem is not null)
        {
            return JibitAnswers.InvalidBody;
        }

        foreach (var (name, longest) in fields)
        {
            if (string.IsNullOrWhiteSpace(body[name]))
            {
                return JibitAnswers.Required(name);
            }

            if (body[name]!.Length > longest)
            {
                return JibitAnswers.LengthExceeded(name);
            }
        }

        // All fields are there, so any more are fields that the document does not know.
        return body.Fields.Count > fields.Length ? JibitAnswers.InvalidBody : null;
    }

    private async Task<IResult> IssueAsync(string apiKey, SandboxBehaviour behaviour, CancellationToken cancellationToken)
    {
        var pair = NewPair(SandboxTokenText.Hash(apiKey), SandboxTokenText.Opaque(64), behaviour);
        await tokens.IssueAsync(pair, cancellationToken);
        return JibitAnswers.Tokens(pair);
    }

    private async Task<IResult> RenewAsync(string accessToken, string refreshToken, SandboxBehaviour behaviour, CancellationToken cancellationToken)
    {
        var now = clock.GetUtcNow();
        if (await tokens.FindRefreshAsync(Name, refreshToken, cancellationToken) is not { } refresh || !refresh.IsAlive(now))
        {
            return JibitAnswers.RefreshTokenNotValid;
        }

        if (await tokens.FindAccessAsync(Name, accessToken, cancellationToken) is not { } access || access.PairId != refresh.PairId)
        {
            return JibitAnswers.InvalidPair;
        }

        if (behaviour.EarlyRefreshRefused && access.IsAlive(now))
        {
            return JibitAnswers.RefreshTokenNotValid;
        }

        var pair = NewPair(refresh.Client, behaviour.Rotate ? SandboxTokenText.Opaque(64) : refreshToken, behaviour);
        return await tokens.RenewAsync(refresh, pair, behaviour, cancellationToken)
            ? JibitAnswers.Tokens(pair)
            : JibitAnswers.RefreshTokenNotValid;
    }

    private NewPair NewPair(byte[] client, string refreshToken, SandboxBehaviour behaviour)
    {
        var id = SandboxTokenText.Id();
        var issuedAt = DateTimeOffset.FromUnixTimeSeconds(clock.GetUtcNow().ToUnixTimeSeconds());
        var expiresAt = issuedAt + (behaviour.Lifetime ?? AccessLifetime);
        var accessToken = SandboxTokenText.Jwt(
            new() { ["alg"] = "HS512" },
            new() { ["jti"] = id, ["iat"] = issuedAt.ToUnixTimeSeconds(), ["exp"] = expiresAt.ToUnixTimeSeconds() },
            signatureBytes: 64);
        return new(Name, id, accessToken, refreshToken, client, [], issuedAt, expiresAt, issuedAt + (behaviour.RefreshLifetime ?? RefreshLifetime));
    }
}
