using System.Security.Claims;
using Microsoft.AspNetCore.Identity;
using Microsoft.AspNetCore.Mvc;
using TokenRefresh.Server.Access;

namespace TokenRefresh.Server.Pages.Access;

/// <summary>Keeps how a person reads the panel: language, calendar, theme. Filled from the user's menu.</summary>
internal sealed class PreferencesModel(UserManager<PanelUser> users, SignInManager<PanelUser> signIn) : PanelPage
{
    public IActionResult OnGet() => LocalRedirect($"~{PanelPaths.Settings}");

    [Needs(Role.Viewer)]
    public async Task<IActionResult> OnPostAsync(string? language, PanelCalendar? calendar, PanelTheme? theme, string? back)
    {
        if (await users.GetUserAsync(User) is not { } person)
        {
            return Challenge();
        }

        var asked = new List<Claim>();
        if (PanelPreferences.Languages.Any(known => known.Code == language))
        {
            asked.Add(new(PanelPreferences.LanguageClaim, language!));
        }

        if (calendar is { } chosen)
        {
            asked.Add(new(PanelPreferences.CalendarClaim, $"{chosen}"));
        }

        if (theme is { } colours)
        {
            asked.Add(new(PanelPreferences.ThemeClaim, $"{colours}"));
        }

        var kept = await users.GetClaimsAsync(person);
        await users.RemoveClaimsAsync(person, kept.Where(claim => asked.Any(other => other.Type == claim.Type)));

        // The language's calendar is what holds without a choice: kept as one, it would stay when the language changes.
        await users.AddClaimsAsync(person, asked.Where(claim => claim.Value != nameof(PanelCalendar.AsLanguage)));

        // The cookie holds them, so that no page asks the database.
        await signIn.RefreshSignInAsync(person);
        return LocalRedirect($"~{(back is not null && Url.IsLocalUrl(back) ? back : PanelPaths.Overview)}");
    }
}
