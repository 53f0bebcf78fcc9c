using System.Collections;
using System.Globalization;
using System.Resources;
using System.Text.RegularExpressions;

namespace TokenRefresh.Jobs;

/// <summary>A language that people read: the words of phrases, numbers and durations. English is what phrases are written in.</summary>
public sealed partial class Language
{
    /// <summary>English.</summary>
    public static readonly Language English = new("en");

    /// <summary>Persian, with the words of what this project says.</summary>
    public static readonly Language Persian = new("fa", WordsBeside("TokenRefresh.Jobs.Persian", typeof(Language)));

    // Around a name, so that its direction is its own.
    private const char Isolate = '\u2068', EndOfIsolate = '\u2069';

    private static readonly (Phrase One, TimeSpan Size)[] Units =
        [($"{0} d", TimeSpan.FromDays(1)), ($"{0} h", TimeSpan.FromHours(1)), ($"{0} min", TimeSpan.FromMinutes(1)), ($"{0} s", TimeSpan.FromSeconds(1))];

    /// <summary>A form with fewer letters of its own would be found in what others wrote.</summary>
    private const int LeastLetters = 4;

    /// <summary>A text of more pieces is not one of ours.</summary>
    private const int MostPieces = 12;

    private static readonly (string Between, string Written)[] Between = [("; ", "؛ "), (". ", ". "), (": ", ": "), (", ", "، ")];

    private readonly IReadOnlyList<ResourceManager> words;
    private readonly Lazy<IReadOnlyList<KnownForm>> forms;

    /// <param name="code">As in <c>lang</c> attributes: <c>en</c> or <c>fa</c>.</param>
    /// <param name="words">Where the words are looked up, first found; empty for English.</param>
    private Language(string code, params IReadOnlyList<ResourceManager> words) => (Code, this.words, forms) = (code, words, new(ReadForms));

    /// <summary>As in <c>lang</c> attributes.</summary>
    public string Code { get; }

    /// <summary>True where words run from right to left.</summary>
    public bool IsRightToLeft => Code == "fa";

    /// <summary>The same language with more words, which are looked up first.</summary>
    /// <param name="resource">The name of the resource.</param>
    /// <param name="beside">A type of the assembly that holds it.</param>
    public Language With(string resource, Type beside) => new(Code, [WordsBeside(resource, beside), .. words]);

    /// <summary>A phrase in this language.</summary>
    /// <param name="phrase">The phrase; where its words are unknown they stay English.</param>
    /// <param name="instant">How instants are written; null for UTC as <c>2026-11-30 09:40:00Z</c>.</param>
    /// <param name="name">How a part that is text is set apart from the words around it; null for invisible marks where the directions may differ.</param>
    public string Of(Phrase phrase, Func<DateTimeOffset, string>? instant = null, Func<string, string>? name = null)
    {
        if (phrase.KeptText is { } kept)
        {
            return Read(kept, instant, name);
        }

        if (phrase.Parts.Count == 0)
        {
            return string.Format(CultureInfo.InvariantCulture, Find(phrase.Format));
        }

        return string.Format(new Parts(this, instant, name), Find(phrase.Format), [.. phrase.Parts]);
    }

    /// <summary>
    /// English that this program wrote before, such as a message of the log or a reason that is stored with a token: read back by the forms of the
    /// phrases that are known, and written in this language. What has no known form stays as it is.
    /// </summary>
    /// <param name="text">The English.</param>
    /// <param name="instant">How instants are written; null for UTC.</param>
    /// <param name="name">How what is no word of ours is set apart; null for invisible marks.</param>
    public string Read(string text, Func<DateTimeOffset, string>? instant = null, Func<string, string>? name = null) =>
        (words.Count == 0 ? null : Known(text, instant, name)) ?? Parts.SetApart(this, text, name);

    private string? Known(string text, Func<DateTimeOffset, string>? instant, Func<string, string>? name)
    {
        if (text.Trim().Length == 0)
        {
            return text;
        }

        if (Knows(text.Replace("{", "{{", StringComparison.Ordinal).Replace("}", "}}", StringComparison.Ordinal)) is { } found)
        {
            return string.Format(CultureInfo.InvariantCulture, found);
        }

        if (Instant().IsMatch(text) && DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var at))
        {
            return instant?.Invoke(at) ?? Digits(text);
        }

        if (DateTime.TryParseExact(text, "yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture, DateTimeStyles.None, out var local))
        {
            return Digits($"{JalaliDate.Date(local)} {text[11..]}");
        }

        if (Numbers().IsMatch(text))
        {
            return Digits(text).Replace(" %", "٪", StringComparison.Ordinal);
        }

        // Too short for forms of their own: the rest must be a duration.
        if (text.StartsWith("in ", StringComparison.Ordinal) && Spans().IsMatch(text[3..]))
        {
            return string.Format(CultureInfo.InvariantCulture, Find("in {0}"), Known(text[3..], instant, name));
        }

        if (text.EndsWith(" ago", StringComparison.Ordinal) && Spans().IsMatch(text[..^4]))
        {
            return string.Format(CultureInfo.InvariantCulture, Find("{0} ago"), Known(text[..^4], instant, name));
        }

        // As short: what stands before must be words of ours, such as what set off an attempt.
        if (text.Split(", by ") is [var what, var who] && who.Length > 0 && Knows(what) is { } trigger)
        {
            return string.Format(CultureInfo.InvariantCulture, Find("{0}, by {1}"), trigger, Read(who, instant, name));
        }

        if (text.StartsWith("p95 ", StringComparison.Ordinal) && Known(text[4..], instant, name) is { } took)
        {
            return $"p95 {took}";
        }

        if (Adjectives().Match(text) is { Success: true } life)
        {
            return string.Format(CultureInfo.InvariantCulture, Find($"{{0}}-{life.Groups[2].Value}"), Digits(life.Groups[1].Value));
        }

        if (text.StartsWith("set ", StringComparison.Ordinal) && text[4..].Split(", ") is var settings && settings.All(each => Settings().IsMatch(each)))
        {
            return string.Format(CultureInfo.InvariantCulture, Find("set {0}"), string.Join("، ", settings.Select(each => Parts.SetApart(this, each, name))));
        }

        if (text.Split(" and ") is [var several, var last] && several.Split(", ") is var names && names.Append(last).All(IsName))
        {
            return string.Join("، ", names.Select(each => Parts.SetApart(this, each, name))) + $" و {Parts.SetApart(this, last, name)}";
        }

        if (Calls().Match(text) is { Success: true } call)
        {
            return string.Format(CultureInfo.InvariantCulture, Find($"{{0}} {call.Groups[2].Value}"), Digits(call.Groups[1].Value));
        }

        if (Spans().Match(text) is { Success: true } span)
        {
            return Of(new TimeSpan(Number("d"), Number("h"), Number("min"), Number("s")));

            int Number(string unit) => int.TryParse(span.Groups[unit].Value, NumberStyles.None, CultureInfo.InvariantCulture, out var count) ? count : 0;
        }

        foreach (var form in forms.Value)
        {
            if (form.Match(text) is { } parts)
            {
                return string.Format(CultureInfo.InvariantCulture, form.Written, [.. parts.Select(part => Read(part, instant, name))]);
            }
        }

        return Pieces(text, instant, name);
    }

    private static bool IsName(string word) => word.Length > 0 && word.All(sign => char.IsAsciiLetterLower(sign) || char.IsAsciiDigit(sign) || sign is '_' or '.' or '-');

    // Sentences in a row, lists, and what stands before a colon are read piece by piece where one of them is known.
    private string? Pieces(string text, Func<DateTimeOffset, string>? instant, Func<string, string>? name)
    {
        if (text[^1] == '.' && Known(text[..^1], instant, name) is { } sentence)
        {
            return sentence + ".";
        }

        foreach (var (between, written) in Between)
        {
            var pieces = between == ": " ? text.Split(between, 2) : text.Split(between);
            if (pieces.Length is > 1 and <= MostPieces && pieces.Select(piece => (Piece: piece, Known: Known(piece, instant, name))).ToList() is var read && read.Exists(piece => piece.Known is not null))
            {
                return string.Join(written, read.Select(piece => piece.Known ?? Parts.SetApart(this, piece.Piece, name)));
            }
        }

        return null;
    }

    private static ResourceManager WordsBeside(string resource, Type beside) => new(resource, beside.Assembly) { IgnoreCase = true };

    // The longest fixed words first: they tell most surely what was written.
    private List<KnownForm> ReadForms() =>
    [
        .. words.SelectMany(some => some.GetResourceSet(CultureInfo.InvariantCulture, true, false)!.Cast<DictionaryEntry>())
            .Select(entry => (Key: (string)entry.Key, Value: (string)entry.Value!))
            .Where(entry => entry.Key.Contains("{0", StringComparison.Ordinal) && Part().Replace(entry.Key, "").Count(char.IsLetter) >= LeastLetters)
            .OrderByDescending(entry => Part().Replace(entry.Key, "").Length).ThenBy(entry => entry.Key, StringComparer.Ordinal)
            .Select(entry => new KnownForm(
                [.. Part().Replace(entry.Key, "\0").Replace("{{", "{", StringComparison.Ordinal).Replace("}}", "}", StringComparison.Ordinal).Split('\0')], Part().Replace(entry.Value, "{${number}}"))),
    ];

    [GeneratedRegex(@"\{(?<number>\d)(:[^}]*)?}")]
    private static partial Regex Part();

    [GeneratedRegex(@"^\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)$")]
    private static partial Regex Instant();

    [GeneratedRegex(@"^[\d.,:/ #%×–-]*\d[\d.,:/ %]*$")]
    private static partial Regex Numbers();

    [GeneratedRegex(@"^(\d+(?:\.\d+)?) (ms|s)$")]
    private static partial Regex Calls();

    [GeneratedRegex(@"^(\d+)-(day|hour|minute|second)$")]
    private static partial Regex Adjectives();

    [GeneratedRegex(@"^\w+__\w+$")]
    private static partial Regex Settings();

    [GeneratedRegex(@"^(?=\d)((?<d>\d+) d ?)?((?<h>\d+) h ?)?((?<min>\d+) min ?)?((?<s>\d+) s)?$")]
    private static partial Regex Spans();

    /// <summary>The fixed words of a phrase in this language; the same where they are not known.</summary>
    public string Find(string format) => Knows(format) ?? format;

    /// <summary>The fixed words of a phrase in this language; null where they are not known.</summary>
    public string? Knows(string format)
    {
        foreach (var some in words)
        {
            if (some.GetString(format, CultureInfo.InvariantCulture) is { } found)
            {
                return found;
            }
        }

        return null;
    }

    /// <summary>The two largest units of a duration, as <see cref="DurationFormat.InWords"/>.</summary>
    public string Of(TimeSpan span)
    {
        if (!IsRightToLeft)
        {
            return DurationFormat.InWords(span);
        }

        if (span < TimeSpan.Zero)
        {
            return "−" + Of(-span);
        }

        var first = Array.FindIndex(Units, unit => span >= unit.Size);
        if (first < 0)
        {
            return Counted(3, 0);
        }

        var left = span - TimeSpan.FromTicks(span.Ticks / Units[first].Size.Ticks * Units[first].Size.Ticks);
        var second = first < 3 ? left.Ticks / Units[first + 1].Size.Ticks : 0;
        var large = Counted(first, span.Ticks / Units[first].Size.Ticks);
        return second == 0 ? large : string.Format(CultureInfo.InvariantCulture, Find("{0} {1}"), large, Counted(first + 1, second));
    }

    /// <summary>A number, with the digits and marks of this language.</summary>
    public string Of(IFormattable number, string? format = null) => Digits(number.ToString(format, CultureInfo.InvariantCulture));

    /// <summary>The same text with the digits of this language.</summary>
    public string Digits(string text) => !IsRightToLeft ? text : string.Create(text.Length, text, static (digits, from) =>
    {
        for (var place = 0; place < from.Length; place++)
        {
            digits[place] = from[place] switch
            {
                >= '0' and <= '9' and var digit => (char)('۰' + (digit - '0')),
                '.' when place > 0 && char.IsAsciiDigit(from[place - 1]) => '٫',
                ',' => '٬',
                var other => other,
            };
        }
    });

    private string Counted(int unit, long count) => string.Format(CultureInfo.InvariantCulture, Find(Units[unit].One.Format), Of(count));

    /// <summary>Writes the parts of a phrase.</summary>
    private sealed class Parts(Language language, Func<DateTimeOffset, string>? instant, Func<string, string>? name) : IFormatProvider, ICustomFormatter
    {
        public object? GetFormat(Type? formatType) => formatType == typeof(ICustomFormatter) ? this : null;

        public string Format(string? format, object? arg, IFormatProvider? formatProvider) => arg switch
        {
            null => "",
            Phrase phrase => language.Of(phrase, instant, name),
            TimeSpan span => language.Of(span),
            DateTimeOffset at => instant?.Invoke(at) ?? at.ToString("u", CultureInfo.InvariantCulture),
            sbyte or byte or short or ushort or int or uint or long or ulong or float or double or decimal => language.Of((IFormattable)arg, format),
            _ => SetApart(language, arg is IFormattable value ? value.ToString(format, CultureInfo.InvariantCulture) : $"{arg}", name),
        };

        public static string SetApart(Language language, string text, Func<string, string>? name) =>
            name is not null ? name(text) : language.IsRightToLeft && text.Length > 0 ? $"{Isolate}{text}{EndOfIsolate}" : text;
    }
}
