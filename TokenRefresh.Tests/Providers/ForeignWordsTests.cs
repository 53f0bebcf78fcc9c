using Shouldly;
using TokenRefresh.Jobs.Administration;
using TokenRefresh.Providers;
using TokenRefresh.Tests.Providers.OAuth2;

namespace TokenRefresh.Tests.Providers;

/// <summary>Refusals in words that no document of the provider has, as gateways and widely used servers write them.</summary>
public sealed class ForeignWordsTests
{
    [Theory]
    [InlineData(403, """{"error":"rate_limit_exceeded"}""", FailureKind.RateLimited)]
    [InlineData(403, """{"errorCode":"RATE_LIMIT_EXCEEDED"}""", FailureKind.RateLimited)]
    [InlineData(403, """{"code":"rateLimitExceeded"}""", FailureKind.RateLimited)]
    [InlineData(401, """{"error":"Access Denied"}""", FailureKind.CredentialRejected)]
    [InlineData(401, """{"errorCode":"access_denied"}""", FailureKind.CredentialRejected)]
    [InlineData(403, """{"error":"Access Denied"}""", FailureKind.Configuration)]
    [InlineData(403, """{"ErrorCode":"ACCESS_DENIED"}""", FailureKind.Configuration)]
    [InlineData(401, """{"error":"disabled_client"}""", FailureKind.CredentialRejected)]
    [InlineData(403, """{"errorCode":"disabled_client"}""", FailureKind.CredentialRejected)]
    [InlineData(400, """{"code":"deleted_client"}""", FailureKind.CredentialRejected)]
    [InlineData(400, """{"error":"Deleted Client"}""", FailureKind.CredentialRejected)]
    [InlineData(400, """{"errorCode":"invalid_client"}""", FailureKind.CredentialRejected)]
    [InlineData(400, """{"error_code":"INVALID_CREDENTIALS"}""", FailureKind.CredentialRejected)]
    [InlineData(403, "<html><head><title>Access Denied</title></head></html>", FailureKind.InvalidResponse)]
    public async Task A_word_has_the_same_meaning_at_every_provider(int status, string body, FailureKind kind)
    {
        foreach (var provider in new[] { "jibit", "finnotech", "acme" })
        {
            using var world = OAuth2World.With();
            world.Http.Reply(status, body);

            var failed = (await world.Providers.Find(provider)!.AcquireAsync(ProviderWorld.Order("fino", "a:b:get"), default)).ShouldBeOfType<ProviderResult.Failed>();

            failed.Failure.Kind.ShouldBe(kind, $"{provider}: {failed.Failure}");
        }
    }

    [Theory]
    [InlineData("jibit", """{"code":"invalid.credentials"}""")]
    [InlineData("jibit", """{"errors":[{"errorCode":"security.auth_required"}]}""")]
    [InlineData("finnotech", """{"status":"FAILED","error":{"code":"UNAUTHORIZED"}}""")]
    public async Task A_provider_s_own_words_stand_before_all_others(string provider, string body)
    {
        using var world = new ProviderWorld();
        world.Http.Reply(403, body);

        (await world.Providers.Find(provider)!.AcquireAsync(ProviderWorld.Order("fino", "a:b:get"), default)).ShouldHaveFailed(FailureKind.CredentialRejected);
    }
}
