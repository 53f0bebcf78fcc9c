using Microsoft.AspNetCore.Mvc;
using TokenRefresh.Jobs.Alerts;
using TokenRefresh.Server.Access;

namespace TokenRefresh.Server.Pages.Access.Incidents;

/// <summary>What is and was wrong, and how the mails about it fared.</summary>
internal sealed class IncidentsModel(IncidentService desk, CurrentDiagnosis diagnosis) : PanelPage
{
    private const string Here = PanelPaths.Incidents;

    private const int LastEnded = 50, LastDeliveries = 100;

    private static readonly TimeSpan Snooze = TimeSpan.FromDays(1);

    public IncidentList Open { get; private set; } = null!;

    public IncidentList Ended { get; private set; } = null!;

    public IReadOnlyList<Notification> Deliveries { get; private set; } = [];

    public async Task OnGetAsync(CancellationToken cancellationToken)
    {
        Open = await IncidentList.OpenAsync(desk, diagnosis, cancellationToken);
        Ended = await IncidentList.OfAsync(await desk.EndedAsync(LastEnded, cancellationToken), diagnosis, desk, cancellationToken);
        Deliveries = await desk.DeliveriesAsync(LastDeliveries, cancellationToken);
    }

    [Needs(Role.Operator)]
    public async Task<IActionResult> OnPostAcknowledgeAsync(long id, string? back, CancellationToken cancellationToken) =>
        Answer(back, await desk.AcknowledgeAsync(id, Actor, cancellationToken), "Acknowledged. No reminders unless it becomes critical or affects more tokens.");

    [Needs(Role.Operator)]
    public async Task<IActionResult> OnPostSnoozeAsync(long id, string? back, CancellationToken cancellationToken) =>
        Answer(back, await desk.SnoozeAsync(id, Snooze, Actor, cancellationToken), "Snoozed for 24 h, unless it becomes critical or is resolved.");

    private LocalRedirectResult Answer(string? back, bool isOpen, string done) =>
        Tell(isOpen ? new(true, done) : new(false, "This incident is resolved or does not exist."), back is { Length: > 0 } ? back : Here);
}
