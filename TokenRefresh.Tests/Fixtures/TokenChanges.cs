using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;

namespace TokenRefresh.Tests.Fixtures;

/// <summary>What happens to a token, without a database: each change is made by the token and taken over by it, as the token store does.</summary>
internal static class TokenChanges
{
    public static void Accept(this Token token, IssuedToken issued, string sealedAccess, string? sealedRefresh, RenewalPlan plan, string metadata, DateTimeOffset now) =>
        token.Apply(token.Issued(issued, sealedAccess, sealedRefresh, plan, metadata, new(now, "settings of today"), now) with { Contact = null, LookedAt = null }, token.Version + 1);

    public static void RecordFailure(this Token token, ProviderFailure failure, DateTimeOffset? nextAttemptAt, string? retryJobId) =>
        token.Apply(token.Failed(failure, nextAttemptAt, retryJobId, new(Some.Now, "settings of today")) with { Contact = null, LookedAt = null }, token.Version);

    /// <summary>The same token, as if it had been brought by a person and only a person could renew it.</summary>
    public static void LeaveToPerson(this Token token) =>
        token.Apply(
            token.Imported(
                new("access-1", "refresh-1", token.IssuedAt!.Value, token.ExpiresAt!.Value, token.RefreshExpiresAt, []), token.AccessToken!, token.RefreshToken, null, token.Metadata, token.LastSuccessAt!.Value),
            token.Version);
}
