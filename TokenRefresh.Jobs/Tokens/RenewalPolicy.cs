using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace TokenRefresh.Jobs.Tokens;

/// <summary>Which rule determines when a token is renewed.</summary>
/// <param name="Threshold">With less life left than this it is always due.</param>
/// <param name="LifetimeFraction">It is due at this share of its lifetime, when that is earlier.</param>
public sealed record RenewalRule(TimeSpan Threshold, double LifetimeFraction);

/// <summary>When a token is due, and why then, as a phrase that follows "due".</summary>
public sealed record RenewalPlan(DateTimeOffset DueAt, string Reason);

/// <summary>When is a token due, and how long is a failing one left alone? Pure: the clock is an argument.</summary>
public static class RenewalPolicy
{
    /// <summary>How long an expired token is left alone at most: this, or a quarter of a life that was shorter than four of it.</summary>
    private static readonly TimeSpan LongestPauseWhenExpired = TimeSpan.FromMinutes(1);

    private static readonly TimeSpan LongestPause = TimeSpan.FromHours(1);
    private static readonly TimeSpan ShortestPause = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan FirstPause = TimeSpan.FromMinutes(2);

    /// <summary>How long before a token's end the last attempt comes: enough for a renewal and an acquisition, or an eighth of a shorter life.</summary>
    private static readonly TimeSpan LastAttemptLead = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan LargestJitter = TimeSpan.FromMinutes(30);

    /// <summary>
    /// Due at <c>expires − lead</c> with <c>lead = max(threshold, lifetime × (1 − fraction))</c>, never more than half the lifetime;
    /// earlier by a jitter of up to 1 % of the lifetime (30 minutes at most) that is fixed per token, so that tokens issued together
    /// are not renewed together; and before the refresh token's own expiry if the renewal depends on it.
    /// </summary>
    /// <param name="refreshExpiresAt">The refresh token's expiry if only it can renew the token, else null.</param>
    public static RenewalPlan Plan(string token, RenewalRule rule, DateTimeOffset issuedAt, DateTimeOffset expiresAt, DateTimeOffset? refreshExpiresAt = null)
    {
        var lifetime = expiresAt - issuedAt;
        var byShare = lifetime * (1 - rule.LifetimeFraction);
        var (lead, reason) = (rule.Threshold > lifetime / 2 || byShare > lifetime / 2) ? (lifetime / 2, $"scheduled at half of its {Adjective(lifetime)} lifetime")
            : rule.Threshold > byShare ? (rule.Threshold, $"scheduled {Words(rule.Threshold)} before expiry")
            : (byShare, string.Create(CultureInfo.InvariantCulture, $"scheduled at {rule.LifetimeFraction:P0} of its {Adjective(lifetime)} lifetime"));
        var dueAt = expiresAt - lead - Jitter(token, lifetime);

        if (refreshExpiresAt is { } death && death - Min(lead, (death - issuedAt) / 2) is var last && last < dueAt)
        {
            (dueAt, reason) = (last, "scheduled before its refresh token expires");
        }

        return new(dueAt < issuedAt ? issuedAt : dueAt, reason);
    }

    /// <summary>
    /// How long a failing token is left alone: two minutes, doubled with each round of failures, at most an hour; never more than
    /// an eighth of the life that is left, so that many attempts still fit; at most one minute once it has expired, and a quarter of
    /// its life where that was shorter; five seconds at least, and never less than the provider asked for,
    /// except that one which asked for more than the life left is asked once more shortly before the end.
    /// </summary>
    /// <param name="failures">Failed attempts since the last success, this one included.</param>
    /// <param name="attemptsARound">How many of them one job makes, its retries included.</param>
    public static TimeSpan PauseAfter(
        string token, int failures, int attemptsARound, DateTimeOffset? issuedAt, DateTimeOffset? expiresAt, TimeSpan? retryAfter, DateTimeOffset now)
    {
        var rounds = Math.Clamp((failures - 1) / Math.Max(1, attemptsARound), 0, 10);
        var pause = Min(FirstPause * Math.Pow(2, rounds), LongestPause);
        var left = (expiresAt ?? now) - now;
        pause = Min(pause, left > TimeSpan.Zero ? Max(left / 8, ShortestPause) : Min(LongestPauseWhenExpired, Max((expiresAt - issuedAt) / 4 ?? LongestPause, ShortestPause)));
        pause -= pause * 0.1 * Share($"{token}/{failures}");
        if (!(retryAfter > pause))
        {
            return pause;
        }

        var lead = Lead(issuedAt, expiresAt);
        return retryAfter >= left && left > 2 * lead ? left - lead : retryAfter.Value;
    }

    /// <summary>True where a failing token is left alone until shortly before its end or longer, because its provider asked for that.</summary>
    /// <param name="failedAt">When the last attempt was made.</param>
    /// <param name="nextAttemptAt">When the next one is.</param>
    public static bool IsLeftAloneToItsEnd(DateTimeOffset? issuedAt, DateTimeOffset? expiresAt, DateTimeOffset? failedAt, DateTimeOffset? nextAttemptAt) =>
        nextAttemptAt >= expiresAt || (nextAttemptAt >= expiresAt - Lead(issuedAt, expiresAt) && nextAttemptAt - failedAt > (expiresAt - failedAt) / 2);

    private static TimeSpan Lead(DateTimeOffset? issuedAt, DateTimeOffset? expiresAt) => Min(LastAttemptLead, (expiresAt - issuedAt) / 8 ?? LastAttemptLead);

    /// <summary>
    /// Does the retry of a failed token's job come soon enough? Not for one that would expire before it, nor for an expired one with a lifetime
    /// for less than four such retries: what it was bought for is over before the retry comes.
    /// </summary>
    /// <param name="retryDelay">How long after the failure the job is retried.</param>
    public static bool CanWaitForRetry(DateTimeOffset? issuedAt, DateTimeOffset? expiresAt, TimeSpan retryDelay, DateTimeOffset now) =>
        expiresAt > now ? expiresAt > now + retryDelay : !(expiresAt - issuedAt < 4 * retryDelay);

    /// <summary>A stable share of the largest jitter: the same for one token at every node and after every restart.</summary>
    private static TimeSpan Jitter(string token, TimeSpan lifetime) => Min(lifetime * 0.01, LargestJitter) * Share(token);

    private static double Share(string text) => 
        BinaryPrimitives.ReadUInt64BigEndian(SHA256.HashData(Encoding.UTF8.GetBytes(text))) / (double)ulong.MaxValue;

    private static TimeSpan Min(TimeSpan one, TimeSpan other) => one < other ? one : other;

    private static TimeSpan Max(TimeSpan one, TimeSpan other) => one > other ? one : other;

    // In its largest whole unit where there is one, such as a 10-day lifetime; else to two units.
    private static string Adjective(TimeSpan lifetime)
    {
        var whole = Rounded(lifetime);
        return whole switch
        {
            _ when whole > TimeSpan.FromDays(1) && whole.Ticks % TimeSpan.TicksPerDay == 0 => $"{whole.TotalDays:0}-day",
            _ when whole > TimeSpan.FromHours(1) && whole.Ticks % TimeSpan.TicksPerHour == 0 => $"{whole.TotalHours:0}-hour",
            _ when whole > TimeSpan.FromMinutes(1) && whole.Ticks % TimeSpan.TicksPerMinute == 0 => $"{whole.TotalMinutes:0}-minute",
            _ when whole < TimeSpan.FromMinutes(2) => $"{whole.TotalSeconds:0}-second",
            _ => DurationFormat.InWords(whole),
        };
    }

    private static string Words(TimeSpan span) => DurationFormat.InWords(Rounded(span));

    // A lifetime that is stated to the second is slightly shorter than its nominal value: a day, not 23 h 59 min.
    private static TimeSpan Rounded(TimeSpan span) => span > TimeSpan.FromHours(1) ? TimeSpan.FromMinutes(Math.Round(span.TotalMinutes)) : TimeSpan.FromSeconds(Math.Round(span.TotalSeconds));
}
