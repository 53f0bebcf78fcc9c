using System.Text.Json.Nodes;

namespace TokenRefresh.Server.Sandbox.Finnotech;

/// <summary>Finnotech's calls about a client's tokens: revoke and list.</summary>
/// <remarks>
/// The list's scope, <c>boomrang:tokens:get</c>, is not asked for: the index of the documents says that every client has the
/// auxiliary services' scopes.
/// </remarks>
internal sealed class FinnotechClientCalls(SandboxStage stage, FinnotechSandbox finnotech, SandboxTokens tokens, TimeProvider clock)
{
    public Task<IResult> RevokeAsync(HttpContext context, string clientId) => PlayAsync(context, clientId, async (reply, _, bearer) =>
    {
        var body = await SandboxBody.ReadAsync(context.Request, context.RequestAborted);
        if (FinnotechRules.FaultOfRevocation(body) is { } fault)
        {
            return reply.Invalid(fault);
        }

        if (body["token_type"] != FinnotechSandbox.ClientCredential
            || await FindAliveAsync(body["token"]!, context.RequestAborted) is not { } revoked
            || !revoked.Client.AsSpan().SequenceEqual(bearer.Client))
        {
            return reply.InvalidToken;
        }

        await tokens.RevokeAsync(revoked.PairId, context.RequestAborted);
        return reply.Done();
    });

    public Task<IResult> ListAsync(HttpContext context, string clientId) => PlayAsync(context, clientId, async (reply, token, bearer) =>
    {
        // With a bank the question is for tokens that a person granted; there are none here.
        if (context.Request.Query["bank"].ToString() is { Length: > 0 } bank)
        {
            return FinnotechRules.FaultOfBank(bank) is { } fault
                ? reply.Invalid(fault)
                : reply.Done(new() { ["authorizationCode"] = new JsonArray() });
        }

        // People's numbers are not stored, so the one shown is that of the person who asks.
        var user = SandboxTokenText.Claim(token, "userId");
        var alive = await tokens.ListAliveAsync(finnotech.Name, bearer.Client, clock.GetUtcNow(), context.RequestAborted);
        return reply.Done(new()
        {
            ["clientCredentials"] = new JsonArray([.. alive.Select(known => Item(known, clientId, user))]),
            ["sms"] = new JsonArray(),
        });
    });

    private static JsonObject Item(KnownToken known, string clientId, string? user) => new()
    {
        ["id"] = known.PairId,
        ["clientId"] = clientId,
        ["userId"] = user,
        ["type"] = FinnotechSandbox.ClientCredential,
        ["lifeTime"] = (long)(known.ExpiresAt - known.IssuedAt).TotalMilliseconds,
        ["creationDate"] = JalaliTime.Write(known.IssuedAt),
        ["scopes"] = new JsonArray([.. known.Scopes]),
        ["active"] = true,
    };

    private Task<IResult> PlayAsync(HttpContext context, string clientId, Func<FinnotechReply, string, KnownToken, Task<IResult>> answer)
    {
        var reply = new FinnotechReply(context, SandboxCall.Other);
        return stage.PlayAsync(context, finnotech, SandboxCall.Other, async _ =>
        {
            if (BearerToken.Of(context.Request) is not { } token
                || await FindAliveAsync(token, context.RequestAborted) is not { } bearer
                || !bearer.Client.AsSpan().SequenceEqual(SandboxTokenText.Hash(clientId)))
            {
                return reply.InvalidBearer;
            }

            return context.Request.Query["trackId"].ToString() is { Length: > 0 } trackId && !FinnotechRules.TrackId().IsMatch(trackId)
                ? reply.Invalid("trackId must have at most 40 letters and digits")
                : await answer(reply, token, bearer);
        });
    }

    private async Task<KnownToken?> FindAliveAsync(string token, CancellationToken cancellationToken) =>
        await tokens.FindAccessAsync(finnotech.Name, token, cancellationToken) is { } known && known.IsAlive(clock.GetUtcNow()) ? known : null;
}
