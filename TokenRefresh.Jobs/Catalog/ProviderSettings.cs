using System.Text.Json;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Providers;

namespace TokenRefresh.Jobs.Catalog;

/// <summary>The settings of a managed provider by name, those that are secret apart from those that are not.</summary>
internal sealed record ProviderSettings(SortedDictionary<string, string> Plain, SortedDictionary<string, string> Secret)
{
    /// <summary>All together, as a provider is made of them.</summary>
    public IReadOnlyDictionary<string, string> All => Plain.Concat(Secret).ToDictionary(StringComparer.OrdinalIgnoreCase);

    /// <summary>None.</summary>
    public static ProviderSettings None => new(new(StringComparer.Ordinal), new(StringComparer.Ordinal));

    /// <summary>What a row holds.</summary>
    /// <exception cref="System.Security.Cryptography.CryptographicException">Its secrets were sealed for another row or with a key that is not there.</exception>
    public static ProviderSettings Of(ProviderRow row, SecretProtection secrets) => new(
        Read(row.Settings), row.Secrets is null ? new(StringComparer.Ordinal) : Read(secrets.OpenProvider(row.Name, row.Secrets)));

    /// <summary>These with changes: a value that is null or empty takes a setting away.</summary>
    public ProviderSettings With(ProviderType type, IEnumerable<KeyValuePair<string, string?>> changes)
    {
        var changed = new ProviderSettings(new(Plain, StringComparer.Ordinal), new(Secret, StringComparer.Ordinal));
        foreach (var (spelled, value) in changes)
        {
            var setting = type.Setting(spelled);
            var name = setting?.Name ?? ProvidersRegistration.RenewalKeys.FirstOrDefault(key => key.Equals(spelled, StringComparison.OrdinalIgnoreCase)) ?? spelled;
            var part = setting?.IsSecret == true ? changed.Secret : changed.Plain;
            if (string.IsNullOrEmpty(value))
            {
                part.Remove(name);
            }
            else
            {
                part[name] = value;
            }
        }

        return changed;
    }

    /// <summary>What makes the credential that follows the present one: null for each setting that is taken away. Empty where none follows.</summary>
    public IReadOnlyDictionary<string, string?> Succession(ProviderType type) => type.Successions
        .Where(pair => Secret.ContainsKey(pair.Next.Name))
        .SelectMany(pair => new[] { KeyValuePair.Create(pair.Present.Name, (string?)Secret[pair.Next.Name]), KeyValuePair.Create(pair.Next.Name, (string?)null) })
        .ToDictionary(StringComparer.Ordinal);

    /// <summary>As the row stores those that are not secret.</summary>
    public string PlainJson => JsonSerializer.Serialize(Plain);

    /// <summary>As the row stores the secrets; null where there are none.</summary>
    public string? Seal(string provider, SecretProtection secrets) => Secret.Count == 0 ? null : secrets.SealProvider(provider, JsonSerializer.Serialize(Secret));

    /// <summary>True where both hold the same.</summary>
    public bool Equals(ProviderSettings? other) => other is not null && Plain.SequenceEqual(other.Plain) && Secret.SequenceEqual(other.Secret);

    /// <inheritdoc />
    public override int GetHashCode() => PlainJson.GetHashCode(StringComparison.Ordinal);

    /// <summary>Says how many there are, and nothing that they hold.</summary>
    public override string ToString() => $"{nameof(ProviderSettings)} {{ {Plain.Count} and {Secret.Count} secret }}";

    private static SortedDictionary<string, string> Read(string json) => new(JsonSerializer.Deserialize<Dictionary<string, string>>(json)!, StringComparer.Ordinal);
}
