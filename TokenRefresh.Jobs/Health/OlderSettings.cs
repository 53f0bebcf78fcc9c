using TokenRefresh.Jobs.Persistence;

namespace TokenRefresh.Jobs.Health;

/// <summary>Says that this node works with older settings of providers and tokens than the database follows, until it is restarted.</summary>
public sealed class OlderSettings(SettingsComparison comparison, NodeName node) : IDiagnosisSource
{
    private const int Most = 5;

    /// <inheritdoc />
    public async Task<IReadOnlyList<DiagnosisReason>> ReasonsAsync(CancellationToken cancellationToken) => await comparison.NewerAsync(cancellationToken) is { } newer
        ? [new(OverallStatus.Operational, DiagnosedPart.Settings, "", InWords(node, newer), "a node works with older settings") { Remedy = "Restart it with the same settings." }]
        : [];

    /// <summary>That, as a phrase.</summary>
    public static string InWords(NodeName node, NewerSettings newer) =>
        $"node {node.Value} works with older settings of providers and tokens than {newer.Node}, which was started later{Which(newer.Keys)}";

    private static string Which(IReadOnlyList<string> keys) =>
        keys.Count == 0 ? "" : $" ({string.Join(", ", keys.Take(Most))}{(keys.Count > Most ? $" and {keys.Count - Most} more" : "")})";
}
