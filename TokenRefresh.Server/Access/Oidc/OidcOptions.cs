using Microsoft.Extensions.Options;
using TokenRefresh.Providers.Settings;

namespace TokenRefresh.Server.Access.Oidc;

/// <summary>Sign-in by the company's own OpenID Connect identity provider beside passwords, bound from <c>Access:Oidc</c>.</summary>
internal sealed class OidcOptions
{
    public const string Section = "Access:Oidc";

    /// <summary>
    /// The identity provider's issuer address, below which it answers <c>/.well-known/openid-configuration</c>: https, or http in Development and on this
    /// machine. Empty (default): people sign in by password only.
    /// </summary>
    [WebAddress]
    public string Authority { get; set; } = "";

    /// <summary>The id under which this server is registered there. Required with <see cref="Authority"/>. Default: empty.</summary>
    public string ClientId { get; set; } = "";

    /// <summary>The secret of that registration. Empty (default): a public client, which proves itself by PKCE alone.</summary>
    [SecretSetting]
    public string ClientSecret { get; set; } = "";

    /// <summary>The claim of the ID token or of the userinfo answer whose values decide the role. Default: <c>roles</c>.</summary>
    [ClaimName]
    public string RoleClaim { get; set; } = "roles";

    /// <summary>
    /// Which values of that claim give which role, as <c>value=role</c> pairs separated by commas, such as <c>token-admins=admin,ops=operator,staff=viewer</c>. Values
    /// are compared exactly. Required with <see cref="Authority"/>. Default: empty.
    /// </summary>
    [RoleMap]
    public string Roles { get; set; } = "";

    /// <summary>Whether people can sign in this way.</summary>
    public bool IsOn => Authority.Length > 0;

    /// <summary>The highest role that one of these values gives; null where none gives any.</summary>
    public Role? RoleOf(IEnumerable<string> values)
    {
        var known = RoleMapAttribute.Read(Roles);
        return values.Where(known.ContainsKey).Select(value => (Role?)known[value]).Max();
    }
}

/// <summary>The name of a claim.</summary>
internal sealed class ClaimNameAttribute() : AllowedAttribute("the name of a claim, such as roles or groups")
{
    public override bool IsValid(object? value) => value is string { Length: > 0 } text && !text.Any(char.IsControl);
}

/// <summary>Pairs of a claim's value and the role that it gives, or nothing.</summary>
internal sealed class RoleMapAttribute() : AllowedAttribute("value=role pairs separated by commas, each value once, with the roles viewer, operator and admin, such as token-admins=admin,ops=operator")
{
    public override bool IsValid(object? value) => value is string text
        && Split(text) is var pairs && pairs.TrueForAll(pair => pair is { Value.Length: > 0, Role: not null }) && pairs.DistinctBy(pair => pair.Value).Count() == pairs.Count;

    /// <summary>The roles of a valid text by the value that gives them.</summary>
    public static Dictionary<string, Role> Read(string text) => Split(text).ToDictionary(pair => pair.Value, pair => pair.Role!.Value, StringComparer.Ordinal);

    // A value may contain an equals sign, as names of directory groups do; a role does not.
    private static List<(string Value, Role? Role)> Split(string text) => text.Length == 0 ? [] : [.. text.Split(',').Select(pair => pair.LastIndexOf('=') is >= 0 and var at
        ? (pair[..at].Trim(), Named(pair[(at + 1)..].Trim()))
        : (pair, (Role?)null))];

    // By name alone: the framework would also read the number of a role.
    private static Role? Named(string name) => Enum.GetNames<Role>().Contains(name, StringComparer.OrdinalIgnoreCase) ? Enum.Parse<Role>(name, ignoreCase: true) : null;
}

/// <summary>What an identity provider needs once one is named.</summary>
internal sealed class OidcRules(IHostEnvironment environment) : IValidateOptions<OidcOptions>
{
    public ValidateOptionsResult Validate(string? name, OidcOptions options) =>
        options.IsOn && Wrong(options).ToList() is { Count: > 0 } wrong ? ValidateOptionsResult.Fail(wrong) : ValidateOptionsResult.Success;

    private IEnumerable<string> Wrong(OidcOptions options)
    {
        if (!environment.IsDevelopment() && Uri.TryCreate(options.Authority, UriKind.Absolute, out var authority) && authority.Scheme == Uri.UriSchemeHttp && !authority.IsLoopback)
        {
            yield return $"Access__Oidc__Authority = '{options.Authority}' is not allowed: an https address; http only in Development, or for an identity provider on this machine.";
        }

        if (options.ClientId.Length == 0)
        {
            yield return "Access__Oidc__ClientId = '' is not allowed: with Access__Oidc__Authority set, the id under which this server is registered at the identity provider.";
        }

        if (options.Roles.Length == 0)
        {
            yield return $"Access__Oidc__Roles = '' is not allowed: with Access__Oidc__Authority set, {new RoleMapAttribute().FormatErrorMessage("")}; without one, no one could sign in.";
        }
    }
}
