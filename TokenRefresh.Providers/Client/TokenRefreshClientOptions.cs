namespace TokenRefresh.Providers.Client;

/// <summary>Where a program gets its tokens, and with which key.</summary>
public sealed class TokenRefreshClientOptions
{
    /// <summary>The server's address, for example <c>http://tokens.internal:5080</c>.</summary>
    public required Uri Server { get; set; }

    /// <summary>The program's client key (<c>trk_…</c>), as <c>clients add</c> printed it.</summary>
    public required string Key { get; set; }

    /// <summary>A held token with less life left than this is asked for anew. Default 30 seconds.</summary>
    public TimeSpan EarlyBy { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>The longest that one call to the server, and one wait for a replacement, may take. Default 15 seconds; the server itself waits up to 10 for a refresh.</summary>
    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>A token whose replacement was refused too is not reported again for this long. Default one minute.</summary>
    public TimeSpan ReportsApart { get; set; } = TimeSpan.FromMinutes(1);
}
