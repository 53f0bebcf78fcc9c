using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;

namespace TokenRefresh.Jobs;

/// <summary>
/// Words that people read, before they are put into a language: what is fixed, and the parts that stand in it. Written as an interpolated string;
/// <see cref="ToString"/> is its English, and <see cref="Language.Of"/> any other.
/// </summary>
/// <remarks>Parts may be phrases, numbers, durations, instants and names. What people or providers typed must be a part, never the fixed words.</remarks>
[InterpolatedStringHandler]
public sealed class Phrase : IEquatable<Phrase>
{
    /// <summary>Nothing.</summary>
    public static readonly Phrase Empty = "";

    private readonly StringBuilder written;
    private readonly List<object?> parts;

    /// <summary>For the compiler, which makes a phrase of an interpolated string.</summary>
    /// <param name="literalLength">Characters that are fixed.</param>
    /// <param name="formattedCount">How many parts stand in them.</param>
    public Phrase(int literalLength, int formattedCount) => (written, parts) = (new(literalLength + (3 * formattedCount)), new(formattedCount));

    private Phrase(int literalLength, int formattedCount, string kept)
        : this(literalLength, formattedCount)
    {
        KeptText = kept;
        AppendLiteral(kept);
    }

    /// <summary>What is to be read back; null for a phrase of its own.</summary>
    public string? KeptText { get; }

    /// <summary>The fixed words with <c>{0}</c>, <c>{1}</c> … for the parts, as in <see cref="CompositeFormat"/>: what a language looks up.</summary>
    public string Format => written.ToString();

    /// <summary>The parts in their order.</summary>
    public IReadOnlyList<object?> Parts => parts;

    /// <summary>True where nothing is said.</summary>
    public bool IsEmpty => written.Length == 0;

    /// <summary>Fixed words.</summary>
    public static implicit operator Phrase(string words)
    {
        var phrase = new Phrase(words.Length, 0);
        phrase.AppendLiteral(words);
        return phrase;
    }

    /// <summary>English that this program wrote or stored before, to be read back by its form: see <see cref="Language.Read"/>.</summary>
    public static Phrase Kept(string text) => new(text.Length, 0, text);

    /// <summary>For the compiler: fixed words.</summary>
    public void AppendLiteral(string words) => written.Append(words.Replace("{", "{{", StringComparison.Ordinal).Replace("}", "}}", StringComparison.Ordinal));

    /// <summary>For the compiler: a part.</summary>
    public void AppendFormatted<T>(T part) => Append(part, "");

    /// <summary>For the compiler: a part with a format of its own, such as <c>0.#</c>.</summary>
    public void AppendFormatted<T>(T part, string format) => Append(part, ":" + format);

    /// <inheritdoc />
    public override string ToString() => Language.English.Of(this);

    /// <inheritdoc />
    public bool Equals(Phrase? other) => other is not null && ToString() == other.ToString();

    /// <inheritdoc />
    public override bool Equals(object? obj) => Equals(obj as Phrase);

    /// <inheritdoc />
    public override int GetHashCode() => ToString().GetHashCode(StringComparison.Ordinal);

    private void Append(object? part, string format)
    {
        written.Append(CultureInfo.InvariantCulture, $"{{{parts.Count}{format}}}");
        parts.Add(part);
    }
}
