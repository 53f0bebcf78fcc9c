using TokenRefresh.Providers.Settings;

namespace TokenRefresh.Server.Access;

/// <summary>Who comes first to the panel, bound from <c>Access</c>.</summary>
internal sealed class AccessOptions
{
    public const string Section = "Access";

    /// <summary>The first administrator's password (user name <c>admin</c>), at least 12 characters; used only while there is no user. Default: made once and printed.</summary>
    [SecretSetting]
    [PasswordLength]
    public string AdminPassword { get; set; } = "";
}

/// <summary>A password that is long enough, or none.</summary>
internal sealed class PasswordLengthAttribute() : AllowedAttribute($"at least {Operators.LeastPassword} characters")
{
    public override bool IsValid(object? value) => value is string text && text.Length is 0 or >= Operators.LeastPassword;
}
