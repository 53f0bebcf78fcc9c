using System.Text.Json;
using System.Text.Json.Serialization;

namespace TokenRefresh.Server.Sandbox;

/// <summary>What goes wrong at a stand-in.</summary>
[JsonConverter(typeof(SnakeCaseEnumConverter<SandboxMode>))]
internal enum SandboxMode
{
    Normal,

    /// <summary>The connection breaks before anything is done.</summary>
    Down,

    [JsonStringEnumMemberName("500")]
    ServerError,

    [JsonStringEnumMemberName("503")]
    Unavailable,

    [JsonStringEnumMemberName("429")]
    TooManyRequests,

    /// <summary>The provider's own refusal of the credentials, or of the token.</summary>
    [JsonStringEnumMemberName("401")]
    Refused,

    Slow,

    /// <summary>Answers 200 with something that no client can use; nothing is issued.</summary>
    Malformed,

    /// <summary>The call is carried out, a rotation included, and then the connection breaks.</summary>
    LostAnswer,
}

/// <summary>What a malformed answer looks like.</summary>
[JsonConverter(typeof(SnakeCaseEnumConverter<MalformedShape>))]
internal enum MalformedShape
{
    Html,
    Empty,
    Half,
    Null,
    Array,
    Missing,
    Blank,
    Huge,
    Redirect,
    Failed,
}

/// <summary>How a stand-in behaves. The defaults are what <c>providers.md</c> takes for normal.</summary>
internal sealed record SandboxBehaviour
{
    public SandboxMode Mode { get; init; }

    /// <summary>How long <see cref="SandboxMode.Slow"/> waits.</summary>
    [JsonPropertyName("delay_seconds"), JsonConverter(typeof(SecondsConverter))]
    public TimeSpan Delay { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Sent with 429 and 503; neither provider documents one, so there is none by default.</summary>
    [JsonPropertyName("retry_after_seconds"), JsonConverter(typeof(SecondsConverter))]
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>How many token calls the mode still strikes before all is normal again; null for every call until further notice.</summary>
    public int? FailNext { get; init; }

    /// <summary>Of access tokens issued from now on; null for the provider's own.</summary>
    [JsonPropertyName("lifetime_seconds"), JsonConverter(typeof(SecondsConverter))]
    public TimeSpan? Lifetime { get; init; }

    /// <summary>Of refresh tokens issued from now on; null for the provider's own.</summary>
    [JsonPropertyName("refresh_lifetime_seconds"), JsonConverter(typeof(SecondsConverter))]
    public TimeSpan? RefreshLifetime { get; init; }

    /// <summary>Whether a refresh issues a new refresh token, or hands the same one back.</summary>
    public bool Rotate { get; init; } = true;

    public bool KillOldRefresh { get; init; } = true;

    public bool KillOldAccess { get; init; }

    /// <summary>Whether a refresh is refused while the access token still lives.</summary>
    public bool EarlyRefreshRefused { get; init; }

    /// <summary>Finnotech's <c>lifeTime</c> as a JSON string, as in one of its documented samples. Jibit states no lifetime.</summary>
    public bool LifetimeAsString { get; init; }

    public MalformedShape MalformedShape { get; init; }
}

/// <summary>An enumeration in the names that people write: <c>lost_answer</c>.</summary>
internal sealed class SnakeCaseEnumConverter<T>() : JsonStringEnumConverter<T>(JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false)
    where T : struct, Enum;

/// <summary>A duration as a whole number of seconds.</summary>
internal sealed class SecondsConverter : JsonConverter<TimeSpan>
{
    public override TimeSpan Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        TimeSpan.FromSeconds(reader.GetInt64());

    public override void Write(Utf8JsonWriter writer, TimeSpan value, JsonSerializerOptions options) =>
        writer.WriteNumberValue((long)value.TotalSeconds);
}
