using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace TokenRefresh.Server.Cli.Apply;

/// <summary>A part of a YAML or JSON file, with the line where it begins.</summary>
internal abstract record FileNode(long Line)
{
    /// <summary>No file of this program is nested deeper.</summary>
    private const int Deepest = 8;

    /// <summary>One value; null where there is none.</summary>
    public sealed record Text(string? Value, long Line) : FileNode(Line);

    /// <summary>Several in a row.</summary>
    public sealed record List(IReadOnlyList<FileNode> Items, long Line) : FileNode(Line);

    /// <summary>Several by name, in the order of the file.</summary>
    public sealed record Map(IReadOnlyList<Entry> Entries, long Line) : FileNode(Line);

    /// <summary>A name with what it stands for.</summary>
    public sealed record Entry(string Key, FileNode Value, long Line);

    /// <summary>Reads one document. Anchors, aliases and tags are refused: nothing in a file stands for more than is written there.</summary>
    /// <exception cref="UsageException">It cannot be read; the message names the line and repeats nothing of it.</exception>
    public static FileNode Read(string text)
    {
        try
        {
            var parser = new Parser(new StringReader(text));
            parser.Consume<StreamStart>();
            if (parser.Accept<StreamEnd>(out _))
            {
                return new Text(null, 1);
            }

            parser.Consume<DocumentStart>();
            var root = Next(parser, 0);
            parser.Consume<DocumentEnd>();
            return parser.TryConsume<StreamEnd>(out _) ? root : throw At(parser.Current!, "a second document begins; one file has one document");
        }
        catch (YamlException error)
        {
            throw new UsageException($"line {error.Start.Line}, column {error.Start.Column}: this is neither YAML nor JSON. Text with special characters needs quotation marks.");
        }
    }

    private static FileNode Next(Parser parser, int depth)
    {
        if (depth > Deepest)
        {
            throw At(parser.Current!, "this is nested too deep");
        }

        if (!parser.TryConsume<NodeEvent>(out var found))
        {
            throw At(parser.Current!, "aliases (*name) are not supported; write the value out");
        }

        if (!found.Anchor.IsEmpty || !found.Tag.IsEmpty)
        {
            throw At(found, "anchors (&name) and tags (!name) are not supported; a value that begins with & or ! needs quotation marks");
        }

        var line = found.Start.Line;
        switch (found)
        {
            case Scalar scalar:
                return new Text(scalar is { Style: ScalarStyle.Plain, Value: "" or "~" or "null" or "Null" or "NULL" } ? null : scalar.Value, line);
            case SequenceStart:
                var items = new List<FileNode>();
                while (!parser.TryConsume<SequenceEnd>(out _))
                {
                    items.Add(Next(parser, depth + 1));
                }

                return new List(items, line);
            case MappingStart:
                return new Map(ReadEntries(parser, depth), line);
            default:
                throw At(found, "this cannot be read");
        }
    }

    private static List<Entry> ReadEntries(Parser parser, int depth)
    {
        var entries = new List<Entry>();
        var keys = new Dictionary<string, long>(StringComparer.OrdinalIgnoreCase);
        while (!parser.TryConsume<MappingEnd>(out var end))
        {
            if (Next(parser, depth + 1) is not Text { Value: { Length: > 0 } key, Line: var line })
            {
                throw At(parser.Current!, "a name must be text");
            }

            if (!keys.TryAdd(key, line))
            {
                throw new UsageException($"line {line}: '{key}' stands here and in line {keys[key]} already; names that differ in case only are the same.");
            }

            entries.Add(new(key, Next(parser, depth + 1), line));
        }

        return entries;
    }

    private static UsageException At(ParsingEvent found, string what) => new($"line {found.Start.Line}: {what}.");
}
