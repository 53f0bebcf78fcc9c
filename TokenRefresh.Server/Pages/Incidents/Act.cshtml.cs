using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Mvc.RazorPages;
using TokenRefresh.Jobs.Alerts;

namespace TokenRefresh.Server.Pages.Incidents;

/// <summary>Where the signed links of mails lead: shows what would be done, and does it when asked. The signature stands for a sign-in, for this one action.</summary>
internal sealed class ActModel(IncidentLinks links, IncidentService desk) : PageModel
{
    /// <summary>How long a snooze from a mail lasts.</summary>
    private static readonly TimeSpan Snooze = TimeSpan.FromDays(1);

    private const string Actor = "mail link";

    public Incident? Incident { get; private set; }

    public IncidentAction What { get; private set; }

    public bool Done { get; private set; }

    public async Task<IActionResult> OnGetAsync(long id, string what, long until, string? signature, CancellationToken cancellationToken)
    {
        if (!IsGood(id, what, until, signature))
        {
            return ToSignIn();
        }

        Incident = await desk.FindAsync(id, cancellationToken);
        return Page();
    }

    public async Task<IActionResult> OnPostAsync(long id, string what, long until, string? signature, CancellationToken cancellationToken)
    {
        if (!IsGood(id, what, until, signature))
        {
            return ToSignIn();
        }

        Incident = await desk.FindAsync(id, cancellationToken);
        Done = What == IncidentAction.Acknowledge
            ? await desk.AcknowledgeAsync(id, Actor, cancellationToken)
            : await desk.SnoozeAsync(id, Snooze, Actor, cancellationToken);
        return Page();
    }

    // Not back to the invalid link, which would redirect a signed-in user here again, endlessly.
    private ChallengeResult ToSignIn() => Challenge(new AuthenticationProperties { RedirectUri = PanelPaths.Incidents });

    private bool IsGood(long id, string what, long until, string? signature)
    {
        if (!Enum.TryParse<IncidentAction>(what, ignoreCase: true, out var action) || !Enum.IsDefined(action))
        {
            return false;
        }

        What = action;
        return links.IsGood(id, action, until, signature);
    }
}
