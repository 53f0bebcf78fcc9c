using Microsoft.Extensions.Options;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Providers.Settings;

namespace TokenRefresh.Server.Hosting;

/// <summary>Where files go, bound from <c>Data</c>.</summary>
internal sealed class DataOptions
{
    public const string Section = "Data";

    /// <summary>The embedded cluster, the key file and tokens that could not be saved yet. Empty (default): <c>.data</c> in the repository root, or the platform's application-data folder when published.</summary>
    public string Directory
    {
        get => string.IsNullOrWhiteSpace(field) ? HostPaths.Current.DefaultDataDirectory : field;
        set;
    } = "";
}

/// <summary>How secrets are encrypted, bound from <c>Encryption</c>.</summary>
internal sealed class EncryptionOptions
{
    public const string Section = "Encryption";

    /// <summary>32 bytes in base64. Empty (default): a key file in the data folder, created at the first start.</summary>
    [SecretSetting]
    [Base64Key]
    public string MasterKey { get; set; } = "";
}

/// <summary>The sandbox providers, bound from <c>Sandbox</c>.</summary>
internal sealed class SandboxOptions
{
    public const string Section = "Sandbox";

    /// <summary>Default: true in Development only. Refused in Production.</summary>
    public bool? Enabled { get; set; }
}

/// <summary>The Postgres to use, bound from <c>ConnectionStrings</c>.</summary>
internal sealed class ConnectionOptions
{
    public const string Section = "ConnectionStrings";

    /// <summary>Postgres 14 or newer, as a connection string or as a <c>postgres://</c> address. Empty (default): the embedded one.</summary>
    [SecretSetting]
    [PostgresConnection]
    public string TokenRefresh { get; set; } = "";
}

/// <summary>32 bytes in base64, or empty.</summary>
internal sealed class Base64KeyAttribute() : AllowedAttribute("32 random bytes in base64, such as the output of 'openssl rand -base64 32'")
{
    public override bool IsValid(object? value) => value is string text
        && (text.Length == 0 || (Convert.TryFromBase64String(text, new byte[text.Length], out var length) && length == MasterKey.Length));
}

/// <summary>A connection string or an address that names a host, or empty.</summary>
internal sealed class PostgresConnectionAttribute() : AllowedAttribute(PostgresAddress.Forms)
{
    public override bool IsValid(object? value) => value is string text && (text.Length == 0 || PostgresAddress.TryRead(text, out _));
}

/// <summary>What Production requires and forbids.</summary>
internal sealed class ProductionRules(IHostEnvironment environment, IConfiguration configuration) : IValidateOptions<EncryptionOptions>, IValidateOptions<SandboxOptions>
{
    public ValidateOptionsResult Validate(string? name, EncryptionOptions options) =>
        environment.IsProduction() && options.MasterKey.Length == 0 && !string.IsNullOrEmpty(configuration.GetConnectionString("TokenRefresh"))
            ? ValidateOptionsResult.Fail("Encryption__MasterKey = '' is not allowed: with ConnectionStrings__TokenRefresh set in Production every node needs the same 32 bytes in base64 ('openssl rand -base64 32').")
            : ValidateOptionsResult.Success;

    public ValidateOptionsResult Validate(string? name, SandboxOptions options) =>
        environment.IsProduction() && options.Enabled == true
            ? ValidateOptionsResult.Fail("Sandbox__Enabled = 'true' is not allowed: the sandbox is for development, so false or empty in Production.")
            : ValidateOptionsResult.Success;
}
