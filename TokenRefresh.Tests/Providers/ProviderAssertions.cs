using System.Text.Json;
using Shouldly;
using TokenRefresh.Providers;

namespace TokenRefresh.Tests.Providers;

internal static class ProviderAssertions
{
    public static IssuedToken ShouldBeIssued(this ProviderResult result) =>
        (result as ProviderResult.Issued ?? throw new ShouldAssertException($"not issued: {(result as ProviderResult.Failed)?.Failure}")).Token;

    public static ProviderFailure ShouldHaveFailed(this ProviderResult result, FailureKind kind)
    {
        var failure = result.ShouldBeOfType<ProviderResult.Failed>().Failure;
        failure.Kind.ShouldBe(kind, failure.ToString());
        return failure;
    }

    /// <summary>Exactly these fields, in any order, and no others.</summary>
    public static void ShouldHaveBody(this SentRequest request, params (string Field, string Value)[] fields) =>
        JsonSerializer.Deserialize<Dictionary<string, string>>(request.Body)!.ShouldBe(fields.ToDictionary(field => field.Field, field => field.Value), ignoreOrder: true);

    /// <summary>Exactly these headers besides what describes the body.</summary>
    public static void ShouldHaveHeaders(this SentRequest request, params string[] names) =>
        request.Headers.Keys.Except(["Content-Type", "Content-Length", "User-Agent"], StringComparer.OrdinalIgnoreCase).ShouldBe(names, ignoreOrder: true);
}
