using Microsoft.Extensions.Options;
using MimeKit;
using TokenRefresh.Providers.Settings;

namespace TokenRefresh.Jobs.Alerts;

/// <summary>The languages of mails.</summary>
public enum MailLanguage
{
    /// <summary>English.</summary>
    English,

    /// <summary>Persian.</summary>
    Persian,
}

/// <summary>Who is notified of what, bound from <c>TokenRefresh:Notifications</c>.</summary>
public sealed class NotificationOptions
{
    /// <summary>The section these settings are bound from.</summary>
    public const string Section = "TokenRefresh:Notifications";

    /// <summary>False: incidents are still stored and shown, but no one is notified. Default true.</summary>
    public bool Enabled { get; set; } = true;

    /// <summary>Recipients of mails, comma-separated. Empty (default): no one.</summary>
    [MailAddresses]
    public string Email { get; set; } = "";

    /// <summary>The language of mails: <c>English</c> (default) or <c>Persian</c>, with Jalali dates. Webhooks are for programs and stay English.</summary>
    public MailLanguage Language { get; set; }

    /// <summary>A token fails after its last retry, or at once where a retry is pointless. Default true.</summary>
    public bool OnFailure { get; set; } = true;

    /// <summary>A failing token has little time left, or has expired. Default true.</summary>
    public bool OnCritical { get; set; } = true;

    /// <summary>A reported incident is resolved. Default true.</summary>
    public bool OnRecovery { get; set; } = true;

    /// <summary>Tokens were refreshed. Default false.</summary>
    public bool OnSuccess { get; set; }

    /// <summary>A token can only be started by a person: 7, 3 and 1 days before it expires, and when nothing else is left. Default true.</summary>
    public bool OnNeedsPerson { get; set; } = true;

    /// <summary>A provider's success rate is below <see cref="HealthOptions.SuccessRateThreshold"/>. Default true.</summary>
    public bool OnLowSuccessRate { get; set; } = true;

    /// <summary>A component is stalled: no due check, no worker, no database; or a machine's clock is wrong. Default true.</summary>
    public bool OnSilence { get; set; } = true;

    /// <summary>The daily summary. Default true.</summary>
    public bool DailySummary { get; set; } = true;

    /// <summary>When it is sent. Default: every day at eight.</summary>
    [Cron]
    public string DailySummaryCron { get; set; } = "0 8 * * *";

    /// <summary>The panel's public address, for the links in messages. Empty (default): <c>Access:PublicUrl</c>; if both are empty, messages carry no links.</summary>
    [WebAddress]
    public string PanelUrl { get; set; } = "";

    /// <summary>URLs that receive each change of an incident as a signed JSON POST, comma-separated. Empty (default): none.</summary>
    [WebAddresses]
    [SecretAddress]
    public string WebhookUrls { get; set; } = "";

    /// <summary>Signs the webhooks (HMAC-SHA256); at least 16 characters, needed when <see cref="WebhookUrls"/> is set.</summary>
    [SecretSetting]
    public string WebhookSecret { get; set; } = "";

    /// <summary>Allows webhooks to loopback and private addresses. Default false.</summary>
    public bool WebhookAllowPrivate { get; set; }

    /// <summary>The addresses of <see cref="Email"/>.</summary>
    public IReadOnlyList<string> Recipients => Split(Email);

    /// <summary>The addresses of <see cref="WebhookUrls"/>.</summary>
    public IReadOnlyList<string> Webhooks => Split(WebhookUrls);

    internal static string[] Split(string text) => text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
}

/// <summary>When something is reported as a problem, bound from <c>TokenRefresh:Health</c>.</summary>
public sealed class HealthOptions
{
    /// <summary>The section these settings are bound from.</summary>
    public const string Section = "TokenRefresh:Health";

    /// <summary>When a job evaluates incidents; every node also does so every 30 seconds. Default: every 30 minutes.</summary>
    [Cron]
    public string CheckCron { get; set; } = "*/30 * * * *";

    /// <summary>A token with this many consecutive failures and no pending retry is reported even before a job's last retry. 0: only after the last retry. Default 3.</summary>
    [Between(0, 100)]
    public int AlertOnConsecutiveFailures { get; set; } = 3;

    /// <summary>A provider with a lower success rate within 24 hours, in percent, is reported once there are ten attempts. 0: never. Default 80.</summary>
    [Between(0, 100)]
    public int SuccessRateThreshold { get; set; } = 80;

    /// <summary>
    /// Called with GET each minute while scheduler, workers, database, mail and every token are well, and with <c>/fail</c> appended while they are
    /// not, as healthchecks-style services expect. Empty (default): never.
    /// </summary>
    [WebAddress]
    [SecretAddress]
    public string HeartbeatUrl { get; set; } = "";
}

/// <summary>How a connection to the mail server is secured.</summary>
public enum MailSecurity
{
    /// <summary>No encryption.</summary>
    None,

    /// <summary>STARTTLS; a server without it is not used.</summary>
    StartTls,

    /// <summary>TLS from the first byte.</summary>
    Tls,
}

/// <summary>How mails are sent, bound from <c>Email</c>.</summary>
public sealed class EmailOptions
{
    /// <summary>The section these settings are bound from.</summary>
    public const string Section = "Email";

    /// <summary>The SMTP server. Empty (default): mails are written as <c>.eml</c> files to <c>mail</c> in the data folder.</summary>
    public string Host { get; set; } = "";

    /// <summary>Its port. Default: 25 for None, 587 for StartTls, 465 for Tls.</summary>
    [Between(1, 65535)]
    public int? Port { get; set; }

    /// <summary>Default StartTls.</summary>
    public MailSecurity Security { get; set; } = MailSecurity.StartTls;

    /// <summary>The user name, if the server requires authentication; empty (default): none.</summary>
    public string Username { get; set; } = "";

    /// <summary>The password of <see cref="Username"/>.</summary>
    [SecretSetting]
    public string Password { get; set; } = "";

    /// <summary>The sender. Default <c>tokenrefresh@localhost</c>.</summary>
    [MailAddresses(atMost: 1, atLeast: 1)]
    public string From { get; set; } = "tokenrefresh@localhost";
}

/// <summary>Mail addresses separated by commas.</summary>
public sealed class MailAddressesAttribute(int atMost = 50, int atLeast = 0)
    : AllowedAttribute(atMost == 1 ? "one mail address such as ops@example.com" : $"up to {atMost} mail addresses separated by commas, such as ops@example.com")
{
    /// <inheritdoc />
    public override bool IsValid(object? value) =>
        value is string text && NotificationOptions.Split(text) is var addresses && addresses.Length >= atLeast && addresses.Length <= atMost && addresses.All(IsAddress);

    /// <summary>True for one plain address: a local part, an at sign, a host, and nothing that could end a header.</summary>
    public static bool IsAddress(string text) =>
        text.Length <= 254 && !text.Any(sign => char.IsControl(sign) || char.IsWhiteSpace(sign))
        && MailboxAddress.TryParse(text, out var mailbox) && mailbox.Address == text && text.IndexOf('@', StringComparison.Ordinal) is > 0 and var at && at < text.Length - 1;
}

/// <summary>Absolute http or https addresses separated by commas.</summary>
public sealed class WebAddressesAttribute() : AllowedAttribute("absolute http or https addresses separated by commas, such as https://chat.example.com/hook")
{
    /// <inheritdoc />
    public override bool IsValid(object? value) => value is string text && NotificationOptions.Split(text).All(new WebAddressAttribute(allowsQuery: true).IsValid);
}

/// <summary>A webhook without a signature cannot be verified.</summary>
internal sealed class WebhookRules : IValidateOptions<NotificationOptions>
{
    private const int LeastSecret = 16;

    public ValidateOptionsResult Validate(string? name, NotificationOptions options) =>
        options.Webhooks.Count > 0 && options.WebhookSecret.Length < LeastSecret
            ? ValidateOptionsResult.Fail("TokenRefresh__Notifications__WebhookSecret = (hidden) is not allowed: at least 16 characters when TokenRefresh__Notifications__WebhookUrls is set, for the signature.")
            : ValidateOptionsResult.Success;
}
