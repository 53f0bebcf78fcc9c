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

    internal override string DocumentedBaseUrl => "https://napi.jibit.ir/ide";

    internal override IEnumerable<(string Setting, string Value)> Required => [(nameof(ApiKey), ApiKey), (nameof(SecretKey), SecretKey)];
}
