using System.Text.Encodings.Web;
using Microsoft.AspNetCore.Html;
using Microsoft.AspNetCore.Mvc.Rendering;
using Microsoft.AspNetCore.Mvc.ViewFeatures;
using Microsoft.AspNetCore.Razor.TagHelpers;

namespace TokenRefresh.Server.Pages;

/// <summary>
/// Puts the path below which people reach this server before every address of a page. Pages write addresses as this server knows them, such as
/// <c>/access/tokens</c>; they need not think of it.
/// </summary>
[HtmlTargetElement("a", Attributes = "href")]
[HtmlTargetElement("area", Attributes = "href", TagStructure = TagStructure.WithoutEndTag)]
[HtmlTargetElement("link", Attributes = "href", TagStructure = TagStructure.WithoutEndTag)]
[HtmlTargetElement("script", Attributes = "src")]
[HtmlTargetElement("iframe", Attributes = "src")]
[HtmlTargetElement("img", Attributes = "src", TagStructure = TagStructure.WithoutEndTag)]
[HtmlTargetElement("form", Attributes = "action")]
[HtmlTargetElement("button", Attributes = "formaction")]
[HtmlTargetElement("input", Attributes = "formaction", TagStructure = TagStructure.WithoutEndTag)]
[HtmlTargetElement("*", Attributes = "data-renew")]
[HtmlTargetElement("*", Attributes = "data-events")]
public sealed class PrefixedAddresses(HtmlEncoder encoder) : TagHelper
{
    private static readonly string[] Names = ["href", "src", "action", "formaction", "data-renew", "data-events"];

    /// <summary>The page.</summary>
    [ViewContext]
    [HtmlAttributeNotBound]
    public ViewContext ViewContext { get; set; } = null!;

    /// <inheritdoc />
    public override void Process(TagHelperContext context, TagHelperOutput output)
    {
        if (ViewContext.HttpContext.Request.PathBase is not { HasValue: true } prefix)
        {
            return;
        }

        foreach (var name in Names)
        {
            if (output.Attributes.TryGetAttribute(name, out var attribute) && Text(attribute.Value) is { } text && (text == "/" || text is ['/', not '/', ..]))
            {
                output.Attributes.SetAttribute(new TagHelperAttribute(attribute.Name, new HtmlString(prefix.ToUriComponent() + text), attribute.ValueStyle));
            }
        }
    }

    // Encoded already where the page has it as HTML.
    private string? Text(object? value)
    {
        switch (value)
        {
            case HtmlString html:
                return html.Value;
            case IHtmlContent content:
                using (var text = new StringWriter())
                {
                    content.WriteTo(text, encoder);
                    return text.ToString();
                }

            default:
                return value is null ? null : encoder.Encode($"{value}");
        }
    }
}
