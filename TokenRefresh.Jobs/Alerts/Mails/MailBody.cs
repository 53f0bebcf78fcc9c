using System.Net;
using System.Text;

namespace TokenRefresh.Jobs.Alerts.Mails;

/// <summary>A mail as it is sent: one content, written twice.</summary>
public sealed record MailText(string Subject, string Text, string Html);

/// <summary>A part of a mail.</summary>
internal abstract record Block
{
    private Block()
    {
    }

    /// <summary>The same in another language.</summary>
    public abstract Block Read(Func<string, string> read);

    public sealed record Paragraph(string Words) : Block
    {
        public override Block Read(Func<string, string> read) => new Paragraph(read(Words));
    }

    public sealed record Heading(string Words) : Block
    {
        public override Block Read(Func<string, string> read) => new Heading(read(Words));
    }

    public sealed record Facts(IReadOnlyList<(string Label, string Value)> Rows) : Block
    {
        public override Block Read(Func<string, string> read) => new Facts([.. Rows.Select(row => (read(row.Label), read(row.Value)))]);
    }

    public sealed record Table(IReadOnlyList<string> Headings, IReadOnlyList<IReadOnlyList<string>> Rows) : Block
    {
        public override Block Read(Func<string, string> read) => new Table([.. Headings.Select(read)], [.. Rows.Select(row => (IReadOnlyList<string>)[.. row.Select(read)])]);
    }

    public sealed record Steps(IReadOnlyList<string> Words) : Block
    {
        public override Block Read(Func<string, string> read) => new Steps([.. Words.Select(read)]);
    }

    public sealed record Links(IReadOnlyList<(string Words, string Address)> Rows) : Block
    {
        public override Block Read(Func<string, string> read) => new Links([.. Rows.Select(row => (read(row.Words), row.Address))]);
    }
}

/// <summary>Writes the parts of a mail as text and as HTML. Everything that is not ours is written as plain text, whatever characters it contains.</summary>
internal sealed class MailBody
{
    private const string Style =
        "body{font:15px/1.5 system-ui,-apple-system,'Segoe UI',Tahoma,sans-serif;max-width:44em;margin:1em}h2{font-size:1em;margin:1.5em 0 .3em}"
        + "table{border-collapse:collapse}th,td{text-align:start;vertical-align:top;padding:3px 16px 3px 0}th{font-weight:normal;opacity:.7;white-space:nowrap}"
        + "td{border-bottom:1px solid #8884}.facts td{border:0}";

    private readonly List<Block> blocks = [];

    public MailBody Say(string words) => Add(new Block.Paragraph(words));

    public MailBody Head(string words) => Add(new Block.Heading(words));

    public MailBody Facts(params IEnumerable<(string Label, string? Value)> rows) =>
        Add(new Block.Facts([.. rows.Where(row => !string.IsNullOrEmpty(row.Value)).Select(row => (row.Label, row.Value!))]));

    public MailBody Table(IReadOnlyList<string> headings, IEnumerable<IReadOnlyList<string>> rows) => Add(new Block.Table(headings, [.. rows]));

    public MailBody Steps(params IEnumerable<string> words) => Add(new Block.Steps([.. words]));

    /// <summary>Links to the panel; without its public address, what to set instead.</summary>
    public MailBody Links(params IEnumerable<(string Words, string? Address)> rows) =>
        rows.Where(row => row.Address is not null).Select(row => (row.Words, row.Address!)).ToList() is { Count: > 0 } links
            ? Add(new Block.Links(links))
            : Say($"This message carries no link: {IncidentLinks.HowToHaveThem}.");

    /// <param name="zone">The zone of all times in it, named at its end.</param>
    /// <param name="of">The language; what has no known form in it stays English.</param>
    public MailText Write(string subject, TimeZoneInfo zone, MailLanguage of)
    {
        Say($"Times are in {zone.Id}.");
        var language = of == MailLanguage.Persian ? Language.Persian : Language.English;

        // Instants stand in UTC in what the log and the providers say: all times of a mail are in its one zone.
        string At(DateTimeOffset instant) => MailTimeFormat.At(instant, zone, language);
        string Named(string name) => ZonedTime.Words(name, At);
        string Read(string words) => language.Read(words, At, Named);
        var read = blocks.ConvertAll(block => block.Read(Read));
        blocks.Clear();
        blocks.AddRange(read);
        subject = Read(subject);
        return new(Clean(subject), Text(language), Html(Clean(subject), language));
    }

    // A line break would begin a new header, or a line that seems ours; direction marks would reorder our text.
    private static string Clean(string words) => new([.. words.Select(sign => char.IsControl(sign) ? ' ' : sign)
        .Where(sign => sign is not ('\u200e' or '\u200f' or (>= '\u202a' and <= '\u202e') or (>= '\u2066' and <= '\u2069')))]);

    private MailBody Add(Block block)
    {
        blocks.Add(block);
        return this;
    }

    private string Text(Language language)
    {
        var text = new StringBuilder();
        foreach (var block in blocks)
        {
            foreach (var line in Lines(block, language))
            {
                text.Append(Clean(line).TrimEnd()).Append('\n');
            }

            text.Append('\n');
        }

        return text.ToString().TrimEnd() + "\n";
    }

    private static IEnumerable<string> Lines(Block block, Language language) => block switch
    {
        Block.Paragraph paragraph => [paragraph.Words],
        Block.Heading heading => [heading.Words.ToUpperInvariant()],
        Block.Facts facts => Columns([.. facts.Rows.Select(row => (IReadOnlyList<string>)[row.Label, row.Value])]),
        Block.Table table => Columns([table.Headings, .. table.Rows]),
        Block.Steps steps => steps.Words.Select((words, at) => $"{language.Of(at + 1)}. {words}"),
        Block.Links links => links.Rows.Select(row => $"{row.Words}: {row.Address}"),
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    private static IEnumerable<string> Columns(IReadOnlyList<IReadOnlyList<string>> rows)
    {
        var widths = Enumerable.Range(0, rows[0].Count).Select(at => rows.Max(row => row[at].Length)).ToList();
        return rows.Select(row => string.Join("  ", row.Select((cell, at) => at == row.Count - 1 ? cell : cell.PadRight(widths[at]))));
    }

    private string Html(string title, Language language)
    {
        var html = new StringBuilder($"<!doctype html>\n<html lang=\"{language.Code}\"{(language.IsRightToLeft ? " dir=\"rtl\"" : "")}><head><meta charset=\"utf-8\"><meta name=\"color-scheme\" content=\"light dark\"><title>{Safe(title)}</title><style>{Style}</style></head>\n<body>\n");
        foreach (var block in blocks)
        {
            html.Append(block switch
            {
                Block.Paragraph paragraph => $"<p dir=\"auto\">{Safe(paragraph.Words)}</p>",
                Block.Heading heading => $"<h2>{Safe(heading.Words)}</h2>",
                Block.Facts facts => $"<table class=\"facts\">{string.Concat(facts.Rows.Select(row => $"\n<tr><th>{Safe(row.Label)}</th><td dir=\"auto\">{Safe(row.Value)}</td></tr>"))}\n</table>",
                Block.Table table => $"<table>{Row("th", table.Headings)}{string.Concat(table.Rows.Select(row => Row("td", row)))}\n</table>",
                Block.Steps steps => $"<ol{(language.IsRightToLeft ? " style=\"list-style-type:persian\"" : "")}>{string.Concat(steps.Words.Select(words => $"<li>{Safe(words)}</li>"))}</ol>",
                Block.Links links => $"<p>{string.Join(" · ", links.Rows.Select(row => $"<a href=\"{Safe(row.Address)}\">{Safe(row.Words)}</a>"))}</p>",
                _ => throw new System.Diagnostics.UnreachableException(),
            }).Append('\n');
        }

        return html.Append("</body></html>\n").ToString();
    }

    private static string Row(string tag, IReadOnlyList<string> cells) => $"\n<tr>{string.Concat(cells.Select(cell => $"<{tag} dir=\"auto\">{Safe(cell)}</{tag}>"))}</tr>";

    private static string Safe(string text) => WebUtility.HtmlEncode(Clean(text));
}
