using TokenRefresh.Jobs.Health;

namespace TokenRefresh.Server.Pages;

/// <summary>The diagnosis of one request: read once, by the part of the page that asks first.</summary>
public sealed class CurrentDiagnosis(DiagnosisReader diagnosis, TokenOverview overview)
{
    private Task<SystemDiagnosis>? read;

    /// <summary>How things stand, as of the first call in this request.</summary>
    public Task<SystemDiagnosis> ReadAsync(CancellationToken cancellationToken) => read ??= diagnosis.ReadAsync(cancellationToken);

    /// <summary>The tokens of those names as they stand, whether they are listed or not; names of no token are left out.</summary>
    public async Task<IReadOnlyList<TokenView>> FindAsync(IReadOnlyCollection<string> names, CancellationToken cancellationToken)
    {
        var seen = await ReadAsync(cancellationToken);
        var listed = names.Select(seen.Find).OfType<TokenView>().DistinctBy(token => token.Name).ToList();
        return seen.IsWhole ? listed : [.. listed, .. await overview.FindAsync([.. names.Where(name => seen.Find(name) is null)], cancellationToken)];
    }
}
