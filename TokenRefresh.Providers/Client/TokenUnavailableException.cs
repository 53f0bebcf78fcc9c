namespace TokenRefresh.Providers.Client;

/// <summary>There is no valid token to send a request with. A request is never sent without one.</summary>
/// <param name="code">The server's stable word, such as <c>provider_down</c> or <c>needs_reauthorization</c>; <c>server_unreachable</c> where it did not answer.</param>
/// <param name="retryAfter">When asking again can help, where the server said so.</param>
public sealed class TokenUnavailableException(string token, string code, string reason, TimeSpan? retryAfter, Exception? inner = null)
    : HttpRequestException($"There is no valid token {token}: {code}. {reason}", inner)
{
    /// <summary>The token's name.</summary>
    public string Token => token;

    /// <summary>The server's stable word.</summary>
    public string Code => code;

    /// <summary>When to retry; null if unknown.</summary>
    public TimeSpan? RetryAfter => retryAfter;
}
