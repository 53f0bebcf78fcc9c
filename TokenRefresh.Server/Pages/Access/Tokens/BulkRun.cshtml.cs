using Microsoft.AspNetCore.Mvc;
using TokenRefresh.Jobs.Attempts;
using TokenRefresh.Jobs.Scheduling;

namespace TokenRefresh.Server.Pages.Access.Tokens;

/// <summary>How far the refreshes of many tokens are, and what came of each.</summary>
internal sealed class BulkRunModel(BulkRuns runs) : PanelPage
{
    /// <summary>So many results are listed, failures first.</summary>
    public const int Shown = 500;

    /// <summary>How far it is.</summary>
    public BulkProgress Progress { get; private set; } = null!;

    /// <summary>Each token with its result; null while it waits.</summary>
    public IEnumerable<(string Token, RefreshAttempt? Result)> Listed => Progress.Run.Tokens.Select(token => (token, Progress.Results.GetValueOrDefault(token)))
        .OrderBy(pair => pair.Item2?.Status switch { AttemptStatus.Failed => 0, null => 1, _ => 2 }).ThenBy(pair => pair.token, StringComparer.Ordinal).Take(Shown);

    public async Task<IActionResult> OnGetAsync(long id, CancellationToken cancellationToken)
    {
        if (await runs.FindAsync(id, cancellationToken) is not { } progress)
        {
            return NotFound();
        }

        Progress = progress;
        return Page();
    }
}
