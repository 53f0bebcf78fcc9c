using System.Text.Encodings.Web;
using System.Text.Unicode;

namespace TokenRefresh.Server.Pages;

/// <summary>The one encoder of all pages: letters of every language stay letters. As numbers they would make a Persian page twice as large.</summary>
internal static class PageEncoder
{
    /// <summary>The encoder.</summary>
    public static HtmlEncoder Html { get; } = HtmlEncoder.Create(Letters());

    // Controls and surrogates are encoded in any case. What turns the text after it around is, too, so that a page's source reads as it is; what sets a name apart stays.
    private static TextEncoderSettings Letters()
    {
        var letters = new TextEncoderSettings(UnicodeRanges.All);
        letters.ForbidCharacters([.. "\u202a\u202b\u202c\u202d\u202e\ufeff"]);
        return letters;
    }
}
