using System.Text.Json;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Mvc.RazorPages;
using Microsoft.AspNetCore.Mvc.ViewFeatures;
using TokenRefresh.Server.Access;

namespace TokenRefresh.Server.Pages;

/// <summary>What the pages of the panel share: who is there, and how an action's outcome is told on the page after it.</summary>
internal abstract class PanelPage : PageModel
{
    private const int LongestText = 600, LongestOfOne = 200;

    /// <summary>Characters as they are packed into the cookie; sealed they are half as many again, and proxies pass 4 KB of headers on.</summary>
    private const int MostPacked = 1500;

    /// <summary>As the log and the audit name the person.</summary>
    protected string Actor => $"user:{User.Identity!.Name}";

    public bool May(Role role) => User.IsInRole(role.ToString());

    /// <summary>Tells the outcome on the page that the browser goes to next, so that a reload repeats nothing.</summary>
    protected LocalRedirectResult Tell(Said said, string? to = null)
    {
        TempData[nameof(Said)] = JsonSerializer.Serialize(Shortened(said));
        return LocalRedirect(to is not null && Url.IsLocalUrl(to) ? to : $"{Request.Path}{Request.QueryString}");
    }

    /// <summary>What the request before this one has told; null where it told nothing.</summary>
    public static Said? Told(ITempDataDictionary told) => told[nameof(Said)] is string text ? JsonSerializer.Deserialize<Said>(text) : null;

    // It travels in a cookie, and neither browsers nor proxies take large ones; what went wrong comes first.
    private static Said Shortened(Said said)
    {
        var text = new Said(said.IsWell, Cut(said.Text, LongestText));
        var room = MostPacked - Packed(text);
        var each = said.Each.OrderBy(one => one.IsWell).Select(one => one with { Text = Cut(one.Text, LongestOfOne) }).TakeWhile(one => (room -= Packed(one)) >= 0).ToList();
        return text with { Text = each.Count == said.Each.Count ? text.Text : $"{text.Text} {said.Each.Count - each.Count} more are told of on their own pages.", Each = each };
    }

    // Packed twice: here, and as one of the things that the next page is told.
    private static int Packed<T>(T one) => JsonEncodedText.Encode(JsonSerializer.Serialize(one)).EncodedUtf8Bytes.Length;

    private static string Cut(string text, int most) => text.Length <= most ? text : $"{Texts.Start(text, most)}…";
}
