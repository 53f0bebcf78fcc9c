using System.Net.Http.Headers;

namespace TokenRefresh.Providers;

/// <summary>How far this machine's clock is ahead of a provider's, as an answer shows it.</summary>
/// <param name="Ahead">Negative when it is behind.</param>
/// <param name="Uncertainty">By how much that may be wrong.</param>
public sealed record ClockReading(TimeSpan Ahead, TimeSpan Uncertainty)
{
    private static readonly TimeSpan Tolerated = TimeSpan.FromSeconds(5), Odd = TimeSpan.FromMinutes(1);

    // Beyond this a date is nonsense, not a clock: a machine without a battery begins in 1970.
    private static readonly TimeSpan Longest = TimeSpan.FromDays(100 * 366);

    // A Date is cut to the second.
    private static readonly TimeSpan HalfASecond = TimeSpan.FromSeconds(0.5);

    /// <summary>True where it is too much to be the call's own time.</summary>
    public bool IsSignificant => Ahead.Duration() - Uncertainty > Tolerated;

    /// <summary>By the answer's <c>Date</c>; null where it has none.</summary>
    internal static ClockReading? Of(HttpResponseHeaders headers, DateTimeOffset sentAt, DateTimeOffset receivedAt)
    {
        var half = (receivedAt - sentAt).Duration() / 2;
        return headers.Date is { } date && (sentAt - date).Duration() < Longest
            ? new(sentAt + half - (date + HalfASecond) - (headers.Age ?? TimeSpan.Zero), half + HalfASecond)
            : null;
    }

    /// <summary>
    /// By the token itself, where it is a JWT that cannot be right by this clock: issued in the future, or expired on arrival though the answer says how long it
    /// is valid. Without a <c>Date</c> also where the JWT and the answer agree on its lifetime and it seems to have been issued long ago. Null where it shows nothing.
    /// </summary>
    /// <param name="requestedAt">When it was asked for and</param>
    /// <param name="receivedAt">when it came, both by the provider's clock as far as that is known.</param>
    internal static ClockReading? Of(IssuedToken token, DateTimeOffset requestedAt, DateTimeOffset receivedAt, bool hasDate)
    {
        var (own, life) = (JwtExpiry.IssuedAt(token.AccessToken), token.StatedLife < Longest ? token.StatedLife : null);
        if (JwtExpiry.Of(token.AccessToken) is not { } expires || (own ?? expires - life) is not { } issued || issued >= expires || (requestedAt - issued).Duration() > Longest)
        {
            return null;
        }

        var isFromFuture = own - receivedAt > Odd;
        var isDead = expires <= requestedAt && (!hasDate || life > Tolerated);
        var isOld = !hasDate && requestedAt - own > Odd && (expires - own - life)?.Duration() <= Tolerated;
        return isFromFuture || isDead || isOld ? new(requestedAt - issued, HalfASecond) : null;
    }
}
