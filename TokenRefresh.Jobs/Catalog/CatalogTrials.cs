using TokenRefresh.Providers;

namespace TokenRefresh.Jobs.Catalog;

/// <summary>Tries a provider: acquires a token and throws it away.</summary>
public static class CatalogTrials
{
    /// <summary>Null where a token was issued, and otherwise why not.</summary>
    public static async Task<ProviderFailure?> TryAsync(ITokenProvider provider, TokenOrder order, CancellationToken cancellationToken) =>
        await provider.AcquireAsync(order, cancellationToken) is ProviderResult.Failed { Failure: var failure } ? failure : null;

    /// <summary>What a provider is asked for of which no token is known.</summary>
    internal static TokenOrder Any(string provider, IReadOnlyList<string> scopes) => new(provider, scopes, Grant.ClientCredentials, new Dictionary<string, string>());
}
