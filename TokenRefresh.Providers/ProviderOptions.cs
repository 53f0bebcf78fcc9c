using System.Security.Cryptography;
using System.Text;
using TokenRefresh.Providers.Settings;

namespace TokenRefresh.Providers;

/// <summary>What the settings of every provider share, bound from <c>Providers:NAME</c>.</summary>
public abstract class ProviderOptions
{
    /// <summary>The configuration section that holds the providers by name.</summary>
    public const string Section = "Providers";

    /// <summary>The provider's address. Default: its documented production address.</summary>
    [WebAddress]
    public string BaseUrl { get; set; } = "";

    /// <summary>False makes no calls to it. Default true.</summary>
    public bool Enabled { get; set; } = true;

    /// <summary>The longest that one call may take. Default 30 seconds.</summary>
    [SpanBetween("00:00:01", "00:02:00")]
    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>The most calls in flight at once from one node. Default: the general limit.</summary>
    [Between(1, 1000)]
    public int? MaxConcurrency { get; set; }

    /// <summary>The address where <see cref="BaseUrl"/> is empty.</summary>
    internal abstract string DocumentedBaseUrl { get; }

    /// <summary>The credentials by setting, those that are missing as empty text.</summary>
    internal abstract IEnumerable<(string Setting, string Value)> Credentials { get; }

    /// <summary>The address that calls go to, without a slash at its end.</summary>
    internal Uri Address => new((BaseUrl.Length > 0 ? BaseUrl : DocumentedBaseUrl).TrimEnd('/'));

    /// <summary>Tells one set of address and credentials from another without telling them.</summary>
    internal byte[] Digest() => SHA256.HashData(Encoding.UTF8.GetBytes(
        string.Join('\n', Credentials.Select(credential => $"{credential.Setting}={credential.Value.Length}:{credential.Value}").Prepend(Address.AbsoluteUri))));
}
