using System.Text.Json;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Mvc.RazorPages;
using Microsoft.AspNetCore.Mvc.ViewFeatures;
using TokenRefresh.Server.Access;

namespace TokenRefresh.Server.Pages;

/// <summary>What the pages of the panel share: who is there, and how an action's outcome is told on the page after it.</summary>
internal abstract class PanelPage : PageModel
{
    private const string Well = "well";

    private const int LongestText = 600, LongestOfOne = 200;

    /// <summary>Characters as they are packed into the cookie; sealed they are half as many again, and proxies pass 4 KB of headers on.</summary>
    private const int MostPacked = 1500;

    /// <summary>As the log and the audit name the person.</summary>
    protected string Actor => $"user:{User.Identity!.Name}";

    public bool May(Role role) => User.IsInRole(role.ToString());

    /// <summary>Tells the outcome on the page that the browser goes to next, so that a reload repeats nothing.</summary>
    protected LocalRedirectResult Tell(FlashMessage said, string? to = null)
    {
        var fitting = Shortened(said);
        TempData[nameof(FlashMessage)] = (string[])[Mark(fitting.IsWell), fitting.Text, .. fitting.Each.SelectMany(Fields)];
        return LocalRedirect($"~{(to is not null && Url.IsLocalUrl(to) ? to : $"{Request.Path}{Request.QueryString}")}");
    }

    /// <summary>What the request before this one has told; null where it told nothing.</summary>
    public static FlashMessage? Told(ITempDataDictionary told) => told[nameof(FlashMessage)] is string[] and [var mark, var text, .. var each]
        ? new(mark == Well, text) { Each = [.. each.Chunk(3).Select(fields => new FlashMessageOf(fields[0], fields[1] == Well, fields[2]))] }
        : null;

    private static string[] Fields(FlashMessageOf one) => [one.Token, Mark(one.IsWell), one.Text];

    private static string Mark(bool isWell) => isWell ? Well : "";

    // It travels in a cookie, and neither browsers nor proxies take large ones; what went wrong comes first.
    private static FlashMessage Shortened(FlashMessage said)
    {
        var text = Cut(said.Text, LongestText);
        var room = MostPacked - Packed(text);
        var each = said.Each.OrderBy(one => one.IsWell).Select(one => one with { Text = Cut(one.Text, LongestOfOne) }).TakeWhile(one => (room -= Fields(one).Sum(Packed)) >= 0).ToList();
        var rest = said.Each.Count - each.Count;
        return new(said.IsWell, rest == 0 ? text : $"{text} {(rest == 1 ? "One more is" : $"{rest} more are")} not shown.") { Each = each };
    }

    // With its quotes and a comma.
    private static int Packed(string text) => JsonEncodedText.Encode(text).EncodedUtf8Bytes.Length + 3;

    private static string Cut(string text, int most) => text.Length <= most ? text : $"{Texts.Start(text, most)}…";
}
