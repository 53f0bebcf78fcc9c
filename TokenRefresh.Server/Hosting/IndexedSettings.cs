using Microsoft.Extensions.Configuration.EnvironmentVariables;

namespace TokenRefresh.Server.Hosting;

/// <summary>
/// Settings whose children are found by an index. The library's own providers walk all keys each time a section is asked for its
/// children, so that ten thousand tokens, each asked once, were walked a hundred million times.
/// </summary>
/// <param name="name">Where they come from, in the words of <c>config check</c>.</param>
internal sealed class IndexedSettings(IReadOnlyDictionary<string, string?> pairs, string name) : ConfigurationProvider, IConfigurationSource
{
    private ILookup<string, string> children = SettingsIndex.Of([]);

    public string Name => name;

    public IConfigurationProvider Build(IConfigurationBuilder builder) => this;

    public override void Load()
    {
        Data = new Dictionary<string, string?>(pairs, StringComparer.OrdinalIgnoreCase);
        children = SettingsIndex.Of(Data.Keys);
    }

    public override IEnumerable<string> GetChildKeys(IEnumerable<string> earlierKeys, string? parentPath) => SettingsIndex.Merge(children, earlierKeys, parentPath);
}

/// <summary>The process's environment variables, indexed likewise.</summary>
internal sealed class IndexedEnvironment : EnvironmentVariablesConfigurationProvider, IConfigurationSource
{
    private ILookup<string, string> children = SettingsIndex.Of([]);

    public IConfigurationProvider Build(IConfigurationBuilder builder) => this;

    public override void Load()
    {
        base.Load();
        children = SettingsIndex.Of(Data.Keys);
    }

    public override IEnumerable<string> GetChildKeys(IEnumerable<string> earlierKeys, string? parentPath) => SettingsIndex.Merge(children, earlierKeys, parentPath);
}

/// <summary>The names below each section.</summary>
internal static class SettingsIndex
{
    public static ILookup<string, string> Of(IEnumerable<string> keys) => keys
        .SelectMany(Steps).Distinct()
        .ToLookup(step => step.Parent, step => step.Name, StringComparer.OrdinalIgnoreCase);

    public static IEnumerable<string> Merge(ILookup<string, string> children, IEnumerable<string> earlierKeys, string? parentPath) =>
        children[parentPath ?? ""].Concat(earlierKeys).Order(ConfigurationKeyComparer.Instance);

    private static IEnumerable<(string Parent, string Name)> Steps(string key)
    {
        for (var (start, end) = (0, 0); end >= 0; start = end + 1)
        {
            end = key.IndexOf(ConfigurationPath.KeyDelimiter, start, StringComparison.Ordinal);
            yield return (key[..Math.Max(0, start - 1)], end < 0 ? key[start..] : key[start..end]);
        }
    }
}
