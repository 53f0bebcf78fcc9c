using System.Text.Json;
using Shouldly;
using TokenRefresh.Providers;

namespace TokenRefresh.Tests.Providers.Finnotech;

public sealed class FinnotechErrorTests : IDisposable
{
    private static readonly TokenOrder Order = ProviderWorld.Order("fino", "a:b:get");

    private readonly ProviderWorld world = new();

    public void Dispose() => world.Dispose();

    [Theory]
    [InlineData(401, "UNAUTHORIZED", "", FailureKind.CredentialRejected, FailureKind.CredentialRejected)]
    [InlineData(400, "UNAUTHORIZED", "", FailureKind.CredentialRejected, FailureKind.CredentialRejected)]
    [InlineData(403, "FORBIDDEN", "", FailureKind.CredentialRejected, FailureKind.CredentialRejected)]
    [InlineData(403, "VALIDATION_ERROR", "invalid token", FailureKind.CredentialRejected, FailureKind.CredentialRejected)]
    [InlineData(400, "VALIDATION_ERROR", "invalid token", FailureKind.CredentialRejected, FailureKind.CredentialRejected)]
    [InlineData(200, "VALIDATION_ERROR", "invalid token", FailureKind.CredentialRejected, FailureKind.CredentialRejected)]
    [InlineData(200, "UNAUTHORIZED", "", FailureKind.CredentialRejected, FailureKind.CredentialRejected)]
    [InlineData(200, "VALIDATION_ERROR", "nid is required", FailureKind.InvalidResponse, FailureKind.InvalidResponse)]
    [InlineData(200, "SERVICE_CALL_ERROR", "", FailureKind.InvalidResponse, FailureKind.InvalidResponse)]

    // The page of errors is in no copy that can be read: a renewal's only input of ours that ages is the refresh token.
    [InlineData(400, "VALIDATION_ERROR", "", FailureKind.Configuration, FailureKind.CredentialRejected)]
    [InlineData(400, "SERVICE_CALL_ERROR", "", FailureKind.ProviderDown, FailureKind.ProviderDown)]
    [InlineData(500, "ANYTHING", "", FailureKind.ProviderDown, FailureKind.ProviderDown)]
    [InlineData(503, "VALIDATION_ERROR", "", FailureKind.ProviderDown, FailureKind.ProviderDown)]
    [InlineData(408, "ANYTHING", "", FailureKind.ProviderDown, FailureKind.ProviderDown)]
    [InlineData(429, "ANYTHING", "", FailureKind.RateLimited, FailureKind.RateLimited)]
    [InlineData(404, "ANYTHING", "", FailureKind.InvalidResponse, FailureKind.InvalidResponse)]
    public async Task A_refusal_is_classified_by_status_and_code(int status, string code, string message, FailureKind onAcquire, FailureKind onRenew)
    {
        var body = JsonSerializer.Serialize(new { status = "FAILED", error = new { code, message }, trackId = "t-1" });
        world.Http.Reply(status, body);
        world.Http.Reply(status, body);

        var acquired = (await world.Finnotech.AcquireAsync(Order, default)).ShouldHaveFailed(onAcquire);
        var renewed = (await world.Finnotech.RenewAsync(Order, new("a", "r"), default)).ShouldHaveFailed(onRenew);

        foreach (var failure in new[] { acquired, renewed })
        {
            failure.Reason.ShouldStartWith($"HTTP {status} {code}");
            failure.HttpStatus.ShouldBe(status);
            failure.ProviderCode.ShouldBe(code);
            failure.TrackId.ShouldBe("t-1");
        }
    }

    [Fact]
    public async Task An_invalid_token_is_recognised_at_the_top_level_too()
    {
        world.Http.Reply(400, """{ "message": "invalid token" }""");

        (await world.Finnotech.ProbeAsync(Order, new("a", null), default)).Failure!.Kind.ShouldBe(FailureKind.CredentialRejected);
    }

    [Theory]
    [InlineData(401, "<html>denied</html>")]
    [InlineData(403, "<html>denied</html>")]
    [InlineData(403, "")]
    [InlineData(403, "[]")]
    [InlineData(403, """{ "blocked": true }""")]
    public async Task A_refusal_that_is_not_in_the_provider_s_envelope_does_not_condemn_the_credentials(int status, string body)
    {
        world.Http.Reply(status, body, "text/html");

        (await world.Finnotech.AcquireAsync(Order, default)).ShouldHaveFailed(FailureKind.InvalidResponse).HttpStatus.ShouldBe(status);
    }

    [Theory]
    [InlineData("""{ "status": "PENDING" }""", "PENDING")]
    [InlineData("""{ "result": { "value": "v" } }""", "status is missing")]
    [InlineData("""{ "status": true, "result": { "value": "v" } }""", "status is missing")]
    [InlineData("""{ "status": "FAILED" }""", "FAILED")]
    public async Task Only_done_is_done(string body, string seen)
    {
        world.Http.Reply(200, body);

        (await world.Finnotech.AcquireAsync(Order, default)).ShouldHaveFailed(FailureKind.InvalidResponse).Reason.ShouldContain(seen);
    }

    [Fact]
    public async Task A_refused_revocation_tells_why()
    {
        world.Http.Reply(403, """{ "status": "FAILED", "error": { "code": "FORBIDDEN", "message": "" } }""");

        (await world.Finnotech.RevokeAsync(Order, new("a", null), default))!.Reason.ShouldBe("HTTP 403 FORBIDDEN");
    }
}
