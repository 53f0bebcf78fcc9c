using Microsoft.AspNetCore.Html;
using TokenRefresh.Jobs;

namespace TokenRefresh.Server.Pages;

/// <summary>The words of the panel in the language of the person who reads it.</summary>
internal sealed class PanelText(PanelPreferences preferences, TimeFormat times)
{
    /// <summary>The language.</summary>
    public Language Language => preferences.Language;

    /// <summary>A phrase as HTML: names keep their direction.</summary>
    public IHtmlContent this[Phrase phrase] => phrase is { Parts.Count: 0, KeptText: null }
        ? new HtmlString(PageEncoder.Html.Encode(Language.Of(phrase)))
        : new HtmlString(Language.Of(phrase, times.Encoded, Named));

    /// <summary>The same as plain text, for attributes and titles.</summary>
    public string Plain(Phrase phrase) => Language.Of(phrase, times.InZone, Language.IsRightToLeft ? null : times.Words);

    /// <summary>A number.</summary>
    public string Number(IFormattable number, string? format = null) => Language.Of(number, format);

    /// <summary>A percentage; a dash where there is none.</summary>
    public string Percent(double? share, string format = "0.#") => share is { } known ? Language.IsRightToLeft ? $"{Number(known, format)}٪" : $"{Number(known, format)} %" : "–";

    /// <summary>A duration.</summary>
    public string Span(TimeSpan span) => Language.Of(span);

    /// <summary>How long calls took; a dash where that is not known.</summary>
    public string Duration(double? milliseconds) => milliseconds is null ? "–" : PlainRead(DurationFormat.Measured(milliseconds));

    /// <summary>English that another part of the program or the log keeps, as HTML.</summary>
    public IHtmlContent Read(string? text) => this[Phrase.Kept(text ?? "")];

    /// <summary>The same of what was said a moment ago: instants in it are what they are.</summary>
    public IHtmlContent Said(string text) => Language.IsRightToLeft ? Read(text) : new HtmlString(PageEncoder.Html.Encode(text));

    /// <summary>The same as plain text.</summary>
    public string PlainRead(string? text) => Plain(Phrase.Kept(text ?? ""));

    // Instants stand in UTC in what is kept. Where the directions are the same, a name needs no element of its own.
    private string Named(string name) => PageEncoder.Html.Encode(times.Words(name)) is var written && !Language.IsRightToLeft && System.Text.Ascii.IsValid(name) ? written : $"<bdi>{written}</bdi>";
}
