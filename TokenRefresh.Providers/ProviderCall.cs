using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Text.RegularExpressions;
using Polly.CircuitBreaker;
using Polly.Timeout;

namespace TokenRefresh.Providers;

/// <summary>An answer as it came: status, capped body, and what its headers say about trying again and tracking.</summary>
internal sealed record ProviderReply(HttpStatusCode Status, byte[] Body, TimeSpan? RetryAfter, string? TrackId)
{
    /// <summary>How this machine's clock stands to the provider's, by the answer's <c>Date</c>.</summary>
    public ClockReading? Clock { get; init; }

    public bool IsSuccess => (int)Status is >= 200 and < 300;

    public override string ToString() => $"HTTP {(int)Status}";
}

/// <summary>The only place where calls, time-outs and answers become results; providers themselves catch nothing.</summary>
/// <param name="timeout">The longest that sending and reading may take together.</param>
/// <param name="trackId">The id sent with the call, by which the provider's support finds it even where no answer gives it back.</param>
internal sealed partial class ProviderCall(TimeProvider clock, TimeSpan timeout, string? trackId = null)
{
    /// <summary>Shorter texts occur by chance; of longer ones this much is enough to know them by, even where a code was cut.</summary>
    private const int LeastSecret = 8, EnoughOfASecret = 32;

    private static readonly TimeSpan LongestRetryAfter = TimeSpan.FromDays(1);

    /// <summary>What is sent and must not come back in words for people, whatever a provider repeats in its codes.</summary>
    public IReadOnlyList<string?> Secrets { get; init; } = [];

    /// <summary>Finds the id of a right answer in its body; null where a provider states none there.</summary>
    public Func<ProviderReply, string?>? Track { get; init; }

    /// <summary>Makes a call that issues a token.</summary>
    /// <param name="send">Sends the request.</param>
    /// <param name="read">Reads a successful answer, given the instant before it was asked for; throws <see cref="InvalidAnswerException"/>.</param>
    /// <param name="refuse">Classifies any other answer.</param>
    public async Task<ProviderResult> IssueAsync(
        Func<CancellationToken, Task<HttpResponseMessage>> send, Func<ProviderReply, DateTimeOffset, IssuedToken> read, Func<ProviderReply, ProviderFailure> refuse, CancellationToken limit)
    {
        var requestedAt = clock.GetUtcNow();
        var (failure, issued) = await SendAsync(send, reply => Reckon(reply, requestedAt, read), refuse, limit);
        return failure is null
            ? new ProviderResult.Issued(issued.Answer.Token, issued.TrackId) { Clock = issued.Answer.Clock, HttpStatus = issued.Status }
            : new ProviderResult.Failed(failure);
    }

    /// <summary>Makes a call whose answer only has to be right. Null when it was.</summary>
    public async Task<(ProviderFailure? Failure, TimeSpan Latency)> CheckAsync(
        Func<CancellationToken, Task<HttpResponseMessage>> send, Action<ProviderReply> check, Func<ProviderReply, ProviderFailure> refuse, CancellationToken limit)
    {
        var started = clock.GetTimestamp();
        var (failure, _) = await SendAsync(
            send,
            reply =>
            {
                check(reply);
                return true;
            },
            refuse,
            limit);
        return (failure, clock.GetElapsedTime(started));
    }

    private async Task<(ProviderFailure? Failure, (T? Answer, string? TrackId, int Status) Issued)> SendAsync<T>(
        Func<CancellationToken, Task<HttpResponseMessage>> send, Func<ProviderReply, T> read, Func<ProviderReply, ProviderFailure> refuse, CancellationToken limit)
    {
        // The pipeline's time-out ends with the headers; this one covers the body too, and comes second so that the circuit counts the first.
        using var overall = new CancellationTokenSource(timeout + TimeSpan.FromSeconds(1), clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(overall.Token, limit);
        ProviderReply? reply = null;
        HttpStatusCode? status = null;
        var sentAt = clock.GetUtcNow();
        try
        {
            using var response = await send(either.Token);
            status = response.StatusCode;
            var seen = ClockReading.Of(response.Headers, sentAt, clock.GetUtcNow());
            reply = new(response.StatusCode, await ReplyBody.ReadAsync(response.Content, either.Token), RetryAfter(response), Unsecret(TrackId(response)) ?? trackId) { Clock = seen };
        }
        catch (InvalidAnswerException error)
        {
            return (Invalid(error), default);
        }
        catch (Exception error) when (Unanswered(error, overall.Token, limit) is { } failure)
        {
            return (failure, default);
        }

        // From here on the provider has answered: what goes wrong is the answer's fault or ours, never a connection's.
        try
        {
            return reply.IsSuccess
                ? (null, (read(reply), Unsecret(Track?.Invoke(reply)) ?? reply.TrackId, (int)reply.Status))
                : ((int)reply.Status switch
                {
                    >= 300 and < 400 => Failure(FailureKind.InvalidResponse, $"HTTP {(int)reply.Status}: a redirect, which is not followed"),
                    407 => Failure(FailureKind.ProviderDown, ProxyRefusal(407)),
                    _ => Unsecret(refuse(reply) with { RetryAfter = reply.RetryAfter }),
                }, default);
        }
        catch (InvalidAnswerException error)
        {
            return (Invalid(error), default);
        }
        catch (Exception error)
        {
            var cause = (error as TypeInitializationException)?.InnerException ?? error;
            return (Failure(FailureKind.Internal, $"HTTP {(int)reply.Status}: an error in this program while reading the answer ({cause.GetType().Name})"), default);
        }

        // An error page that is too large to be read is one all the same.
        ProviderFailure Invalid(InvalidAnswerException error) => Unsecret(error.Failure) ?? Failure(
            (int?)status >= 500 ? FailureKind.ProviderDown : FailureKind.InvalidResponse, $"HTTP {(int?)status}: {Unsecret(error.Message) ?? "the answer contains a secret"}");

        ProviderFailure Failure(FailureKind kind, string reason) =>
            new(kind, reason) { HttpStatus = (int?)status, TrackId = reply?.TrackId ?? trackId };
    }

    private ProviderFailure? Unsecret(ProviderFailure? failure) =>
        failure is null || (Unsecret(failure.Reason) is not null && Unsecret(failure.ProviderCode ?? "") is not null && Unsecret(failure.TrackId ?? "") is not null)
            ? failure
            : failure with { Reason = $"HTTP {failure.HttpStatus}; the message contains a secret and is not shown", ProviderCode = null, TrackId = trackId };

    // A careless server may repeat what it was sent, or what it issues, where a word of its own is expected.
    private IssuedToken Discreet(IssuedToken token) =>
        token with { Notes = [.. token.Notes.Where(note => Unsecret(note) is not null && !Repeats(note, [token.AccessToken, token.RefreshToken]))] };

    /// <summary>The text, or null where it repeats a secret.</summary>
    private string? Unsecret(string? text) => text is null || Repeats(text, Secrets) ? null : text;

    /// <summary>True where the text holds one of the secrets, or the beginning of one.</summary>
    internal static bool Repeats(string text, IReadOnlyList<string?> secrets) =>
        secrets.Any(secret => secret?.Length >= LeastSecret && text.Contains(secret[..Math.Min(secret.Length, EnoughOfASecret)], StringComparison.Ordinal));

    /// <summary>Why there is no answer, found in whatever the HTTP layers wrapped around it; null for a mistake of ours.</summary>
    private ProviderFailure? Unanswered(Exception error, CancellationToken overall, CancellationToken limit)
    {
        var isTransport = false;
        for (var at = error; at is not null; at = at.InnerException)
        {
            switch (at)
            {
                case BrokenCircuitException broken:
                    return new(FailureKind.ProviderDown, "circuit breaker open: no call was made, because the last calls were not answered") { RetryAfter = broken.RetryAfter };
                case RefusedAddressException:
                    return new(FailureKind.Configuration, RefusedAddressException.Words);
                case TimeoutRejectedException:
                    return Down($"no answer within {timeout.TotalSeconds:0.#} s");
                case OperationCanceledException when overall.IsCancellationRequested:
                    return Down($"no complete answer within {timeout.TotalSeconds:0.#} s");
                case OperationCanceledException when limit.IsCancellationRequested:
                    return Down("stopped by the job's timeout");

                // How the handler reports its ConnectTimeout, inside a cancellation that is neither of the above.
                case TimeoutException:
                    return Down("connection timed out");
                case AuthenticationException:
                    return Down("no secure connection (TLS)");
                case SocketException socket:
                    return Down(socket.SocketErrorCode switch
                    {
                        SocketError.ConnectionRefused => "connection refused",
                        SocketError.HostNotFound or SocketError.NoData or SocketError.TryAgain => "host name not found",
                        SocketError.TimedOut => "connection timed out",
                        _ => $"connection failed ({socket.SocketErrorCode})",
                    });
                case HttpRequestException { HttpRequestError: HttpRequestError.ProxyTunnelError } tunnel:
                    // Its status is told in the message alone.
                    return Down(TunnelStatus().Match(tunnel.Message) is { Success: true } answered
                        ? ProxyRefusal(int.Parse(answered.Value, CultureInfo.InvariantCulture))
                        : "the proxy could not connect to the provider");
                case HttpRequestException { HttpRequestError: HttpRequestError.ConfigurationLimitExceeded }:
                    return new(FailureKind.InvalidResponse, "the answer's headers are too large") { TrackId = trackId };
            }

            isTransport |= at is HttpRequestException or IOException;
        }

        return isTransport ? Down("connection broken before the answer was complete") : null;

        ProviderFailure Down(string reason) => new(FailureKind.ProviderDown, reason) { TrackId = trackId };
    }

    // Retried like any connection that fails, so that the tokens heal by themselves once the proxy lets calls pass; but whose fault it is, is said.
    private static string ProxyRefusal(int status) => status == 407
        ? "HTTP 407 from the proxy, not from the provider: the proxy in HTTPS_PROXY or HTTP_PROXY needs a user name and password, or different ones"
        : $"HTTP {status} from the proxy in HTTPS_PROXY, not from the provider: it could not connect";

    [GeneratedRegex(@"\b[1-5]\d\d\b(?=\D*$)")]
    private static partial Regex TunnelStatus();

    // A date is the provider's, so it is read against the provider's own clock.
    private TimeSpan? RetryAfter(HttpResponseMessage response)
    {
        var asked = response.Headers.RetryAfter switch
        {
            { Delta: { } delta } => delta,
            { Date: { } date } => date - (response.Headers.Date ?? clock.GetUtcNow()),
            _ => response.Headers.NonValidated.TryGetValues("Retry-After", out var values)
                && double.TryParse(values.ToString(), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var seconds)
                ? TimeSpan.FromSeconds(Math.Min(seconds, LongestRetryAfter.TotalSeconds))
                : (TimeSpan?)null,
        };
        return asked is { } span && span > TimeSpan.Zero ? (span < LongestRetryAfter ? span : LongestRetryAfter) : null;
    }

    private static string? TrackId(HttpResponseMessage response) =>
        response.Headers.TryGetValues("X-TRACK-ID", out var values) ? ProviderJson.Printable(values.First(), 64) : null;

    // The answer is read by the provider's clock, where that is known to differ, and what it states is then turned into ours: a machine whose clock is wrong
    // takes no good token for an expired one, and serves none beyond its end.
    private (IssuedToken Token, ClockReading? Clock) Reckon(ProviderReply reply, DateTimeOffset requestedAt, Func<ProviderReply, DateTimeOffset, IssuedToken> read)
    {
        var byDate = reply.Clock;
        var ahead = byDate is { IsSignificant: true } ? byDate.Ahead : TimeSpan.Zero;
        var token = Read();
        if (ahead != TimeSpan.Zero && token.ExpiresAt <= requestedAt)
        {
            // By that Date the token would be expired. A gateway on the way may have written it; it counts only where our own clock makes no sense of the token either.
            (byDate, ahead) = (null, TimeSpan.Zero);
            token = Read();
        }

        if (ClockReading.Of(token, requestedAt - ahead, clock.GetUtcNow() - ahead, byDate is not null) is not { } shown)
        {
            return (Discreet(Sane(token)), byDate);
        }

        ahead += shown.Ahead;
        token = Read();
        return (Discreet(Sane(token)), shown with { Ahead = ahead });

        IssuedToken Read()
        {
            var theirs = read(reply, requestedAt - ahead);
            return theirs with { RequestedAt = requestedAt, ExpiresAt = Ours(theirs.ExpiresAt), RefreshExpiresAt = theirs.RefreshExpiresAt is { } end ? Ours(end) : null };
        }

        DateTimeOffset Ours(DateTimeOffset at) => ahead <= DateTimeOffset.MaxValue - at ? at + ahead : at;
    }

    private IssuedToken Sane(IssuedToken token)
    {
        var life = token.ExpiresAt - token.RequestedAt;
        return life <= TimeSpan.Zero || life > IssuedToken.LongestLife ? throw new InvalidAnswerException($"the token's lifetime is not plausible ({life})")
            : token.ExpiresAt <= clock.GetUtcNow() ? throw new InvalidAnswerException("the token had already expired when it arrived")
            : token.RefreshExpiresAt <= token.RequestedAt ? throw new InvalidAnswerException("the refresh token's lifetime is not plausible")
            : token;
    }
}

/// <summary>A successful status with an answer that is not what the provider documents. The message tells the shape, never a value.</summary>
internal sealed class InvalidAnswerException(string message) : Exception(message)
{
    /// <summary>The classified failure, where the answer itself says that the call has failed.</summary>
    public ProviderFailure? Failure { get; init; }
}
