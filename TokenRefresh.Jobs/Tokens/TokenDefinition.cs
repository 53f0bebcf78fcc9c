using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using TokenRefresh.Providers;

namespace TokenRefresh.Jobs.Tokens;

/// <summary>Something that was made at run time has a name that the settings declare otherwise.</summary>
public sealed class CatalogConflictException(string message) : Exception(message);

/// <summary>What a token is, as its row says: not how it fares.</summary>
/// <param name="Parameters">What the provider is told beside the scopes: JSON, in the order of the keys.</param>
/// <param name="Labels">What people note about it: JSON, in the order of the keys.</param>
public sealed record TokenDefinition(string Provider, Origin Origin, IReadOnlyList<string> Scopes, Grant Grant, string Parameters, string Labels)
{
    private const int TagLength = 16;

    /// <summary>The keyed hash of whom it belongs to; null where no one was named.</summary>
    public string? SubjectHash { get; init; }

    /// <summary>What a configured token is.</summary>
    public static TokenDefinition Of(ConfiguredToken token) =>
        new(token.Provider.Name, token.Origin, token.Order.Scopes, token.Order.Grant, Json(token.Order.Parameters), Json(token.Labels));

    /// <summary>Tells two definitions apart, so that a change is refused that was made of an older one.</summary>
    public string Tag => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(JsonSerializer.Serialize(this with { Parameters = Normal(Parameters), Labels = Normal(Labels) }, Tagged))))[..TagLength];

    private static readonly JsonSerializerOptions Tagged = new() { IgnoreReadOnlyProperties = true };

    /// <inheritdoc />
    public bool Equals(TokenDefinition? other) => other is not null
        && (Provider, Origin, Grant, Normal(Parameters), Normal(Labels), SubjectHash) == (other.Provider, other.Origin, other.Grant, Normal(other.Parameters), Normal(other.Labels), other.SubjectHash) && Scopes.SequenceEqual(other.Scopes);

    /// <inheritdoc />
    public override int GetHashCode() => HashCode.Combine(Provider, Origin, Grant, Scopes.Count);

    /// <summary>Pairs as they are stored.</summary>
    internal static string Json(IReadOnlyDictionary<string, string> pairs) => JsonSerializer.Serialize(new SortedDictionary<string, string>(pairs.ToDictionary(), StringComparer.Ordinal));

    /// <summary>Stored pairs.</summary>
    internal static Dictionary<string, string> Pairs(string json) => JsonSerializer.Deserialize<Dictionary<string, string>>(json)!;

    // The database stores JSON in an order and with blanks of its own.
    private static string Normal(string json) => Json(Pairs(json));
}
