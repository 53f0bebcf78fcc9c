using System.Buffers.Text;
using System.Text;

namespace TokenRefresh.Bench.Chaos;

/// <summary>A token of the run: its name, whose shape its provider has, and how long it lives.</summary>
internal sealed record ChaosToken(string Name, bool IsJibit, TimeSpan Life)
{
    public static readonly IReadOnlyList<ChaosToken> All =
    [
        new("a40", false, TimeSpan.FromSeconds(40)),
        new("a90", false, TimeSpan.FromSeconds(90)),
        new("a180", false, TimeSpan.FromSeconds(180)),
        new("a300", false, TimeSpan.FromSeconds(300)),
        new("a600", false, TimeSpan.FromSeconds(600)),
        new("j120", true, TimeSpan.FromSeconds(120)),
        new("j240", true, TimeSpan.FromSeconds(240)),
        new("j400", true, TimeSpan.FromSeconds(400)),
    ];
}

/// <summary>An access token as the provider knows it. It lives until its own end, also after another has followed it, unless the provider ends it then.</summary>
internal sealed class IssuedAccess(ChaosToken token, int number, string text, DateTimeOffset at, DateTimeOffset expiresAt)
{
    private long firstServedAt;

    public ChaosToken Token => token;

    /// <summary>Grows with each issue, over all tokens.</summary>
    public int Number => number;

    public string Text => text;

    public DateTimeOffset At => at;

    public DateTimeOffset ExpiresAt => expiresAt;

    /// <summary>When the provider ended it because another followed; null where it did not.</summary>
    public DateTimeOffset? ReplacedAt { get; set; }

    /// <summary>When a node first served it as saved: since then it is stored for certain. Null for never.</summary>
    public DateTimeOffset? FirstServedAt => Interlocked.Read(ref firstServedAt) is > 0 and var ticks ? new DateTimeOffset(ticks, TimeSpan.Zero) : null;

    public void WasServed(DateTimeOffset at) => Interlocked.CompareExchange(ref firstServedAt, at.UtcTicks, 0);
}

/// <summary>One call at the provider.</summary>
internal sealed class Call(ChaosToken token, string? refreshToken, int process, DateTimeOffset arrivedAt)
{
    public ChaosToken Token => token;

    /// <summary>The refresh token that was sent; null where the credentials were.</summary>
    public string? RefreshToken => refreshToken;

    /// <summary>The process that made it; 0 where it had gone before it could be told.</summary>
    public int Process => process;

    public DateTimeOffset ArrivedAt => arrivedAt;

    public DateTimeOffset? EndedAt { get; set; }

    /// <summary>What was issued; null where nothing was.</summary>
    public IssuedAccess? Issued { get; set; }

    /// <summary>The call by which the refresh token that this one sent had been used up.</summary>
    public Call? UsedUpBy { get; set; }

    /// <summary>The answer went out in full to a caller that was there.</summary>
    public bool IsDelivered { get; set; }
}

/// <summary>A pair as it is answered with.</summary>
internal sealed record Pair(IssuedAccess Access, string RefreshToken);

/// <summary>The provider's books: what it issued, which refresh tokens were used up by whom, and what is in flight.</summary>
/// <param name="endsReplaced">True where a new access token ends the one before.</param>
internal sealed class ProviderBook(bool endsReplaced)
{
    private readonly Lock gate = new();
    private readonly Dictionary<string, Call?> usedUpBy = new(StringComparer.Ordinal);
    private readonly Dictionary<string, IssuedAccess> issued = new(StringComparer.Ordinal);
    private readonly List<Call> inFlight = [];
    private readonly List<Call> calls = [];
    private readonly List<(Call First, Call Second)> overlaps = [];

    /// <summary>Calls for one token of which the second came before the first had ended here.</summary>
    public IReadOnlyList<(Call First, Call Second)> Overlaps
    {
        get
        {
            lock (gate)
            {
                return [.. overlaps];
            }
        }
    }

    public IReadOnlyList<Call> Calls
    {
        get
        {
            lock (gate)
            {
                return [.. calls];
            }
        }
    }

    public IssuedAccess? Find(string accessToken)
    {
        lock (gate)
        {
            return issued.GetValueOrDefault(accessToken);
        }
    }

    public Call Arrive(ChaosToken token, string? refreshToken, int process)
    {
        lock (gate)
        {
            var call = new Call(token, refreshToken, process, Timeline.Now) { UsedUpBy = refreshToken is null ? null : usedUpBy.GetValueOrDefault(refreshToken) };
            calls.Add(call);
            overlaps.AddRange(inFlight.Where(other => other.Token == token).Select(other => (other, call)));
            inFlight.Add(call);
            return call;
        }
    }

    public void End(Call call)
    {
        lock (gate)
        {
            call.EndedAt = Timeline.Now;
            inFlight.Remove(call);
        }
    }

    /// <summary>Does what a call asks for, whatever its caller will hear of it; null where the refresh token is no good.</summary>
    public Pair? Process(Call call)
    {
        lock (gate)
        {
            if (call.RefreshToken is { } sent && (!usedUpBy.TryGetValue(sent, out var user) || user is not null))
            {
                return null;
            }

            if (call.RefreshToken is not null)
            {
                usedUpBy[call.RefreshToken] = call;
            }

            var now = Timeline.Now;
            var number = issued.Count + 1;
            var expiresAt = now + call.Token.Life;
            var text = call.Token.IsJibit ? Jwt(call.Token, number, ref expiresAt) : $"access.{call.Token.Name}.{number}";
            if (endsReplaced && issued.Values.Where(access => access.Token == call.Token).MaxBy(access => access.Number) is { } replaced)
            {
                replaced.ReplacedAt = now;
            }

            call.Issued = issued[text] = new(call.Token, number, text, now, expiresAt);
            var refreshToken = $"refresh.{call.Token.Name}.{number}";
            usedUpBy[refreshToken] = null;
            return new(call.Issued, refreshToken);
        }
    }

    // Jibit states a life nowhere but in the token itself, in whole seconds.
    private static string Jwt(ChaosToken token, int number, ref DateTimeOffset expiresAt)
    {
        expiresAt = DateTimeOffset.FromUnixTimeSeconds(expiresAt.ToUnixTimeSeconds());
        return $"{Part("""{"alg":"none"}""")}.{Part($$"""{"sub":"{{token.Name}}","jti":"{{number}}","exp":{{expiresAt.ToUnixTimeSeconds()}}}""")}.{Part("unsigned")}";
    }

    private static string Part(string json) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(json));
}
