using System.Text;
using System.Text.Json.Nodes;
using TokenRefresh.Jobs.Administration;

namespace TokenRefresh.Server.Sandbox.Finnotech;

/// <summary>Finnotech's token address as its 2024 pages describe it: client credentials and refresh. Grants that need a person are not played.</summary>
internal sealed class FinnotechSandbox(SandboxStage stage, SandboxTokens tokens, TimeProvider clock) : ISandboxProvider
{
    public const string ProviderName = "finnotech";

    public const string ClientCredential = "CLIENT-CREDENTIAL";

    private const int RefreshTokenLength = 256;

    private static readonly TimeSpan AccessLifetime = TimeSpan.FromDays(10);

    // Undocumented; longer than the access token's, or a refresh at its end could never work.
    private static readonly TimeSpan RefreshLifetime = TimeSpan.FromDays(30);

    public string Name => ProviderName;

    public async Task<IResult> TokenAsync(HttpContext context)
    {
        // Both grants share one address, so the body tells which call this is.
        var body = await SandboxBody.ReadAsync(context.Request, context.RequestAborted);
        var isRenew = body["grant_type"] == FinnotechRules.RefreshGrant;
        var call = isRenew ? SandboxCall.Renew : SandboxCall.Acquire;
        var reply = new FinnotechReply(context, call);

        return await stage.PlayAsync(context, this, call, async behaviour =>
        {
            if (Client(context.Request) is not { } client)
            {
                return reply.Unauthorized;
            }

            return FinnotechRules.FaultOfTokenRequest(body) is { } fault ? reply.Invalid(fault)
                : isRenew ? await RenewAsync(client, body, behaviour, reply, context.RequestAborted)
                : await IssueAsync(client, body, behaviour, reply, context.RequestAborted);
        });
    }

    public Task<IResult> UnknownAsync(HttpContext context) =>
        stage.PlayAsync(context, this, SandboxCall.Other, _ => Task.FromResult(new FinnotechReply(context, SandboxCall.Other).NoSuchRoute));

    public IResult Refuse(HttpContext context, SandboxCall call, SandboxMode mode)
    {
        var reply = new FinnotechReply(context, call);
        return (mode, call) switch
        {
            (SandboxMode.ServerError, _) => reply.ServerError,
            (SandboxMode.Unavailable, _) => reply.Unavailable,
            (SandboxMode.TooManyRequests, _) => reply.TooManyRequests,
            (_, SandboxCall.Other) => reply.InvalidBearer,
            _ => reply.Unauthorized,
        };
    }

    public JsonObject TokenAnswer(string? accessToken)
    {
        var result = new JsonObject
        {
            ["scopes"] = new JsonArray("oak:iban-inquiry:get"),
            ["lifeTime"] = (long)AccessLifetime.TotalMilliseconds,
            ["creationDate"] = JalaliTime.Write(clock.GetUtcNow()),
            ["refreshToken"] = SandboxTokenText.Opaque(RefreshTokenLength),
        };
        if (accessToken is not null)
        {
            result["value"] = accessToken;
        }

        return new() { ["result"] = result, ["status"] = "DONE" };
    }

    public JsonObject FailedAnswer() => FinnotechReply.Failure("SERVICE_CALL_ERROR", "service call failed");

    // Any pair passes; what a refused one meets is the mode 401.
    private static string? Client(HttpRequest request)
    {
        if (BearerToken.Parameter(request, "Basic") is not { } encoded)
        {
            return null;
        }

        var bytes = new byte[encoded.Length];
        if (!Convert.TryFromBase64String(encoded, bytes, out var length))
        {
            return null;
        }

        return Encoding.UTF8.GetString(bytes, 0, length).Split(':', 2) is [var id, var secret]
            && !string.IsNullOrWhiteSpace(id) && !string.IsNullOrWhiteSpace(secret)
                ? id
                : null;
    }

    private async Task<IResult> IssueAsync(
        string client, SandboxBody body, SandboxBehaviour behaviour, FinnotechReply reply, CancellationToken cancellationToken)
    {
        var pair = NewPair(client, body["nid"]!, body["scopes"]!.Split(','), NewRefreshToken(body["nid"]!), behaviour);
        await tokens.IssueAsync(pair, cancellationToken);
        return reply.Tokens(pair, behaviour.LifetimeAsString);
    }

    private async Task<IResult> RenewAsync(
        string client, SandboxBody body, SandboxBehaviour behaviour, FinnotechReply reply, CancellationToken cancellationToken)
    {
        var now = clock.GetUtcNow();
        var refreshToken = body["refresh_token"]!;
        if (body["token_type"] != ClientCredential
            || await tokens.FindRefreshAsync(Name, refreshToken, cancellationToken) is not { } refresh
            || !refresh.IsAlive(now)
            || !refresh.Client.AsSpan().SequenceEqual(SandboxTokenText.Hash(client)))
        {
            return reply.InvalidToken;
        }

        if (behaviour.EarlyRefreshRefused
            && await tokens.FindAccessOfPairAsync(refresh.PairId, cancellationToken) is { } access
            && access.IsAlive(now))
        {
            return reply.InvalidToken;
        }

        var nid = refreshToken[..FinnotechRules.NationalIdLength];
        var pair = NewPair(client, nid, refresh.Scopes, behaviour.Rotate ? NewRefreshToken(nid) : refreshToken, behaviour);
        return await tokens.RenewAsync(refresh, pair, behaviour, cancellationToken)
            ? reply.Tokens(pair, behaviour.LifetimeAsString)
            : reply.InvalidToken;
    }

    // A refresh request names no person and personal numbers are not stored, so the token itself contains its owner.
    private static string NewRefreshToken(string nid) => nid + SandboxTokenText.Opaque(RefreshTokenLength - nid.Length);

    private NewPair NewPair(string client, string nid, string[] scopes, string refreshToken, SandboxBehaviour behaviour)
    {
        var id = SandboxTokenText.Id();
        var issuedAt = DateTimeOffset.FromUnixTimeSeconds(clock.GetUtcNow().ToUnixTimeSeconds());
        var lifetime = behaviour.Lifetime ?? AccessLifetime;
        var claims = new JsonObject
        {
            ["tokenId"] = id,
            ["clientId"] = client,
            ["userId"] = nid,
            ["type"] = ClientCredential,
            ["scopes"] = new JsonArray([.. scopes]),
            ["lifeTime"] = (long)lifetime.TotalMilliseconds,
            ["creationDate"] = JalaliTime.Write(issuedAt),
            ["iat"] = issuedAt.ToUnixTimeSeconds(),
            ["exp"] = (issuedAt + lifetime).ToUnixTimeSeconds(),
        };
        var accessToken = SandboxTokenText.Jwt(new() { ["alg"] = "RS256", ["typ"] = "JWT" }, claims, signatureBytes: 256);
        return new(
            Name, id, accessToken, refreshToken, SandboxTokenText.Hash(client), scopes,
            issuedAt, issuedAt + lifetime, issuedAt + (behaviour.RefreshLifetime ?? RefreshLifetime));
    }
}
