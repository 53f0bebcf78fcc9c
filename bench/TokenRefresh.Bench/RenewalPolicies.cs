using TokenRefresh.Jobs.Health;
using TokenRefresh.Jobs.Tokens;

namespace TokenRefresh.Bench;

/// <summary>A token as a policy sees it.</summary>
/// <param name="Name">Its name; policies that spread tokens do so by it.</param>
/// <param name="Phase">By how much its host's timers are off the full hour.</param>
/// <param name="FailedAt">The last attempt, where it has failed since the last success.</param>
/// <param name="Failures">Failures since the last success.</param>
internal sealed record TokenLifetime(string Name, TimeSpan Phase, DateTimeOffset IssuedAt, DateTimeOffset ExpiresAt, DateTimeOffset? FailedAt, int Failures);

/// <summary>When is a token tried next?</summary>
internal sealed record RenewalPolicyModel(string Name, Func<TokenLifetime, DateTimeOffset> NextAttempt)
{
    /// <summary>A token is read this often by the programs that use it; two of the policies live by that.</summary>
    public static readonly TimeSpan ReadEvery = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan DueCheck = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan Backoff = TimeSpan.FromMinutes(1);
    private const int AttemptsOfAJob = 4;

    private static readonly RenewalOptions Defaults = new();

    public static readonly IReadOnlyList<RenewalPolicyModel> All =
    [
        new("every 12 h, if less than 5 min are left", token => Tick(token, TimeSpan.FromHours(12), Later(token, token.ExpiresAt - TimeSpan.FromMinutes(5)))),
        new("on read, if less than 15 min are left; 30 s apart after a failure", token =>
            Tick(token, ReadEvery, Later(token, Max(token.ExpiresAt - TimeSpan.FromMinutes(15), token.FailedAt + TimeSpan.FromSeconds(30) ?? DateTimeOffset.MinValue)))),
        new("every 60 s, if less than 72 s are left", token => Tick(token, TimeSpan.FromSeconds(60), Later(token, token.ExpiresAt - TimeSpan.FromSeconds(72)))),
        new("on read, if less than 60 s are left", token => Tick(token, ReadEvery, Later(token, token.ExpiresAt - TimeSpan.FromSeconds(60)))),
        new("TokenRefresh", Ours),
    ];

    // A job makes four attempts a minute apart, unless that is too slow for the token; then the policy's pause counts.
    private static DateTimeOffset Ours(TokenLifetime token)
    {
        if (token.FailedAt is not { } failedAt)
        {
            var due = RenewalPolicy.Plan(token.Name, new(Defaults.Threshold, Defaults.LifetimeFraction), token.IssuedAt, token.ExpiresAt).DueAt;
            return Found(token, token.IssuedAt, due);
        }

        return token.Failures % AttemptsOfAJob != 0 && RenewalPolicy.CanWaitForRetry(token.IssuedAt, token.ExpiresAt, Backoff, failedAt)
            ? failedAt + Backoff
            : Found(token, failedAt, failedAt + RenewalPolicy.PauseAfter(token.Name, token.Failures, AttemptsOfAJob, token.IssuedAt, token.ExpiresAt, null, failedAt));
    }

    // What is near is reminded of by a scheduled job; the rest is found by the due check.
    private static DateTimeOffset Found(TokenLifetime token, DateTimeOffset now, DateTimeOffset dueAt) =>
        dueAt - now < 2 * DueCheck ? dueAt.AddSeconds(1) : Tick(token, DueCheck, dueAt);

    private static DateTimeOffset Later(TokenLifetime token, DateTimeOffset at) => Max(at, (token.FailedAt ?? token.IssuedAt).AddTicks(1));

    private static DateTimeOffset Max(DateTimeOffset one, DateTimeOffset other) => one > other ? one : other;

    /// <summary>The first tick of the host's timer at or after an instant.</summary>
    private static DateTimeOffset Tick(TokenLifetime token, TimeSpan every, DateTimeOffset at)
    {
        var since = at - DateTimeOffset.UnixEpoch - token.Phase;
        var ticks = (since.Ticks + every.Ticks - 1) / every.Ticks;
        return DateTimeOffset.UnixEpoch + token.Phase + (ticks * every);
    }
}
