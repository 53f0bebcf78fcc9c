namespace TokenRefresh.Jobs.Catalog;

/// <summary>Providers and tokens as somebody wants them to be, all together.</summary>
public sealed record CatalogFile(IReadOnlyList<ProviderDraft> Providers, IReadOnlyList<TokenDraft> Tokens);

/// <summary>A provider as somebody wants it.</summary>
/// <param name="Settings">By their names in any case, secrets included. A plain setting that is left out is taken away; a secret that is left out stays, and one that is null or empty is taken away.</param>
public sealed record ProviderDraft(string Name, string Type, IReadOnlyDictionary<string, string?> Settings);
