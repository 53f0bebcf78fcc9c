using System.Text.Json;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Mvc.RazorPages;
using Microsoft.AspNetCore.Mvc.ViewFeatures;
using TokenRefresh.Server.Access;

namespace TokenRefresh.Server.Pages;

/// <summary>What the pages of the panel share: who is there, and how an action's outcome is told on the page after it.</summary>
internal abstract class PanelPage : PageModel
{
    private const int LongestText = 800, MostTold = 40;

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

    // It travels in a cookie, and a browser keeps no large ones; what went wrong comes first.
    private static Said Shortened(Said said) => said with
    {
        Text = Cut(said.Text, LongestText),
        Each = [.. said.Each.OrderBy(one => one.IsWell).Take(MostTold).Select(one => one with { Text = Cut(one.Text, LongestText / 4) })],
    };

    private static string Cut(string text, int most) => text.Length <= most ? text : $"{text[..(char.IsHighSurrogate(text[most - 1]) ? most - 1 : most)]}…";
}
