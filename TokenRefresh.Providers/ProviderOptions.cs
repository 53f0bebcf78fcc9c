using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Options;
using TokenRefresh.Providers.Settings;

namespace TokenRefresh.Providers;

/// <summary>What the settings of every provider share, bound from <c>Providers:NAME</c>.</summary>
public abstract class ProviderOptions
{
    /// <summary>The configuration section that holds the providers by name.</summary>
    public const string Section = "Providers";

    /// <summary>False: no calls are made. Default true.</summary>
    public bool Enabled { get; set; } = true;

    /// <summary>The maximum of <see cref="Timeout"/>.</summary>
    public static readonly TimeSpan LongestTimeout = TimeSpan.FromMinutes(2);

    /// <summary>The time limit of one call. Default 30 seconds.</summary>
    [SpanBetween("00:00:01", "00:02:00")]
    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>The most calls in flight at once from one node. Default: the general limit.</summary>
    [Between(1, 1000)]
    public int? MaxConcurrency { get; set; }

    /// <summary>The address that token calls go to, without a slash at its end; null where it is not set.</summary>
    internal abstract Uri? Address { get; }

    /// <summary>The required settings, with empty text for the missing ones.</summary>
    internal abstract IEnumerable<(string Setting, string Value)> Required { get; }

    /// <summary>What the client proves itself with.</summary>
    internal abstract ClientCredential Credential { get; }

    /// <summary>What is about to replace it; null where nothing is.</summary>
    internal virtual ClientCredential? NextCredential => null;

    /// <summary>What is wrong with settings that are right one by one, beginning with the setting's name; null for nothing.</summary>
    internal virtual string? Complaint => null;

    /// <summary>Other settings whose change may resolve a refusal.</summary>
    internal virtual IEnumerable<(string Setting, string Value)> Further => [];

    /// <summary>Identifies a set of address and credentials without revealing them.</summary>
    internal byte[] Digest() => SHA256.HashData(Encoding.UTF8.GetBytes(
        string.Join('\n', Required.Concat(Further).Select(setting => $"{setting.Setting}={setting.Value.Length}:{setting.Value}").Prepend(Address?.AbsoluteUri ?? ""))));
}

/// <summary>Refuses settings that do not go together, at start like any other.</summary>
internal sealed class ProviderComplaints<TOptions>(string name, string spelledName) : IValidateOptions<TOptions>
    where TOptions : ProviderOptions
{
    public ValidateOptionsResult Validate(string? asked, TOptions options) =>
        asked == name && options.Complaint is { } complaint ? ValidateOptionsResult.Fail($"{ProviderOptions.Section}__{spelledName}__{complaint}") : ValidateOptionsResult.Skip;
}

/// <summary>Options of a provider that has one documented address.</summary>
public abstract class DocumentedProviderOptions : ProviderOptions
{
    /// <summary>The provider's address. Default: its documented production address.</summary>
    [WebAddress]
    public string BaseUrl { get; set; } = "";

    /// <summary>The address where <see cref="BaseUrl"/> is empty.</summary>
    internal abstract string DocumentedBaseUrl { get; }

    internal override Uri Address => new((BaseUrl.Length > 0 ? BaseUrl : DocumentedBaseUrl).TrimEnd('/'));
}
