using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text.RegularExpressions;
using Npgsql;

namespace TokenRefresh.Server.Hosting;

/// <summary>
/// Reads where a Postgres is, as a connection string of .NET or as an address of libpq (<c>postgres://…</c>), which is what most hosting companies hand out.
/// It holds a password, so nothing here says what was wrong with which part.
/// </summary>
internal static partial class PostgresAddress
{
    /// <summary>The forms that are taken, to follow "is not allowed:".</summary>
    public const string Forms =
        "a connection string such as 'Host=db;Database=tokenrefresh;Username=…;Password=…', separated by semicolons, or an address such as "
        + "postgres://user:password@db:5432/tokenrefresh?sslmode=require, with %40 for @ and %2F for / in the password; for a JDBC address remove jdbc: and put user:password@ before the host";

    private static readonly string[] Schemes = ["postgres://", "postgresql://"];

    // Names of libpq's parameters where Npgsql has another word for the same.
    private static readonly Dictionary<string, string> Parameters = new(StringComparer.OrdinalIgnoreCase)
    {
        ["user"] = "Username", ["password"] = "Password", ["dbname"] = "Database", ["sslmode"] = "SSL Mode", ["sslrootcert"] = "Root Certificate",
        ["sslcert"] = "SSL Certificate", ["sslkey"] = "SSL Key", ["sslpassword"] = "SSL Password", ["sslnegotiation"] = "SSL Negotiation",
        ["connect_timeout"] = "Timeout", ["krbsrvname"] = "Kerberos Service Name", ["gssencmode"] = "GSS Encryption Mode", ["channel_binding"] = "Channel Binding", ["target_session_attrs"] = "Target Session Attributes",
        ["keepalives"] = "Tcp Keepalive", ["keepalives_idle"] = "Tcp Keepalive Time", ["keepalives_interval"] = "Tcp Keepalive Interval",
    };

    // They say nothing that Npgsql could do otherwise.
    private static readonly string[] Ignored = ["application_name", "fallback_application_name", "keepalives_count", "tcp_user_timeout", "sslcompression", "sslsni"];

    /// <summary>The settings of a text, or false where it is neither form.</summary>
    public static bool TryRead(string text, [NotNullWhen(true)] out NpgsqlConnectionStringBuilder? settings)
    {
        try
        {
            settings = Schemes.FirstOrDefault(scheme => text.StartsWith(scheme, StringComparison.OrdinalIgnoreCase)) is { } found
                ? FromUri(text[found.Length..])
                : new NpgsqlConnectionStringBuilder(text);
        }
        catch (Exception error) when (error is ArgumentException or FormatException or OverflowException or InvalidCastException or KeyNotFoundException or NotSupportedException or IndexOutOfRangeException)
        {
            settings = null;
        }

        if (settings is not { Host.Length: > 0 } || HoldsAnother(settings))
        {
            settings = null;
            return false;
        }

        settings.Database ??= settings.Username;
        return true;
    }

    /// <summary>The settings of a text that was checked.</summary>
    public static NpgsqlConnectionStringBuilder Read(string text) => TryRead(text, out var settings) ? settings : throw new FormatException($"That is not {Forms}.");

    /// <summary>Where it is, for people; no password. Each of several hosts has its port beside it.</summary>
    public static string InWords(NpgsqlConnectionStringBuilder settings) =>
        $"{settings.Host}{(settings.Host!.Contains(',', StringComparison.Ordinal) ? "" : $":{settings.Port}")}/{settings.Database}";

    // With blanks or commas for semicolons the first value swallows the rest, password included, and would be shown as the host or the database.
    private static bool HoldsAnother(NpgsqlConnectionStringBuilder settings) =>
        NoHost().IsMatch(settings.Host!)
        || new[] { settings.Database, settings.Username }.Any(name => name?.Contains('=', StringComparison.Ordinal) == true)
        || settings.Any(pair => !pair.Key.Contains("Password", StringComparison.OrdinalIgnoreCase) && SecretInside().IsMatch(pair.Value?.ToString() ?? ""));

    private static NpgsqlConnectionStringBuilder FromUri(string text)
    {
        var (place, query) = Cut(text, '?');
        var (authority, path) = Cut(place, '/');
        var at = authority.LastIndexOf('@');
        var (user, password) = Cut(at < 0 ? "" : authority[..at], ':');
        var settings = new NpgsqlConnectionStringBuilder();
        Set(settings, "Username", Decoded(user));
        Set(settings, "Password", Decoded(password));
        Set(settings, "Database", Decoded(path));

        var (hosts, ports) = Hosts(authority[(at + 1)..]);
        foreach (var parameter in query.Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            var (name, value) = Cut(parameter, '=');
            (name, value) = (Decoded(name), Decoded(value));
            switch (name.ToLowerInvariant())
            {
                case "host":
                    hosts = value.Split(',');
                    break;
                case "hostaddr" when hosts.Length == 0:
                    hosts = value.Split(',');
                    break;
                case "hostaddr":
                    break;
                case "port":
                    ports = value.Split(',');
                    break;
                case "ssl":
                    settings.SslMode = bool.Parse(value) ? SslMode.Require : SslMode.Disable;
                    break;
                case "load_balance_hosts":
                    settings.LoadBalanceHosts = value is "random";
                    break;
                default:
                    if (!Ignored.Contains(name, StringComparer.OrdinalIgnoreCase))
                    {
                        Set(settings, Parameters.GetValueOrDefault(name, name.Replace('_', ' ')), value);
                    }

                    break;
            }
        }

        Place(settings, hosts, ports);
        return settings;
    }

    private static (string[] Hosts, string[] Ports) Hosts(string text)
    {
        var parts = text.Split(',').Where(part => part.Length > 0).Select(part =>
        {
            var colon = part.LastIndexOf(':');
            return colon > part.LastIndexOf(']') ? (Host: Decoded(part[..colon]), Port: part[(colon + 1)..]) : (Host: Decoded(part), Port: "");
        }).ToList();
        return ([.. parts.Select(part => part.Host)], [.. parts.Select(part => part.Port)]);
    }

    private static void Place(NpgsqlConnectionStringBuilder settings, string[] hosts, string[] ports)
    {
        if (hosts.Length == 0)
        {
            hosts = ["localhost"];
        }

        var numbers = hosts.Select((_, index) => Port(ports.Length switch { 0 => "", 1 => ports[0], _ => ports[index] })).ToList();
        if (hosts is [var host])
        {
            (settings.Host, settings.Port) = (host.Trim('[', ']'), numbers[0]);
        }
        else
        {
            settings.Host = string.Join(',', hosts.Select((each, index) => $"{each}:{numbers[index]}"));
        }
    }

    private static int Port(string text) => text.Length == 0
        ? NpgsqlConnection.DefaultPort
        : int.Parse(text, NumberStyles.None, CultureInfo.InvariantCulture) is > 0 and <= 65535 and var port ? port : throw new FormatException();

    private static void Set(NpgsqlConnectionStringBuilder settings, string key, string value)
    {
        if (value.Length > 0)
        {
            settings[key] = key switch
            {
                "SSL Mode" => value.Replace("-", "", StringComparison.Ordinal),
                "Tcp Keepalive" => value != "0",
                _ => value,
            };
        }
    }

    private static (string Before, string After) Cut(string text, char at) =>
        text.IndexOf(at, StringComparison.Ordinal) is >= 0 and var index ? (text[..index], text[(index + 1)..]) : (text, "");

    private static string Decoded(string text) => BrokenEscape().IsMatch(text) ? throw new FormatException() : Uri.UnescapeDataString(text);

    // An at sign begins the name of an abstract socket, and nothing else.
    [GeneratedRegex(@"[=\s]|(?<!^)@|://")]
    private static partial Regex NoHost();

    [GeneratedRegex("%(?![0-9A-Fa-f]{2})")]
    private static partial Regex BrokenEscape();

    [GeneratedRegex(@"(password|passwd|pwd)\s*=", RegexOptions.IgnoreCase)]
    private static partial Regex SecretInside();
}
