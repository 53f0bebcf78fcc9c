using System.Collections.Concurrent;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace TokenRefresh.Providers.Client;

/// <summary>A token as a program holds it. Holds a secret, so it never prints it.</summary>
/// <param name="Value">The bearer token.</param>
/// <param name="Version">Which of the tokens of this name it is; reported when an API refuses it.</param>
/// <param name="ExpiresAt">When it expires, by this program's clock.</param>
public sealed record HeldAccessToken(string Value, long Version, DateTimeOffset ExpiresAt)
{
    /// <inheritdoc />
    public override string ToString() => $"{nameof(HeldAccessToken)} {{ {nameof(Version)} = {Version}, {nameof(ExpiresAt)} = {ExpiresAt:O} }}";
}

/// <summary>
/// Gets tokens from a TokenRefresh server and keeps each until shortly before it expires. Callers of one token share one call, each with
/// its own cancellation; while the server is away, a held token is used for as long as it is valid.
/// </summary>
/// <param name="http">Sends to the server; its base address is set here.</param>
public sealed class TokenRefreshClient(HttpClient http, TokenRefreshClientOptions options, TimeProvider clock)
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(50), LongestPause = TimeSpan.FromSeconds(1);

    private readonly ConcurrentDictionary<string, Slot> slots = new(StringComparer.Ordinal);

    /// <summary>A valid token.</summary>
    /// <exception cref="TokenUnavailableException">There is none.</exception>
    public async ValueTask<HeldAccessToken> GetAsync(string token, CancellationToken cancellationToken)
    {
        var slot = slots.GetOrAdd(token, static name => new(name));
        return slot.Held is { } held && held.ExpiresAt - clock.GetUtcNow() > options.EarlyBy
            ? held
            : await slot.Fetch.Share(() => FetchAsync(slot)).WaitAsync(cancellationToken);
    }

    /// <summary>Reports that an API refused a token, and waits for the one that replaces it.</summary>
    /// <returns>Null where none came in time, or where the last replacement was refused too a moment ago.</returns>
    public async Task<HeldAccessToken?> ReplaceAsync(string token, long refused, CancellationToken cancellationToken)
    {
        var slot = slots.GetOrAdd(token, static name => new(name));
        if (Newer() is { } newer)
        {
            return newer;
        }

        if (slot.Replacement.Underway is null && slot.LastReport is { } last && clock.GetElapsedTime(last) < options.ReportsApart)
        {
            // A replacement that came while this was asked, or none.
            return Newer();
        }

        return await slot.Replacement.Share(() => FetchReplacementAsync(slot, refused)).WaitAsync(cancellationToken);

        HeldAccessToken? Newer() => slot.Held is { } held && held.Version > refused ? held : null;
    }

    private async Task<HeldAccessToken?> FetchReplacementAsync(Slot slot, long refused)
    {
        var since = clock.GetTimestamp();
        try
        {
            using var report = Request(HttpMethod.Post, slot.Token, "rejected");
            report.Content = JsonContent.Create(new Report(refused));
            using var reported = await SendAsync(report);
            if (!reported.IsSuccessStatusCode)
            {
                return null;
            }

            slot.LastReport = since;
            for (var pause = FirstPause; clock.GetElapsedTime(since) < options.Timeout; pause = pause * 2 < LongestPause ? pause * 2 : LongestPause)
            {
                if (await FetchAsync(slot) is { } held && held.Version > refused)
                {
                    return held;
                }

                await Task.Delay(pause, clock);
            }
        }
        catch (Exception error) when (IsTransport(error))
        {
            // The refusal itself is what the caller learns.
        }

        return null;
    }

    private async Task<HeldAccessToken> FetchAsync(Slot slot)
    {
        var requestedAt = clock.GetUtcNow();
        try
        {
            using var request = Request(HttpMethod.Get, slot.Token, $"access-token?min_validity={(int)options.EarlyBy.TotalSeconds}");
            using var response = await SendAsync(request);
            if (!response.IsSuccessStatusCode)
            {
                var problem = await ProblemAsync(response);
                return StillValid(slot) ?? throw new TokenUnavailableException(slot.Token, problem.Code ?? $"http_{(int)response.StatusCode}", problem.Title ?? "", response.Headers.RetryAfter?.Delta);
            }

            var answer = await response.Content.ReadFromJsonAsync<Served>() ?? throw new JsonException("null");
            var served = new HeldAccessToken(answer.AccessToken, answer.Version, requestedAt + TimeSpan.FromSeconds(answer.ExpiresIn));

            // Another node of the server may not have heard yet of the version that is held here.
            return slot.Held = StillValid(slot) is { } newer && newer.Version > served.Version ? newer : served;
        }
        catch (Exception error) when (error is not TokenUnavailableException && (IsTransport(error) || error is JsonException))
        {
            return StillValid(slot) ?? throw new TokenUnavailableException(slot.Token, "server_unreachable", $"{options.Server} did not answer as a TokenRefresh server does.", null, error);
        }
    }

    private HeldAccessToken? StillValid(Slot slot) => slot.Held is { } held && held.ExpiresAt > clock.GetUtcNow() ? held : null;

    private HttpRequestMessage Request(HttpMethod method, string token, string call) => new(method, new Uri(options.Server, $"/api/tokens/{Uri.EscapeDataString(token)}/{call}"))
    {
        Headers = { Authorization = new AuthenticationHeaderValue("Bearer", options.Key) },
    };

    private async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request)
    {
        using var limit = new CancellationTokenSource(options.Timeout, clock);
        return await http.SendAsync(request, limit.Token);
    }

    private static async Task<Problem> ProblemAsync(HttpResponseMessage response)
    {
        try
        {
            return await response.Content.ReadFromJsonAsync<Problem>() ?? new(null, null);
        }
        catch (JsonException)
        {
            return new(null, null);
        }
    }

    private static bool IsTransport(Exception error) => error is HttpRequestException or IOException or OperationCanceledException;

    private sealed record Served(
        [property: JsonPropertyName("access_token"), JsonRequired] string AccessToken, [property: JsonPropertyName("version"), JsonRequired] long Version,
        [property: JsonPropertyName("expires_in"), JsonRequired] long ExpiresIn);

    private sealed record Report([property: JsonPropertyName("version")] long Version);

    private sealed record Problem([property: JsonPropertyName("code")] string? Code, [property: JsonPropertyName("title")] string? Title);

    /// <summary>One token: what is held of it, and the calls that are under way for it.</summary>
    private sealed class Slot(string token)
    {
        private readonly Lock gate = new();
        private long? lastReport;

        public string Token => token;

        public HeldAccessToken? Held
        {
            get => Volatile.Read(ref field);
            set => Volatile.Write(ref field, value);
        }

        public SingleFlight<HeldAccessToken> Fetch { get; } = new();

        public SingleFlight<HeldAccessToken?> Replacement { get; } = new();

        public long? LastReport
        {
            get
            {
                lock (gate)
                {
                    return lastReport;
                }
            }

            set
            {
                lock (gate)
                {
                    lastReport = value;
                }
            }
        }
    }
}
