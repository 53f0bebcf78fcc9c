using System.Text.RegularExpressions;

namespace TokenRefresh.Server.Sandbox.Finnotech;

/// <summary>What Finnotech documents about its requests' fields. Each check answers with the fault, naming the field, or null.</summary>
internal static partial class FinnotechRules
{
    public const string RefreshGrant = "refresh_token";

    public const int NationalIdLength = 10;

    private const string CredentialsGrant = "client_credentials";
    private const string Code = "CODE";

    public static string? FaultOfTokenRequest(SandboxBody body) => body["grant_type"] switch
    {
        _ when body.Problem is { } problem => problem,
        null or "" => "grant_type is required",
        CredentialsGrant => FaultOfFields(body, ["grant_type", "nid", "scopes"], [])
            ?? FaultOfForm(body, "nid", TenDigits(), "must have 10 digits")
            ?? FaultOfForm(body, "scopes", ScopeList(), "must be scopes of the form service:action:verb joined by commas"),
        RefreshGrant => FaultOfFields(body, ["grant_type", "token_type", "refresh_token"], ["bank", "auth_type", "deposit"])
            ?? FaultOfTokenType(body),
        _ => "grant_type is not valid",
    };

    public static string? FaultOfRevocation(SandboxBody body) => body.Problem
        ?? FaultOfFields(body, ["token", "token_type"], ["bank", "auth_type"])
        ?? FaultOfTokenType(body);

    public static string? FaultOfBank(string bank) => ThreeDigits().IsMatch(bank) ? null : "bank must have 3 digits";

    /// <summary>The document says letters and digits; its own examples have hyphens.</summary>
    [GeneratedRegex(@"^[A-Za-z0-9-]{1,40}\z")]
    public static partial Regex TrackId();

    // A grant that names the token's type or bank is undocumented for client credentials, so it is refused like any unknown field.
    private static string? FaultOfFields(SandboxBody body, string[] required, string[] optional) =>
        required.FirstOrDefault(field => string.IsNullOrWhiteSpace(body[field])) is { } missing ? $"{missing} is required"
            : body.Fields.Keys.Except(required).Except(optional).FirstOrDefault() is { } unknown ? $"{unknown} is not allowed"
            : null;

    private static string? FaultOfTokenType(SandboxBody body) => body["token_type"] switch
    {
        Code when body["auth_type"] is null && body["bank"] is null => "bank is required",
        not (FinnotechSandbox.ClientCredential or Code) => "token_type is not valid",
        _ when body["auth_type"] is not (null or "SMS") => "auth_type is not valid",
        _ when body["bank"] is { } bank => FaultOfBank(bank),
        _ => null,
    };

    private static string? FaultOfForm(SandboxBody body, string field, Regex form, string rule) =>
        form.IsMatch(body[field]!) ? null : $"{field} {rule}";

    [GeneratedRegex(@"^[0-9]{10}\z")]
    private static partial Regex TenDigits();

    [GeneratedRegex(@"^[0-9]{3}\z")]
    private static partial Regex ThreeDigits();

    [GeneratedRegex(@"^[A-Za-z0-9-]+:[A-Za-z0-9-]+:([a-z]+|\*)(,[A-Za-z0-9-]+:[A-Za-z0-9-]+:([a-z]+|\*))*\z", RegexOptions.ExplicitCapture)]
    private static partial Regex ScopeList();
}
