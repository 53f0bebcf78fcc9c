namespace TokenRefresh.Providers.Client;

/// <summary>The server that a program gets its tokens from, and the client key.</summary>
public sealed class TokenRefreshClientOptions
{
    /// <summary>The server's address, for example <c>http://tokens.internal:5080</c>.</summary>
    public required Uri Server { get; set; }

    /// <summary>The program's client key (<c>trk_…</c>), as <c>clients add</c> printed it.</summary>
    public required string Key { get; set; }

    /// <summary>A held token with less time left than this is requested again. Default 30 seconds.</summary>
    public TimeSpan EarlyBy { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>Time limit of one call to the server, and of one wait for a replacement. Default 15 seconds; the server itself waits up to 10 for a refresh.</summary>
    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>A token whose replacement was refused too is not reported again for this long. Default one minute.</summary>
    public TimeSpan ReportsApart { get; set; } = TimeSpan.FromMinutes(1);
}
