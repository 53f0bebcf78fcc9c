namespace TokenRefresh.Jobs.Tokens;

/// <summary>Error codes in a few words, for pages, messages and verbs; the code itself stays what programs read.</summary>
public static class FailureWords
{
    /// <summary>The words of a stored error code, or of the cause of an incident.</summary>
    public static string InWords(string code) => code switch
    {
        "provider_down" => "provider unreachable",
        "rate_limited" => "rate limited",
        "credential_rejected" => "credentials refused",
        "grant_revoked" => "grant revoked",
        "invalid_response" => "invalid response",
        "configuration" => "wrong configuration",
        "abandoned" => "attempt interrupted",
        "internal" => "internal error",
        "expires_soon" => "expires soon",
        "expired" => "expired",
        "not_imported" => "not imported yet",
        "overdue" => "refresh overdue",
        _ => code.Replace('_', ' '),
    };
}
