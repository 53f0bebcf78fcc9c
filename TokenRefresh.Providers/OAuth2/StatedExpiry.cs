using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace TokenRefresh.Providers.OAuth2;

/// <summary>Reads when a token ends, by whichever of its names and in whichever form an answer states it; what cannot be read is as if it were not stated.</summary>
/// <param name="answer">The answer.</param>
/// <param name="requestedAt">What lifetimes count from.</param>
/// <param name="notes">Takes what was odd.</param>
internal sealed partial class StatedExpiry(JsonElement answer, DateTimeOffset requestedAt, List<string> notes)
{
    private static readonly TimeSpan LongestRefreshLife = TimeSpan.FromDays(3660);

    /// <summary>No end of a living token lies before this: zero dates of many systems do.</summary>
    private static readonly DateTimeOffset Earliest = new(2000, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>A count from here on is too long for a lifetime in seconds, and is a time since 1970.</summary>
    private const double LeastEpoch = 1e9;

    // In one spelling, as Answer.NameOf has it.
    private static readonly string[] Lifetimes = ["expiresin", "expirein", "expiresinseconds", "extexpiresin", "accesstokenexpiresin", "accesstokenexpirein"];
    private static readonly string[] Instants =
    [
        "expiresat", "expireson", "expires", "expire", "expireat", "expiredat", "expiretime", "expirestime", "expiry", "expirydate", "expirytime", "expiration", "expirationdate", "expirationtime",
        "exp", "validuntil", "validto", "notafter", "accesstokenexpires", "accesstokenexpiresat", "accesstokenexpireson", "accesstokenexpiry", "accesstokenexpiration",
    ];
    private static readonly string[] RefreshLifetimes = ["refreshexpiresin", "refreshexpirein", "refreshtokenexpiresin", "refreshtokenexpirein", "xrefreshtokenexpiresin"];
    private static readonly string[] RefreshInstants =
    [
        "refreshexpiresat", "refreshexpireson", "refreshtokenexpires", "refreshtokenexpiresat", "refreshtokenexpireson", "refreshtokenexpireat", "refreshtokenexpiry", "refreshtokenexpiration",
        "refreshtokenvaliduntil",
    ];

    /// <summary>The members whose values tell no time that can be read in one way only.</summary>
    public List<string> Unreadable { get; } = [];

    /// <summary>Every end that the answer states, and the one that the token, where it is a JWT, says of itself.</summary>
    /// <exception cref="InvalidAnswerException">A lifetime is negative.</exception>
    public IReadOnlyList<StatedEnd> OfAccess(string token)
    {
        var ends = new List<StatedEnd>();
        foreach (var (member, isLifetime) in Members(Lifetimes, Instants))
        {
            switch (Read(member, isLifetime, IssuedToken.LongestLife))
            {
                case { IsNegative: true }:
                    throw new InvalidAnswerException($"{Shown(member)} is negative");
                case { At: { } at } stated:
                    ends.Add(new(Shown(member), at) { HasOffset = stated.HasOffset });
                    break;
            }
        }

        if (JwtExpiry.Of(token) is { } inside)
        {
            ends.Add(new("the JWT's exp", inside) { IsOfToken = true });
        }

        return ends;
    }

    /// <summary>The earliest end of the refresh token that the answer states; null where it states none that can be believed.</summary>
    public DateTimeOffset? OfRefresh()
    {
        DateTimeOffset? earliest = null;
        foreach (var (member, isLifetime) in Members(RefreshLifetimes, RefreshInstants))
        {
            switch (Read(member, isLifetime, LongestRefreshLife))
            {
                case { IsNegative: true }:
                    notes.Add($"{Shown(member)} is negative: ignored");
                    break;
                case { At: { } at } when at <= requestedAt:
                    notes.Add($"{Shown(member)} has passed: ignored");
                    break;
                case { At: { } at } when at < DateTimeOffset.MaxValue && (earliest is null || at < earliest):
                    earliest = at;
                    break;
            }
        }

        return earliest;
    }

    private IEnumerable<(JsonProperty Member, bool IsLifetime)> Members(string[] lifetimes, string[] instants)
    {
        foreach (var member in answer.EnumerateObject())
        {
            var name = ProviderJson.NameOf(member);
            var isLifetime = lifetimes.Contains(name);
            if (isLifetime || instants.Contains(name))
            {
                yield return (member, isLifetime);
            }
        }
    }

    /// <summary>What one member states.</summary>
    private Statement Read(JsonProperty member, bool isLifetime, TimeSpan longest)
    {
        if (member.Value.ValueKind == JsonValueKind.Null)
        {
            return default;
        }

        if (!isLifetime && DateTimeOffset.TryParseExact(
            member.Value.GetRawText().Trim('"', ' '), ["yyyyMMddHHmmss", "yyyyMMdd"], CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var digits) && digits.Year is >= 2000 and < 2100)
        {
            return new(digits, false, false);
        }

        if (member.Value.ValueKind == JsonValueKind.Number)
        {
            return OfNumber(member, NumberOf(member.Value), isLifetime, longest);
        }

        if (ProviderJson.TextOrNull(member.Value) is not { } raw)
        {
            return Unstated(member, ProviderJson.Words(member.Value.ValueKind), isUnreadable: true);
        }

        var text = string.Concat(raw.Trim().Select(sign => char.IsDigit(sign) ? (char)('0' + (int)char.GetNumericValue(sign)) : sign));
        if (Quantity().Match(text) is { Success: true } quantity)
        {
            var number = double.Parse(quantity.Groups["number"].ValueSpan, NumberStyles.Float, CultureInfo.InvariantCulture);
            return UnitOf(quantity.Groups["unit"].Value) is { } unit && number > 0 ? new(After(number * unit), true, false) : OfNumber(member, number, isLifetime, longest);
        }

        // Microsoft's App Service writes its expires_on so, and always in the American order.
        return (StatedTime.Of(text) ?? (DateTimeOffset.TryParseExact(text, "M/d/yyyy h:mm:ss tt zzz", CultureInfo.InvariantCulture, DateTimeStyles.None, out var american) ? new(american, true) : null)) switch
            {
                { At: var at } when at < Earliest => Unstated(member, "a zero date"),
                { } stated => new(stated.At, stated.HasOffset, false),
                null when SpanOf(text) is { } life => life < TimeSpan.Zero ? new(null, true, true) : life == TimeSpan.Zero ? Unstated(member, "0") : new(After(life.TotalSeconds), true, false),
                null when text.Length == 0 => Unstated(member, "blank"),
                null => Unstated(member, "text that is not a time", isUnreadable: true),
            };
    }

    private Statement OfNumber(JsonProperty member, double number, bool isLifetime, TimeSpan longest)
    {
        switch (number)
        {
            case -1 or double.NaN or (>= 0 and < 0.001):
                return Unstated(member, number == -1 ? "-1" : "0");
            case < 0:
                return !isLifetime && StatedTime.OfEpoch(number) is { Year: 1 } ? Unstated(member, "a zero date") : new(null, true, true);
        }

        var epoch = number < LeastEpoch ? null : StatedTime.OfEpoch(number);
        if (isLifetime)
        {
            if (epoch > requestedAt && epoch <= requestedAt + longest)
            {
                notes.Add($"{Shown(member)} is a time since 1970 instead of a lifetime: read as such");
                return new(epoch, true, false);
            }

            return new(After(number), true, false);
        }

        if (number < LeastEpoch)
        {
            if (number > longest.TotalSeconds)
            {
                return Unstated(member, "a time long ago");
            }

            notes.Add($"{Shown(member)} is too small for a time since 1970: read as a lifetime in seconds");
            return new(After(number), true, false);
        }

        return new(epoch ?? DateTimeOffset.MaxValue, true, false);
    }

    private Statement Unstated(JsonProperty member, string what, bool isUnreadable = false)
    {
        if (isUnreadable)
        {
            Unreadable.Add(Shown(member));
        }

        notes.Add($"{Shown(member)} is {what}: ignored");
        return default;
    }

    private DateTimeOffset After(double seconds) =>
        seconds < (DateTimeOffset.MaxValue - requestedAt).TotalSeconds - 1 ? requestedAt.AddSeconds(seconds) : DateTimeOffset.MaxValue;

    private static string Shown(JsonProperty member) => ProviderJson.Printable(member.Name, 40);

    // Where it is too large for a number, it is infinite in its direction.
    private static double NumberOf(JsonElement value) =>
        value.TryGetDouble(out var number) ? number : value.GetRawText()[0] == '-' ? double.NegativeInfinity : double.PositiveInfinity;

    private static TimeSpan? SpanOf(string text)
    {
        if (text.StartsWith('P') || text.StartsWith("-P", StringComparison.Ordinal))
        {
            try
            {
                return System.Xml.XmlConvert.ToTimeSpan(text);
            }
            catch (Exception error) when (error is FormatException or OverflowException)
            {
                return null;
            }
        }

        return text.Count(sign => sign == ':') == 2 && TimeSpan.TryParseExact(text, "c", CultureInfo.InvariantCulture, out var span) ? span : null;
    }

    private static double? UnitOf(string unit) => unit.ToLowerInvariant() switch
    {
        "" => null,
        "ms" or ['m', 's', 'e', 'c', ..] or ['m', 'i', 'l', ..] => 0.001,
        ['s', ..] => 1,
        ['m', ..] => 60,
        ['h', ..] => 3600,
        ['d', ..] => 86_400,
        _ => 604_800,
    };

    [GeneratedRegex(
        @"^(?<number>[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)(e[+-]?[0-9]{1,4})?) *(?<unit>ms|msecs?|millis|milliseconds?|s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|w|weeks?)?$",
        RegexOptions.IgnoreCase | RegexOptions.ExplicitCapture)]
    private static partial Regex Quantity();

    /// <param name="At">The end; null where none is stated.</param>
    /// <param name="HasOffset">False where it is a date and time without an offset, read as UTC.</param>
    private readonly record struct Statement(DateTimeOffset? At, bool HasOffset, bool IsNegative);
}

/// <summary>An end as an answer states it.</summary>
/// <param name="Name">The member that states it.</param>
internal sealed record StatedEnd(string Name, DateTimeOffset At)
{
    /// <summary>False where it is a date and time without an offset, read as UTC.</summary>
    public bool HasOffset { get; init; } = true;

    /// <summary>True where the token says it of itself.</summary>
    public bool IsOfToken { get; init; }
}
