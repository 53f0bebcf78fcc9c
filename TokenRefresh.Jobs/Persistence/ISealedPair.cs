namespace TokenRefresh.Jobs.Persistence;

/// <summary>A row that holds an encrypted pair, which is re-encrypted when keys rotate.</summary>
internal interface ISealedPair
{
    /// <summary>The token's name, by which the pair is sealed.</summary>
    string Name { get; }

    /// <summary>The sealed bearer token.</summary>
    string? AccessToken { get; }

    /// <summary>The sealed refresh token, if there was one.</summary>
    string? RefreshToken { get; }
}
