using System.Text.Json;
using System.Text.Json.Serialization;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Providers;

namespace TokenRefresh.Jobs.Tokens;

/// <summary>Which of a provider's two credentials got a token; in the token's metadata, so that every node knows it.</summary>
/// <param name="IsNext">True for the one that follows the present one.</param>
/// <param name="Settings">A keyed digest of the provider's settings then: with others it says nothing any more.</param>
internal sealed record TakenCredential([property: JsonPropertyName("next")] bool IsNext, [property: JsonPropertyName("settings")] string Settings)
{
    /// <summary>The keyed digest of a provider's settings now.</summary>
    public static string Of(ITokenProvider provider, SecretProtection secrets) => secrets.Fingerprint(provider.SettingsDigest);

    /// <summary>The metadata of a token that was just issued. A renewal that needed no credential leaves what the call before it has taken.</summary>
    public static string Metadata(ProviderResult.Issued issued, ConfiguredToken settings, Token token, SecretProtection secrets) => JsonSerializer.Serialize(
        new Written(issued.Token.Scopes, issued.IsByNextCredential is { } isNext ? new(isNext, Of(settings.Provider, secrets)) : settings.Provider.NextCredentials.Count > 0 ? Read(token.Metadata) : null));

    private static TakenCredential? Read(string metadata) => JsonSerializer.Deserialize<Written>(metadata)?.Credential;

    private sealed record Written(
        [property: JsonPropertyName("scopes")] IReadOnlyList<string>? Scopes,
        [property: JsonPropertyName("credential"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] TakenCredential? Credential);
}
