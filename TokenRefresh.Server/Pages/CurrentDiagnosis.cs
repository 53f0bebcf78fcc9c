using TokenRefresh.Jobs.Health;

namespace TokenRefresh.Server.Pages;

/// <summary>The diagnosis of one request: read once, by the part of the page that asks first.</summary>
public sealed class CurrentDiagnosis(DiagnosisReader diagnosis)
{
    private Task<SystemDiagnosis>? read;

    /// <summary>How things stand, as of the first call in this request.</summary>
    public Task<SystemDiagnosis> ReadAsync(CancellationToken cancellationToken) => read ??= diagnosis.ReadAsync(cancellationToken);
}
