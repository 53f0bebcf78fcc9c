using System.Text.RegularExpressions;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using TokenRefresh.Providers;
using TokenRefresh.Providers.Settings;

namespace TokenRefresh.Jobs.Tokens;

/// <summary>One token as the settings describe it, bound from <c>Tokens:NAME</c>.</summary>
public sealed class TokenSettings
{
    /// <summary>The configuration section that holds the tokens by name.</summary>
    public const string Section = "Tokens";

    /// <summary>The provider's configured name, in any case.</summary>
    public string Provider { get; set; } = "";

    /// <summary>The scopes to ask for, separated by commas; empty where the provider knows none.</summary>
    public string Scopes { get; set; } = "";

    /// <summary>How the token is started: with the provider's credentials (default), or by a person who imports it.</summary>
    public Grant Grant { get; set; } = Grant.ClientCredentials;

    /// <summary>Further parameters that the provider documents for this token, as <c>key=value</c> separated by commas, for example <c>bank=062</c>. Default: none.</summary>
    [Pairs]
    public string Parameters { get; set; } = "";
}

/// <summary>Checks what one section alone cannot: that the name can be used in an address, and that the provider exists.</summary>
internal sealed class TokenSettingsRules(IServiceProvider services) : IValidateOptions<TokenSettings>
{
    public ValidateOptionsResult Validate(string? name, TokenSettings options)
    {
        if (name is null or "")
        {
            return ValidateOptionsResult.Skip;
        }

        if (!CatalogNames.IsAllowed(name))
        {
            return ValidateOptionsResult.Fail($"Tokens__{name} is not allowed: a token name has {CatalogNames.Allowed}.");
        }

        // Asked for only here: where a provider's settings are wrong, the other sections are checked all the same.
        var providers = services.GetRequiredService<ITokenProviders>();
        return providers.Find(options.Provider) is null
            ? ValidateOptionsResult.Fail($"Tokens__{name}__Provider = '{options.Provider}' is not allowed: one of {string.Join(", ", providers.All.Select(provider => provider.Name))}.")
            : ValidateOptionsResult.Success;
    }
}

/// <summary>How tokens and providers may be called, so that a name can stand in an address.</summary>
public static partial class CatalogNames
{
    /// <summary>The rule, to follow "a name has".</summary>
    public const string Allowed = "1 to 64 characters of a-z, 0-9, '_', '-' and '.', and begins with a letter or digit";

    /// <summary>True for such a name.</summary>
    public static bool IsAllowed(string name) => Rule().IsMatch(name);

    [GeneratedRegex(@"^[a-z0-9][a-z0-9_.-]{0,63}\z")]
    private static partial Regex Rule();
}
