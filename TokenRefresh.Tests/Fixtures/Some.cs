using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;

namespace TokenRefresh.Tests.Fixtures;

/// <summary>Valid examples of what the domain is made of, all as of <see cref="Now"/>.</summary>
internal static class Some
{
    public static readonly DateTimeOffset Now = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    public static readonly RenewalRule Rule = new(TimeSpan.FromMinutes(5), 0.667);

    public static ConfiguredToken Settings(Grant grant = Grant.ClientCredentials, ITokenProvider? provider = null) =>
        new(new("jibit", [], grant, new Dictionary<string, string>()), provider ?? new ModelProvider(), Rule, TimeSpan.FromHours(2));

    public static IssuedToken Issued(DateTimeOffset requestedAt, TimeSpan life, string suffix = "1") =>
        new($"access-{suffix}", $"refresh-{suffix}", requestedAt, requestedAt + life, requestedAt + (2 * life), []);

    public static Token New()
    {
        var token = Token.New("jibit", Now.AddDays(-1));
        token.Configure(Settings());
        return token;
    }

    /// <summary>A day's token, half an hour old.</summary>
    public static Token Fresh() => Aged(TimeSpan.FromMinutes(30));

    /// <summary>A day's token with seven hours left.</summary>
    public static Token Due() => Aged(TimeSpan.FromHours(17));

    /// <summary>A day's token that died an hour ago.</summary>
    public static Token Expired() => Aged(TimeSpan.FromHours(25));

    public static Token Aged(TimeSpan age)
    {
        var token = New();
        var issued = Issued(Now - age, TimeSpan.FromHours(24));
        var contact = new ProviderContact(issued.RequestedAt, "settings of today");
        token.Apply(
            token.Issued(issued, "sealed", "sealed", RenewalPolicy.Plan(token.Name, Rule, issued.RequestedAt, issued.ExpiresAt), "{}", contact, issued.RequestedAt), token.Version + 1);
        return token;
    }

    /// <summary>A due token whose last attempt failed.</summary>
    public static Token Failing(FailureKind kind, DateTimeOffset? nextAttemptAt = null, string? retryJobId = null)
    {
        var token = Due();
        token.RecordFailure(new(kind, "HTTP 500"), nextAttemptAt, retryJobId);
        return token;
    }
}
