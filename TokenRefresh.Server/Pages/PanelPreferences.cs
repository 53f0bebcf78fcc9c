using System.Security.Claims;
using Microsoft.Net.Http.Headers;
using TokenRefresh.Jobs;

namespace TokenRefresh.Server.Pages;

/// <summary>By which calendar dates are written.</summary>
public enum PanelCalendar
{
    /// <summary>That of the language: no choice of its own.</summary>
    AsLanguage,

    /// <summary>30 Nov 2026.</summary>
    Gregorian,

    /// <summary>The calendar of Iran: 9 Azar 1405.</summary>
    Jalali,
}

/// <summary>The colours of the panel.</summary>
public enum PanelTheme
{
    /// <summary>As the browser asks.</summary>
    System,

    /// <summary>Dark on light.</summary>
    Light,

    /// <summary>Light on dark.</summary>
    Dark,
}

/// <summary>How a person reads the panel: chosen in the user's menu and kept with the account; before a sign-in, and until a choice, as the browser asks.</summary>
/// <param name="Language">The language of the panel.</param>
/// <param name="Calendar">The calendar that was chosen for dates.</param>
/// <param name="Theme">The colours.</param>
public sealed record PanelPreferences(Language Language, PanelCalendar Calendar, PanelTheme Theme)
{
    /// <summary>The claims that keep a choice.</summary>
    public const string LanguageClaim = "panel_language", CalendarClaim = "panel_calendar", ThemeClaim = "panel_theme";

    private static readonly Language Persian = Language.Persian.With("TokenRefresh.Server.Pages.Persian", typeof(PanelPreferences));

    /// <summary>The languages that can be chosen.</summary>
    public static readonly IReadOnlyList<Language> Languages = [Language.English, Persian];

    /// <summary>True where dates are written by the calendar of Iran.</summary>
    public bool IsJalali => Calendar == PanelCalendar.AsLanguage ? Language.IsRightToLeft : Calendar == PanelCalendar.Jalali;

    /// <summary>Those of a request.</summary>
    public static PanelPreferences Of(HttpContext context)
    {
        var user = context.User;
        var language = Languages.FirstOrDefault(each => each.Code == user.FindFirstValue(LanguageClaim)) ?? Accepted(context.Request);
        return new(
            language,
            Choice<PanelCalendar>(user, CalendarClaim) ?? PanelCalendar.AsLanguage,
            Choice<PanelTheme>(user, ThemeClaim) ?? PanelTheme.System);
    }

    private static T? Choice<T>(ClaimsPrincipal user, string claim)
        where T : struct, Enum => Enum.TryParse<T>(user.FindFirstValue(claim), out var choice) && Enum.IsDefined(choice) ? choice : null;

    private static Language Accepted(HttpRequest request) =>
        StringWithQualityHeaderValue.TryParseList(request.Headers.AcceptLanguage, out var asked)
            ? asked.OrderByDescending(each => each.Quality ?? 1).Select(each => Languages.FirstOrDefault(language => Fits(language, each.Value.ToString()))).FirstOrDefault(each => each is not null) ?? Language.English
            : Language.English;

    private static bool Fits(Language language, string asked) => asked.Equals(language.Code, StringComparison.OrdinalIgnoreCase) || asked.StartsWith(language.Code + "-", StringComparison.OrdinalIgnoreCase);
}
