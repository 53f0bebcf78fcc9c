namespace TokenRefresh.Server.Pages.Access;

/// <summary>Every provider: does it answer, and how well?</summary>
internal sealed class ProvidersModel(ProviderSummaries summaries) : PanelPage
{
    /// <summary>The providers, in trouble first.</summary>
    public IReadOnlyList<ProviderSummary> Summaries { get; private set; } = [];

    public async Task OnGetAsync(CancellationToken cancellationToken) => (Summaries, _) = await summaries.ListAsync(cancellationToken);
}
