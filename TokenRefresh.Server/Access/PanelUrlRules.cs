using Microsoft.Extensions.Options;
using TokenRefresh.Jobs.Alerts;

namespace TokenRefresh.Server.Access;

/// <summary>Mails link to the panel where people reach it, so the path below which that is must be in its address.</summary>
internal sealed class PanelUrlRules(IOptions<AccessOptions> access) : IValidateOptions<NotificationOptions>
{
    public ValidateOptionsResult Validate(string? name, NotificationOptions options) =>
        PathPrefix.Read(access.Value.PathBase) is not { HasValue: true } prefix || !Uri.TryCreate(options.PanelUrl, UriKind.Absolute, out var panel) || panel.AbsolutePath.TrimEnd('/') == prefix.Value
            ? ValidateOptionsResult.Success
            : ValidateOptionsResult.Fail($"{(options.PanelUrl == access.Value.PublicUrl ? "Access__PublicUrl" : "TokenRefresh__Notifications__PanelUrl")} = '{options.PanelUrl}' is not allowed: with Access__PathBase = '{access.Value.PathBase}' its path must be {prefix}, because mails link there.");
}
