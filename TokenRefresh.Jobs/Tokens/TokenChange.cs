namespace TokenRefresh.Jobs.Tokens;

/// <summary>
/// What one event changes of a token's row: the values that its columns get, and nothing else. Made by <see cref="Token"/>, written by the token store alone.
/// Secrets in it are sealed, so it can wait on disk while the database is away.
/// </summary>
/// <param name="Token">The token's name.</param>
internal sealed record TokenChange(string Token)
{
    /// <summary>The token that takes the place of the stored one, under a new version; null where the stored one stays.</summary>
    public StoredToken? Stored { get; init; }

    /// <summary>How its refreshes fare from now on; null where that stays.</summary>
    public FailureState? Failures { get; init; }

    /// <summary>The call that the provider was asked in; null where it was not asked.</summary>
    public ProviderContact? Contact { get; init; }

    /// <summary>When a refresh was considered; null where none was.</summary>
    public DateTimeOffset? LookedAt { get; init; }

    /// <summary>True where the stored token stays and only gets a version that no other had.</summary>
    public bool IsRenumbered { get; init; }

    /// <summary>True where the change ends a refresh, so that the lease is given back.</summary>
    public bool EndsRefresh { get; init; }

    /// <summary>True where the row gets a new version.</summary>
    public bool TakesNewVersion => Stored is not null || IsRenumbered;

    /// <inheritdoc />
    public override string ToString() => $"{nameof(TokenChange)} {{ {Token} }}";
}

/// <summary>The columns of a token that is stored: the sealed pair, how long it is valid, and when it is due.</summary>
/// <param name="LastSuccessAt">When it was issued or brought here.</param>
internal sealed record StoredToken(
    string AccessToken, string? RefreshToken, DateTimeOffset? IssuedAt, DateTimeOffset? ExpiresAt, DateTimeOffset? RefreshExpiresAt,
    DateTimeOffset? RefreshDueAt, string DueReason, string Metadata, DateTimeOffset? LastSuccessAt)
{
    /// <inheritdoc />
    public override string ToString() => $"{nameof(StoredToken)} {{ expires {ExpiresAt:u} }}";
}

/// <summary>The columns that tell how a token's refreshes fare.</summary>
internal sealed record FailureState(int Count, string? Code, string? Reason, DateTimeOffset? NextAttemptAt, string? RetryJobId)
{
    /// <summary>Nothing has failed since the last success.</summary>
    public static readonly FailureState None = new(0, null, null, null, null);
}

/// <summary>The columns that tell when the provider was last asked, and with which settings.</summary>
internal sealed record ProviderContact(DateTimeOffset At, string? SettingsFingerprint);
