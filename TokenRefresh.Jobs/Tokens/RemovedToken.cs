namespace TokenRefresh.Jobs.Tokens;

/// <summary>
/// That a token of this name was removed. A node that still holds it must not save it back as if the database had gone back in time, and a later token of
/// the same name goes on counting where this one ended.
/// </summary>
internal sealed class RemovedToken
{
    /// <summary>The token's name.</summary>
    public string Name { get; init; } = "";

    /// <summary>The last version that was stored.</summary>
    public long Version { get; set; }

    /// <summary>When it was removed.</summary>
    public DateTimeOffset RemovedAt { get; set; }
}
