namespace TokenRefresh.Jobs.Catalog;

/// <summary>Why a change of the catalogue was not made.</summary>
public enum CatalogRefusal
{
    /// <summary>Something that was given is not allowed.</summary>
    Invalid,

    /// <summary>There is no provider or token of that name.</summary>
    Unknown,

    /// <summary>The name is in use.</summary>
    Taken,

    /// <summary>The settings of the server declare it, so it is changed there.</summary>
    Declared,

    /// <summary>It is managed, and what was asked for is for what the settings declare.</summary>
    Managed,

    /// <summary>It was changed since it was read.</summary>
    Stale,

    /// <summary>Something else needs it, or is at it.</summary>
    InUse,

    /// <summary>The provider did not issue a token with these settings.</summary>
    RefusedByProvider,

    /// <summary>The database was lost at the end of the change, and no one knows whether it is stored.</summary>
    Unconfirmed,
}

/// <summary>What came of a change of the catalogue.</summary>
public abstract record CatalogResult
{
    private CatalogResult()
    {
    }

    /// <summary>It is stored, and in force on this node.</summary>
    /// <param name="Tag">Names the new version; to be given with the next change of it.</param>
    /// <param name="IsChanged">False where there was nothing to change.</param>
    public sealed record Done(string Tag, bool IsChanged = true) : CatalogResult;

    /// <summary>Nothing was changed.</summary>
    /// <param name="Reasons">A sentence each, with the next step; no secrets.</param>
    public sealed record Refused(CatalogRefusal Why, IReadOnlyList<string> Reasons) : CatalogResult
    {
        internal Refused(CatalogRefusal why, string reason)
            : this(why, [reason])
        {
        }
    }
}

/// <summary>How a change is to be made.</summary>
/// <param name="By">Who makes it, for the audit.</param>
/// <param name="IsUntested">True: it is not tried at the provider first.</param>
/// <param name="Tag">The version that it was made of; null for whatever is stored.</param>
public sealed record CatalogChange(string By, bool IsUntested = false, string? Tag = null)
{
    /// <summary>The scopes that a provider without tokens is asked for when it is tried; some issue nothing without one. Default: none.</summary>
    public IReadOnlyList<string> TrialScopes { get; init; } = [];
}
