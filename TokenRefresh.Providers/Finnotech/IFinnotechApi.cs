using System.Text.Json.Serialization;
using Refit;

namespace TokenRefresh.Providers.Finnotech;

/// <summary>The calls of Finnotech's token component, by its documents. Answers are read by <see cref="ProviderCall"/>.</summary>
internal interface IFinnotechApi
{
    /// <summary>Starts a token with the client's credentials.</summary>
    [Post("/dev/v2/oauth2/token")]
    Task<HttpResponseMessage> AcquireAsync([Body] FinnotechAcquisition body, [Authorize("Basic")] string client, CancellationToken cancellationToken);

    /// <summary>Renews a token.</summary>
    [Post("/dev/v2/oauth2/token")]
    Task<HttpResponseMessage> RenewAsync([Body] FinnotechRenewal body, [Authorize("Basic")] string client, CancellationToken cancellationToken);

    /// <summary>Revokes a token: a DELETE that has a body.</summary>
    [Delete("/dev/v2/clients/{clientId}/token")]
    Task<HttpResponseMessage> RevokeAsync(
        string clientId, [Body] FinnotechRevocation body, [Authorize("Bearer")] string accessToken, [AliasAs("trackId")] string trackId, CancellationToken cancellationToken);

    /// <summary>Lists the client's tokens; the cheapest authenticated call, used to try a token.</summary>
    [Get("/dev/v2/clients/{clientId}/tokens")]
    Task<HttpResponseMessage> ListAsync(string clientId, [Authorize("Bearer")] string accessToken, [AliasAs("trackId")] string trackId, CancellationToken cancellationToken);
}

/// <summary>Body of a client-credential acquisition; all three fields are mandatory.</summary>
/// <param name="Scopes">One text, joined by commas.</param>
internal sealed record FinnotechAcquisition(
    [property: JsonPropertyName("grant_type")] string GrantType, [property: JsonPropertyName("nid")] string NationalId, [property: JsonPropertyName("scopes")] string Scopes)
{
    public override string ToString() => nameof(FinnotechAcquisition);
}

/// <summary>Body of a renewal; what is null is not sent, because each kind of token has its own fields.</summary>
internal sealed record FinnotechRenewal(
    [property: JsonPropertyName("grant_type")] string GrantType,
    [property: JsonPropertyName("token_type")] string TokenType,
    [property: JsonPropertyName("refresh_token")] string RefreshToken)
{
    [JsonPropertyName("bank")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Bank { get; init; }

    [JsonPropertyName("deposit")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Deposit { get; init; }

    [JsonPropertyName("auth_type")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? AuthType { get; init; }

    public override string ToString() => nameof(FinnotechRenewal);
}

/// <summary>Body of a revocation.</summary>
internal sealed record FinnotechRevocation([property: JsonPropertyName("token")] string Token, [property: JsonPropertyName("token_type")] string TokenType)
{
    [JsonPropertyName("bank")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Bank { get; init; }

    [JsonPropertyName("auth_type")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? AuthType { get; init; }

    public override string ToString() => nameof(FinnotechRevocation);
}
