using TokenRefresh.Providers.Settings;

namespace TokenRefresh.Providers.Jibit;

/// <summary>Settings of a provider of type Jibit (identity), bound from <c>Providers:NAME</c>.</summary>
public sealed class JibitOptions : DocumentedProviderOptions
{
    /// <summary>The key that Jibit has given to the application.</summary>
    [SecretSetting]
    public string ApiKey { get; set; } = "";

    /// <summary>Its secret.</summary>
    [SecretSetting]
    public string SecretKey { get; set; } = "";

    /// <summary>The key that is about to replace <see cref="ApiKey"/>: each is tried when the other is refused. Default: the present one.</summary>
    [SecretSetting]
    public string NextApiKey { get; set; } = "";

    /// <summary>The secret that is about to replace <see cref="SecretKey"/>. Default: the present one.</summary>
    [SecretSetting]
    public string NextSecretKey { get; set; } = "";

    internal override string DocumentedBaseUrl => "https://napi.jibit.ir/ide";

    internal override IEnumerable<(string Setting, string Value)> Required => [(nameof(ApiKey), ApiKey), (nameof(SecretKey), SecretKey)];

    internal override ClientCredential Credential => new(ApiKey, SecretKey, nameof(ApiKey), nameof(SecretKey));

    internal override ClientCredential? NextCredential => Further.ToList() is { Count: > 0 } next
        ? new(NextApiKey.Length > 0 ? NextApiKey : ApiKey, NextSecretKey.Length > 0 ? NextSecretKey : SecretKey, [.. next.Select(setting => setting.Setting)])
        : null;

    internal override IEnumerable<(string Setting, string Value)> Further =>
        new (string Setting, string Value)[] { (nameof(NextApiKey), NextApiKey), (nameof(NextSecretKey), NextSecretKey) }.Where(setting => setting.Value.Length > 0);
}
