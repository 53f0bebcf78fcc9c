using System.Text.Json;
using Shouldly;
using TokenRefresh.Providers;

namespace TokenRefresh.Tests.Providers.Jibit;

public sealed class JibitErrorTests : IDisposable
{
    private readonly ProviderWorld world = new();

    public void Dispose() => world.Dispose();

    // The document ties no code to a status, so every code is tried under an unlikely one too.
    [Theory]
    [InlineData("invalid.credentials", 401, FailureKind.CredentialRejected)]
    [InlineData("invalid.credentials", 400, FailureKind.CredentialRejected)]
    [InlineData("invalid.credentials", 403, FailureKind.CredentialRejected)]
    [InlineData("apiKey.is_required", 400, FailureKind.CredentialRejected)]
    [InlineData("apiKey.length_exceeded", 400, FailureKind.CredentialRejected)]
    [InlineData("secretKey.is_required", 400, FailureKind.CredentialRejected)]
    [InlineData("secretKey.length_exceeded", 400, FailureKind.CredentialRejected)]
    [InlineData("client.not_found", 404, FailureKind.CredentialRejected)]
    [InlineData("client.not_found", 400, FailureKind.CredentialRejected)]
    [InlineData("accessToken.is_required", 400, FailureKind.CredentialRejected)]
    [InlineData("refreshToken.is_required", 400, FailureKind.CredentialRejected)]
    [InlineData("refreshToken.not_valid", 401, FailureKind.CredentialRejected)]
    [InlineData("refreshToken.not_valid", 400, FailureKind.CredentialRejected)]
    [InlineData("invalid.tokens_pair", 401, FailureKind.CredentialRejected)]
    [InlineData("forbidden", 403, FailureKind.CredentialRejected)]
    [InlineData("token.is_required", 401, FailureKind.CredentialRejected)]
    [InlineData("never.seen.before", 401, FailureKind.CredentialRejected)]
    [InlineData("server.error", 500, FailureKind.ProviderDown)]
    [InlineData("server.error", 400, FailureKind.ProviderDown)]
    [InlineData("providers.not_available", 503, FailureKind.ProviderDown)]
    [InlineData("never.seen.before", 502, FailureKind.ProviderDown)]
    [InlineData("never.seen.before", 408, FailureKind.ProviderDown)]
    [InlineData("daily_limit.reached", 403, FailureKind.RateLimited)]
    [InlineData("daily_limit.reached", 429, FailureKind.RateLimited)]
    [InlineData("never.seen.before", 429, FailureKind.RateLimited)]
    [InlineData("conflict", 403, FailureKind.Configuration)]
    [InlineData("handler.not_found", 404, FailureKind.Configuration)]
    [InlineData("invalid.request_body", 400, FailureKind.InvalidResponse)]
    [InlineData("never.seen.before", 422, FailureKind.InvalidResponse)]
    public async Task The_code_decides_and_the_status_only_where_the_code_is_unknown(string code, int status, FailureKind kind)
    {
        world.Http.Reply(status, JsonSerializer.Serialize(new { code, message = "پیام" }), headers: ("X-TRACK-ID", "t-1"));

        var failure = (await world.Jibit.RenewAsync(ProviderWorld.Order(), new("a", "r"), default)).ShouldHaveFailed(kind);

        failure.Reason.ShouldBe($"HTTP {status} {code}");
        failure.HttpStatus.ShouldBe(status);
        failure.ProviderCode.ShouldBe(code);
        failure.TrackId.ShouldBe("t-1");
    }

    [Fact]
    public async Task The_shape_of_the_other_products_is_understood()
    {
        world.Http.Reply(400, """{ "errors": [ { "code": "invalid.credentials", "message": "x" }, { "code": "server.error" } ] }""");

        (await world.Jibit.AcquireAsync(ProviderWorld.Order(), default)).ShouldHaveFailed(FailureKind.CredentialRejected).ProviderCode.ShouldBe("invalid.credentials");
    }

    // A firewall on the way answers like this; calling the credentials dead would stop every automatic attempt.
    [Theory]
    [InlineData(401, "<html><body>Access denied</body></html>")]
    [InlineData(403, "<html><body>Access denied</body></html>")]
    [InlineData(403, "")]
    [InlineData(403, "Forbidden")]
    [InlineData(403, """{ "error": "blocked" }""")]
    [InlineData(403, """[ "blocked" ]""")]
    [InlineData(403, """{ "errors": [] }""")]
    [InlineData(403, """{ "code": 17 }""")]
    public async Task A_refusal_that_is_not_in_the_provider_s_words_does_not_condemn_the_credentials(int status, string body)
    {
        world.Http.Reply(status, body, "text/html");

        var failure = (await world.Jibit.AcquireAsync(ProviderWorld.Order(), default)).ShouldHaveFailed(FailureKind.InvalidResponse);

        failure.Kind.IsRetryable().ShouldBeTrue();
        failure.HttpStatus.ShouldBe(status);
        failure.ProviderCode.ShouldBeNull();
    }

    [Fact]
    public async Task A_code_is_shown_in_at_most_a_hundred_printable_characters()
    {
        world.Http.Reply(400, JsonSerializer.Serialize(new { code = "a\r\n\u202eb" + new string('x', 500) }));

        var failure = (await world.Jibit.AcquireAsync(ProviderWorld.Order(), default)).ShouldHaveFailed(FailureKind.InvalidResponse);

        failure.ProviderCode!.ShouldStartWith("a???b");
        failure.ProviderCode!.Length.ShouldBe(100);
        failure.Reason.ShouldAllBe(sign => sign >= ' ' && sign <= '~');
    }

    [Fact]
    public async Task The_provider_s_free_text_is_never_repeated()
    {
        world.Http.Reply(401, JsonSerializer.Serialize(new { code = "invalid.credentials", message = $"no such key {ProviderWorld.ApiKey}" }));

        (await world.Jibit.AcquireAsync(ProviderWorld.Order(), default)).ToString().ShouldNotContain(ProviderWorld.ApiKey);
    }
}
