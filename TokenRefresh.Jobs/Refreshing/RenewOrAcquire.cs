using Microsoft.Extensions.Logging;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Telemetry;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;

namespace TokenRefresh.Jobs.Refreshing;

/// <summary>One call of an exchange, for the log: what was asked, what came back, and after how many milliseconds. No secrets.</summary>
public sealed record ExchangeStep(string Call, string Outcome, int? HttpStatus, string? ProviderCode, string? TrackId, long DurationMs);

/// <summary>The provider's final word, and the steps that led to it.</summary>
public sealed record ExchangeResult(ProviderResult Result, IReadOnlyList<ExchangeStep> Steps)
{
    /// <summary>True when the provider refused the stored refresh token on the way.</summary>
    public bool IsRefreshTokenRefused => Steps is [{ Call: RenewOrAcquire.Renew, Outcome: not RenewOrAcquire.WasIssued }, _];
}

/// <summary>Renews while the refresh token is valid, else acquires a new token; a refused renewal falls back to acquiring, once.</summary>
public sealed partial class RenewOrAcquire(SecretProtection secrets, TokenMetrics metrics, ClockDifferences clocks, TimeProvider clock, ILogger<RenewOrAcquire> log)
{
    internal const string Renew = "renew", Acquire = "acquire", WasIssued = "issued";

    /// <summary>Asks the provider. Never throws: a mistake of ours is a failure of kind <see cref="FailureKind.Internal"/>.</summary>
    /// <param name="isAfterUnknownOutcome">True if an earlier attempt ended before its answer was saved, so the stored refresh token may have been used.</param>
    internal async Task<ExchangeResult> AskAsync(Lease lease, Token token, ConfiguredToken settings, RefreshRequest request, bool isAfterUnknownOutcome)
    {
        var steps = new List<ExchangeStep>(2);
        try
        {
            return new(await AskAsync(), steps);
        }
        catch (Exception error)
        {
            // A mistake of ours must still close the attempt's row; its text could hold anything, so only its type is kept there.
            LogMistake(token.Name, error.GetType().Name);
            return new(new ProviderResult.Failed(new(FailureKind.Internal, $"{error.GetType().Name} in this program; see the server's log.")), steps);
        }

        async Task<ProviderResult> AskAsync()
        {
            if (!RenewsWith(token, settings, request))
            {
                return settings.Order.Grant == Grant.Imported
                    ? Revoked("The refresh token has expired", isAfterUnknownOutcome)
                    : await CallAsync(Acquire, () => settings.Provider.AcquireAsync(settings.Order, request.Limit));
            }

            var held = new HeldToken(secrets.OpenAccess(token.Name, token.AccessToken!), secrets.OpenRefresh(token.Name, token.RefreshToken));
            var renewed = await CallAsync(Renew, () => settings.Provider.RenewAsync(settings.Order, held, request.Limit));
            return (renewed, settings.Order.Grant) switch
            {
                (ProviderResult.Failed { Failure: { Kind: FailureKind.CredentialRejected or FailureKind.GrantRevoked, RefusesClient: false } refusal }, Grant.Imported) =>
                    Revoked($"The refresh token was refused ({refusal.Reason})", isAfterUnknownOutcome),
                (ProviderResult.Failed { Failure: { } failure }, Grant.ClientCredentials) when IsRefusal(failure) =>
                    await CallAsync(Acquire, () => settings.Provider.AcquireAsync(settings.Order, request.Limit)),
                _ => renewed,
            };
        }

        async Task<ProviderResult> CallAsync(string call, Func<Task<ProviderResult>> ask)
        {
            if (!await lease.CoversCallAsync())
            {
                return new ProviderResult.Failed(new(FailureKind.Abandoned, TokenRefresher.TakenOver));
            }

            var started = clock.GetTimestamp();
            var result = await ask();
            var took = clock.GetElapsedTime(started);
            var milliseconds = (long)took.TotalMilliseconds;
            steps.Add(result switch
            {
                ProviderResult.Issued issued => new(call, WasIssued, issued.HttpStatus, null, issued.TrackId, milliseconds),
                ProviderResult.Failed { Failure: { } failure } => new(call, failure.Kind.Code(), failure.HttpStatus, failure.ProviderCode, failure.TrackId, milliseconds),
                _ => throw new System.Diagnostics.UnreachableException(),
            });
            if (result is ProviderResult.Issued { Clock: { } seen })
            {
                clocks.Note(settings.Provider.Name, seen.Ahead, seen.Uncertainty);
            }

            metrics.Called(settings.Provider.Name, call, steps[^1].Outcome, took);
            return result;
        }
    }

    // In what words a provider refuses a renewal is hardly documented (providers.md 1.5, 2.3), and its next answer would be the same: whatever it refuses
    // itself, the credentials may still get.
    private static bool IsRefusal(ProviderFailure failure) => failure.Kind switch
    {
        FailureKind.CredentialRejected or FailureKind.GrantRevoked => true,
        FailureKind.InvalidResponse or FailureKind.Configuration => failure.HttpStatus is >= 400 and < 500 || failure.ProviderCode is not null,
        _ => false,
    };

    private bool RenewsWith(Token token, ConfiguredToken settings, RefreshRequest request) =>
        token is { RefreshToken: not null, AccessToken: not null }
        && (token.RefreshExpiresAt is null || token.RefreshExpiresAt > clock.GetUtcNow())
        && (request.Trigger != RefreshTrigger.Backup || settings.Order.Grant == Grant.Imported);

    private static ProviderResult.Failed Revoked(string why, bool isAfterUnknownOutcome) => new(new(
        FailureKind.GrantRevoked,
        isAfterUnknownOutcome
            ? $"{why} after an attempt whose result is unknown: the process ended before the answer was saved. Start the grant again and import it."
            : $"{why}. Start the grant again and import it."));

    [LoggerMessage(1011, LogLevel.Error, "Internal error while refreshing {Token}: {Error}")]
    private partial void LogMistake(string token, string error);
}
