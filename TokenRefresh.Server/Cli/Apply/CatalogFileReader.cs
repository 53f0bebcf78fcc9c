using System.Text;
using System.Text.RegularExpressions;
using TokenRefresh.Jobs.Catalog;
using TokenRefresh.Providers;

namespace TokenRefresh.Server.Cli.Apply;

/// <summary>Reads what <c>apply</c> is to bring about. What is wrong is collected, so that a person sees all of it at once; no message repeats a value.</summary>
/// <param name="variable">The value of an environment variable, or null.</param>
internal sealed partial class CatalogFileReader(Func<string, string?> variable)
{
    /// <summary>Enough for a hundred thousand tokens.</summary>
    public const int LargestMegabytes = 32;

    private const string Providers = "providers", Tokens = "tokens";

    private static readonly string[] TokenFields = ["provider", "scopes", "grant", "parameters", "labels"];

    private readonly List<string> wrong = [];

    /// <summary>What could not be read, a sentence each.</summary>
    public IReadOnlyList<string> Wrong => wrong;

    /// <summary>Text of UTF-8, or of UTF-16 with its mark, as a shell of Windows writes it.</summary>
    /// <exception cref="UsageException">It is too large, or not text.</exception>
    public static async Task<string> TextAsync(Stream input, CancellationToken cancellationToken)
    {
        using var bytes = new MemoryStream();
        var buffer = new byte[64 * 1024];
        while (await input.ReadAsync(buffer, cancellationToken) is > 0 and var count)
        {
            bytes.Write(buffer, 0, count);
            if (bytes.Length > LargestMegabytes * 1024L * 1024)
            {
                throw new UsageException($"the file is larger than {LargestMegabytes} MB.");
            }
        }

        bytes.Position = 0;
        try
        {
            using var reader = new StreamReader(bytes, new UTF8Encoding(false, throwOnInvalidBytes: true));
            return await reader.ReadToEndAsync(cancellationToken);
        }
        catch (DecoderFallbackException)
        {
            throw new UsageException("the file is not text in UTF-8.");
        }
    }

    /// <summary>Reads the text of a file.</summary>
    /// <exception cref="UsageException">It is no YAML and no JSON, or empty.</exception>
    public CatalogFile Read(string text)
    {
        var root = FileNode.Read(text);
        if (root is FileNode.Text { Value: null } or FileNode.Map { Entries.Count: 0 })
        {
            throw new UsageException($"the file is empty. It needs '{Providers}:' or '{Tokens}:'.");
        }

        var providers = new List<ProviderDraft>();
        var tokens = new List<TokenDraft>();
        foreach (var section in Map(root, "the file"))
        {
            switch (section.Key.ToLowerInvariant())
            {
                case Providers:
                    providers.AddRange(Map(section.Value, Providers).Select(Provider).OfType<ProviderDraft>());
                    break;
                case Tokens:
                    tokens.AddRange(Map(section.Value, Tokens).Select(Token).OfType<TokenDraft>());
                    break;
                default:
                    Complain(section.Line, section.Key, $"is no field; a file has '{Providers}' and '{Tokens}'");
                    break;
            }
        }

        return new(providers, tokens);
    }

    private ProviderDraft? Provider(FileNode.Entry entry)
    {
        var path = $"{Providers}.{entry.Key}";
        if (entry.Value is not FileNode.Map map)
        {
            Complain(entry.Line, path, "needs its type and its settings");
            return null;
        }

        var settings = new Dictionary<string, string?>(StringComparer.OrdinalIgnoreCase);
        string? type = null;
        foreach (var setting in map.Entries)
        {
            var value = Value(setting.Value, $"{path}.{setting.Key}");
            if (setting.Key.Equals("type", StringComparison.OrdinalIgnoreCase))
            {
                type = value;
            }
            else
            {
                settings[setting.Key] = value;
            }
        }

        return new(entry.Key, type ?? entry.Key, settings);
    }

    private TokenDraft? Token(FileNode.Entry entry)
    {
        var path = $"{Tokens}.{entry.Key}";
        if (entry.Value is not FileNode.Map map)
        {
            Complain(entry.Line, path, "needs its provider");
            return null;
        }

        var (provider, grant) = ("", Grant.ClientCredentials);
        IReadOnlyList<string> scopes = [];
        IReadOnlyDictionary<string, string> parameters = new Dictionary<string, string>(), labels = parameters;
        foreach (var field in map.Entries)
        {
            var at = $"{path}.{field.Key}";
            switch (field.Key.ToLowerInvariant())
            {
                case "provider":
                    provider = Value(field.Value, at) ?? "";
                    break;
                case "scopes":
                    scopes = Scopes(field.Value, at);
                    break;
                case "grant":
                    if (Value(field.Value, at) is { } name && !Grants.TryRead(name, out grant))
                    {
                        Complain(field.Line, at, $"must be one of {Grants.Allowed}");
                    }

                    break;
                case "parameters":
                    parameters = Pairs(field.Value, at);
                    break;
                case "labels":
                    labels = Pairs(field.Value, at);
                    break;
                default:
                    Complain(field.Line, at, $"is no field; a token has {string.Join(", ", TokenFields)}");
                    break;
            }
        }

        return new(entry.Key, provider, scopes, grant, parameters, labels);
    }

    // As a list, or as the settings write it.
    private string[] Scopes(FileNode node, string path) => node is FileNode.List list
        ? [.. list.Items.Select(item => Value(item, path) ?? "")]
        : Value(node, path)?.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries) ?? [];

    private Dictionary<string, string> Pairs(FileNode node, string path) =>
        Map(node, path).ToDictionary(pair => pair.Key, pair => Value(pair.Value, $"{path}.{pair.Key}") ?? "", StringComparer.OrdinalIgnoreCase);

    private IReadOnlyList<FileNode.Entry> Map(FileNode node, string path)
    {
        if (node is FileNode.Map map)
        {
            return map.Entries;
        }

        if (node is not FileNode.Text { Value: null })
        {
            Complain(node.Line, path, "needs names with values");
        }

        return [];
    }

    private string? Value(FileNode node, string path)
    {
        if (node is FileNode.Text text)
        {
            return text.Value is null ? null : Variables().Replace(text.Value, match => Expand(match, node.Line, path));
        }

        Complain(node.Line, path, "must be text, a number, true or false");
        return null;
    }

    private string Expand(Match found, long line, string path)
    {
        if (found.Groups["escaped"].Success)
        {
            return found.Value[1..];
        }

        if (!found.Groups["name"].Success)
        {
            Complain(line, path, "needs the name of an environment variable between ${ and }; $${ stands for ${ itself");
            return "";
        }

        var name = found.Groups["name"].Value;
        if (variable(name) is { Length: > 0 } value)
        {
            return value;
        }

        Complain(line, path, $"needs the environment variable {name}, which is not set");
        return "";
    }

    private void Complain(long line, string path, string what) => wrong.Add($"line {line}: {path} {what}.");

    [GeneratedRegex(@"(?<escaped>\$\$\{)|\$\{(?:(?<name>[A-Za-z_][A-Za-z0-9_]*)\}|[^}]*\}?)")]
    private static partial Regex Variables();
}
