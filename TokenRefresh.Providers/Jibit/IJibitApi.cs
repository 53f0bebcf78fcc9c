using Refit;

namespace TokenRefresh.Providers.Jibit;

/// <summary>The calls of Jibit's identity product, by its document 1.5.2. Answers are read by <see cref="ProviderCall"/>.</summary>
internal interface IJibitApi
{
    /// <summary>Acquires a new pair.</summary>
    [Post("/v1/tokens/generate")]
    Task<HttpResponseMessage> GenerateAsync([Body] JibitCredentials credentials, [Header("X-TRACK-ID")] string trackId, CancellationToken cancellationToken);

    /// <summary>Renews a pair; wants both tokens of it.</summary>
    [Post("/v1/tokens/refresh")]
    Task<HttpResponseMessage> RefreshAsync([Body] JibitPair pair, [Header("X-TRACK-ID")] string trackId, CancellationToken cancellationToken);

    /// <summary>The cheapest authenticated call; used to try a token.</summary>
    [Get("/v1/balances")]
    Task<HttpResponseMessage> BalancesAsync([Authorize("Bearer")] string accessToken, [Header("X-TRACK-ID")] string trackId, CancellationToken cancellationToken);
}

/// <summary>Body of <c>generate</c>.</summary>
internal sealed record JibitCredentials(string ApiKey, string SecretKey)
{
    public override string ToString() => nameof(JibitCredentials);
}

/// <summary>Body of <c>refresh</c>.</summary>
internal sealed record JibitPair(string AccessToken, string RefreshToken)
{
    public override string ToString() => nameof(JibitPair);
}
