using Microsoft.AspNetCore.Antiforgery;
using TokenRefresh.Jobs;
using TokenRefresh.Server.Access;

namespace TokenRefresh.Server.Pages;

/// <summary>What people see in place of a bare status; needs no database and no sign-in.</summary>
internal static class ErrorPages
{
    /// <summary>An error page must not wait for what may be broken.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    /// <summary>Writes the page of the status that is set.</summary>
    public static async Task WriteAsync(HttpContext context)
    {
        var response = context.Response;

        // The server answers this one with a header alone.
        if (response.StatusCode == StatusCodes.Status401Unauthorized)
        {
            return;
        }

        var (language, theme) = PanelPreferences.Of(context) is var read ? (read.Language, read.Theme.ToString().ToLowerInvariant()) : default;
        string Text(Phrase phrase) => PageEncoder.Html.Encode(language.Of(phrase));
        var (heading, advice) = Words(response.StatusCode);
        var prefix = context.Request.PathBase.ToUriComponent();
        var strip = await StripAsync(context, prefix);
        response.ContentType = "text/html; charset=utf-8";
        await response.WriteAsync(
            $"""
            <!doctype html>
            <html lang="{language.Code}" dir="{(language.IsRightToLeft ? "rtl" : "ltr")}" data-theme="{theme}">
            <head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark"><title>{Text(heading)} · TokenRefresh</title><link rel="icon" href="{prefix}/icon.svg" type="image/svg+xml"><link rel="stylesheet" href="{prefix}/site.css"></head>
            <body>
            <header class="top"><a class="brand" href="{prefix}{PanelPaths.Overview}">{Brand.Mark}TokenRefresh</a></header>
            {strip}<main><section class="narrow card"><p class="status">{language.Of(response.StatusCode)}</p><h1>{Text(heading)}</h1><p>{Text(advice)}</p>{Hint(context)}<p class="acts"><a class="button" href="{prefix}{PanelPaths.Overview}">{Text("Back to the overview")}</a></p></section></main>
            </body>
            </html>
            """);
    }

    /// <summary>Has the page say more: what there is instead of what was asked for.</summary>
    public static void SayInstead(HttpContext context, Phrase hint) => context.Items[typeof(ErrorPages)] = hint;

    private static string Hint(HttpContext context) => context.Items[typeof(ErrorPages)] is Phrase hint ? $"<p>{PageEncoder.Html.Encode(PanelPreferences.Of(context).Language.Of(hint))}</p>" : "";

    // What is wrong stands on every page for those who are signed in; where it cannot be read in time, the page goes without.
    private static async Task<string> StripAsync(HttpContext context, string prefix)
    {
        if (context.User.Identity?.IsAuthenticated != true)
        {
            return "";
        }

        try
        {
            var situation = await context.RequestServices.GetRequiredService<CurrentSituation>().ReadAsync(context.RequestAborted).WaitAsync(Patience, TimeProvider.System);
            var text = context.RequestServices.GetRequiredService<PanelText>();
            var heading = situation.IsWrong ? $"""<a href="{prefix}{PanelPaths.Overview}"><b>{text[situation.Heading]}</b></a>""" : $"{text[situation.Undelivered ?? ""]} {text[situation.Remedy ?? ""]}";
            return !situation.IsTrouble ? "" :
                $"""<div class="strip {situation.StripKind}" role="note"><p>{heading} {string.Join(' ', situation.Details.Select(detail => text[detail]))}</p>{Act(context, situation, text, prefix)}</div>""";
        }
        catch (Exception)
        {
            // Whatever it is, the page that was asked for has an error already, and its own is told.
            return "";
        }
    }

    private static string Act(HttpContext context, Situation situation, PanelText text, string prefix)
    {
        switch (situation.StripStep)
        {
            case { Act: SituationAct.Open } step:
                return $"""<a class="button quiet" href="{prefix}{step.Path}">{text[step.Words]}</a>""";
            case { Act: SituationAct.Retry } step when context.User.IsInRole(nameof(Role.Operator)):
                var forgery = context.RequestServices.GetRequiredService<IAntiforgery>().GetAndStoreTokens(context);
                var names = step.Tokens.Take(100).Select(name => $"""<input type="hidden" name="names" value="{PageEncoder.Html.Encode(name)}">""");
                return $"""<form method="post" action="{prefix}{PanelPaths.Tokens}?handler=ForceChosen"><input name="{forgery.FormFieldName}" type="hidden" value="{forgery.RequestToken}">{string.Concat(names)}<button class="quiet">{text[step.Words]}</button></form>""";
            default:
                return "";
        }
    }

    private static (Phrase Heading, Phrase Advice) Words(int status) => status switch
    {
        StatusCodes.Status400BadRequest => ("Form not accepted", "The form expired, is older than your session, or contains invalid text. Go back, reload the page and send it again; nothing was changed."),
        StatusCodes.Status403Forbidden => ("You don't have permission", "Your role does not allow this. An administrator can change your role."),
        StatusCodes.Status404NotFound => ("Page not found", "The address may be wrong, or the page was removed."),
        StatusCodes.Status426UpgradeRequired => ("TLS required", "Outside Development the panel is only available over TLS. Put a proxy with TLS in front of it that sets X-Forwarded-Proto, and name it in Access__TrustedProxies."),
        StatusCodes.Status429TooManyRequests => ("Too many attempts", "Wait a minute and try again."),
        StatusCodes.Status503ServiceUnavailable => ("The database is unreachable", "The panel needs the database. Clients still get valid tokens from memory. Try again in a moment."),
        _ => ("Something went wrong", "The server's log has the details. Stored data is unchanged."),
    };
}
