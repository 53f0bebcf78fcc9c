using TokenRefresh.Providers;

namespace TokenRefresh.Jobs.Tokens;

/// <summary>The judgement of <see cref="TokenHealth"/> in SQL, for lists and counts of more tokens than are read. Tests hold both together.</summary>
internal static class TokenStateSql
{
    /// <summary>So many parameters come first (<see cref="Parameters"/>); a statement's own are numbered from here.</summary>
    public const int OwnFrom = 6;

    /// <summary>
    /// A common table expression with what is known of the providers: {0} their names, {1} which can be called, {2} which are switched on, {3} their critical
    /// thresholds; {4} is now, {5} the codes of <see cref="RefreshEligibility.PermanentCodes"/>.
    /// </summary>
    public const string Providers = "facts AS (SELECT * FROM unnest({0}, {1}, {2}, {3}) AS fact (provider, is_callable, is_enabled, critical))";

    /// <summary>True for a row of <c>tokens</c> that can be served.</summary>
    public const string IsValid = "(tokens.access_token IS NOT NULL AND coalesce(tokens.expires_at > {4}, false))";

    /// <summary>True for a row whose token was obtained and is not valid any more.</summary>
    public const string HasExpired = "(tokens.access_token IS NOT NULL AND coalesce(tokens.expires_at <= {4}, false))";

    private const string IsLate =
        """
        coalesce({4} - coalesce(tokens.next_attempt_at, tokens.refresh_due_at)
                 > CASE WHEN (tokens.expires_at - tokens.refresh_due_at) / 2 < interval '5 minutes' THEN (tokens.expires_at - tokens.refresh_due_at) / 2 ELSE interval '5 minutes' END, false)
        """;

    /// <summary>The state of a row of <c>tokens</c>, left-joined with <c>facts</c>, as <see cref="TokenHealth.Code"/> spells it.</summary>
    public const string State =
        $$"""
          CASE
            WHEN NOT coalesce(facts.is_callable, false) AND NOT {{IsValid}} THEN 'not_configured'
            WHEN tokens.paused_at IS NOT NULL AND (tokens.paused_until IS NULL OR tokens.paused_until > {4}) THEN 'paused'
            WHEN tokens.last_error_code = ANY ({5}) THEN 'action_required'
            WHEN tokens.access_token IS NULL THEN CASE WHEN tokens."grant" = 'Imported' THEN 'action_required' WHEN tokens.last_error_code IS NULL THEN 'pending' ELSE 'expired' END
            WHEN NOT {{IsValid}} THEN CASE WHEN tokens."grant" = 'Imported' AND tokens.refresh_token IS NULL THEN 'action_required' ELSE 'expired' END
            WHEN NOT coalesce(facts.is_callable, false) AND {{IsLate}} THEN CASE WHEN coalesce(facts.is_enabled, false) THEN 'action_required' ELSE 'not_configured' END
            WHEN tokens.last_error_code IS NOT NULL THEN CASE WHEN tokens.expires_at - {4} < facts.critical THEN 'critical' ELSE 'degraded' END
            WHEN {{IsLate}} THEN 'degraded'
            ELSE 'healthy'
          END
          """;

    /// <summary>True for a row that needs attention: neither healthy, nor waiting for its first attempt or its credentials, nor paused while it is valid.</summary>
    public const string IsUnwell = $"({MayBeUnwell} AND {State} NOT IN ('healthy', 'not_configured', 'pending') AND ({State} <> 'paused' OR {HasExpired}))";

    /// <summary>Holds for every row that is not healthy, and for some that are: what the indexes find.</summary>
    public const string MayBeUnwell =
        "(tokens.access_token IS NULL OR tokens.last_error_code IS NOT NULL OR tokens.paused_at IS NOT NULL OR (tokens.provider = ANY ({0}) AND tokens.expires_at <= {4}) OR (tokens.provider = ANY ({0}) AND tokens.refresh_due_at < {4}))";

    /// <summary>The parameters.</summary>
    public static IEnumerable<object> Parameters(IReadOnlyList<ITokenProvider> providers, Func<ITokenProvider, TimeSpan> critical, DateTimeOffset now) =>
    [
        providers.Select(provider => provider.Name).ToArray(), providers.Select(provider => provider.IsCallable).ToArray(), providers.Select(provider => provider.IsEnabled).ToArray(),
        providers.Select(critical).ToArray(), now, RefreshEligibility.PermanentCodes,
    ];
}
