using TokenRefresh.Providers;

namespace TokenRefresh.Jobs.Catalog;

/// <summary>A token as somebody wants it.</summary>
/// <param name="Parameters">What the provider is told beside the scopes.</param>
/// <param name="Labels">What people note about it; no secrets.</param>
public sealed record TokenDraft(
    string Name, string Provider, IReadOnlyList<string> Scopes, Grant Grant, IReadOnlyDictionary<string, string> Parameters, IReadOnlyDictionary<string, string> Labels)
{
    /// <summary>Whom it belongs to, as it was typed; null for no one. Personal data: it is stored sealed.</summary>
    public string? Subject { get; init; }

    /// <inheritdoc />
    public override string ToString() => $"{nameof(TokenDraft)} {{ {Name} }}";
}

/// <summary>Some of what a token is; what is null stays as it is.</summary>
public sealed record TokenEdit(
    IReadOnlyList<string>? Scopes = null, Grant? Grant = null, IReadOnlyDictionary<string, string>? Parameters = null, IReadOnlyDictionary<string, string>? Labels = null)
{
    /// <summary>Whom it belongs to from now on, as it was typed; empty for no one.</summary>
    public string? Subject { get; init; }

    /// <inheritdoc />
    public override string ToString() => nameof(TokenEdit);
}
