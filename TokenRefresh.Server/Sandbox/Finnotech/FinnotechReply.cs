using System.Text.Json.Nodes;

namespace TokenRefresh.Server.Sandbox.Finnotech;

/// <summary>
/// Finnotech's envelope around every answer, with the request's <c>trackId</c> where there is one. The page of general errors
/// is not public; where no page states a status or a code, these are the likeliest.
/// </summary>
internal sealed class FinnotechReply(HttpContext context, SandboxCall call)
{
    private const string ValidationError = "VALIDATION_ERROR";
    private const string InvalidTokenMessage = "invalid token";

    public IResult Unauthorized => Failed(401, "UNAUTHORIZED", "invalid client credentials");

    public IResult InvalidToken => Failed(400, ValidationError, InvalidTokenMessage);

    public IResult InvalidBearer => Failed(403, ValidationError, InvalidTokenMessage);

    public IResult NoSuchRoute => Failed(404, "NOT_FOUND", "no such service");

    public IResult TooManyRequests => Failed(429, "TOO_MANY_REQUESTS", "too many requests");

    public IResult ServerError => Failed(500, "INTERNAL_SERVER_ERROR", "internal server error");

    public IResult Unavailable => Failed(503, "SERVICE_UNAVAILABLE", "service unavailable");

    /// <summary>What the request calls itself, where that is well formed.</summary>
    private string? SentTrackId => context.Request.Query["trackId"].ToString() is var sent && FinnotechRules.TrackId().IsMatch(sent) ? sent : null;

    public static JsonObject Failure(string code, string message) =>
        new() { ["status"] = "FAILED", ["error"] = new JsonObject { ["code"] = code, ["message"] = message } };

    public IResult Invalid(string message) => Failed(400, ValidationError, message);

    public IResult Tokens(NewPair pair, bool lifetimeAsString)
    {
        var lifetime = (long)(pair.ExpiresAt - pair.IssuedAt).TotalMilliseconds;
        return Done(new JsonObject
        {
            ["value"] = pair.AccessToken,
            ["scopes"] = new JsonArray([.. pair.Scopes]),
            ["lifeTime"] = lifetimeAsString ? $"{lifetime}" : lifetime,
            ["creationDate"] = JalaliTime.Write(pair.IssuedAt),
            ["refreshToken"] = pair.RefreshToken,
        });
    }

    public IResult Done(JsonObject? result = null)
    {
        var envelope = new JsonObject();
        if (result is not null)
        {
            envelope["result"] = result;
        }

        envelope["status"] = "DONE";
        return Answer(200, envelope);
    }

    private IResult Failed(int status, string code, string message) => Answer(status, Failure(code, message));

    // Documented for service calls, where the server makes one up; a token call only hands back what was sent.
    private IResult Answer(int status, JsonObject envelope)
    {
        if ((SentTrackId ?? (call is SandboxCall.Other ? Guid.NewGuid().ToString() : null)) is { } trackId)
        {
            envelope["trackId"] = trackId;
        }

        return Results.Text(envelope.ToJsonString(SandboxJson.Options), SandboxJson.ContentType, statusCode: status);
    }
}
