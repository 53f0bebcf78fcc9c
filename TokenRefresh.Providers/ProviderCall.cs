using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Security.Authentication;
using Polly.CircuitBreaker;
using Polly.Timeout;

namespace TokenRefresh.Providers;

/// <summary>An answer as it came: status, capped body, and what its headers say about trying again and tracking.</summary>
internal sealed record ProviderReply(HttpStatusCode Status, byte[] Body, TimeSpan? RetryAfter, string? TrackId)
{
    public bool IsSuccess => (int)Status is >= 200 and < 300;

    public override string ToString() => $"HTTP {(int)Status}";
}

/// <summary>The only place where calls, time-outs and answers become results; providers themselves catch nothing.</summary>
/// <param name="timeout">The longest that sending and reading may take together.</param>
/// <param name="trackId">The id sent with the call, by which the provider's support finds it even where no answer gives it back.</param>
internal sealed class ProviderCall(TimeProvider clock, TimeSpan timeout, string? trackId = null)
{
    /// <summary>No documented answer comes near this; what is larger is refused unread.</summary>
    private const int LargestBody = 1024 * 1024;

    /// <summary>Shorter texts occur by chance; of longer ones this much is enough to know them by, even where a code was cut.</summary>
    private const int LeastSecret = 8, EnoughOfASecret = 32;

    private static readonly TimeSpan LongestLife = TimeSpan.FromDays(366);
    private static readonly TimeSpan LongestRetryAfter = TimeSpan.FromDays(1);

    /// <summary>What is sent and must not come back in words for people, whatever a provider repeats in its codes.</summary>
    public IReadOnlyList<string?> Secrets { get; init; } = [];

    /// <summary>Makes a call that issues a token.</summary>
    /// <param name="send">Sends the request.</param>
    /// <param name="read">Reads a successful answer, given the instant before it was asked for; throws <see cref="InvalidAnswerException"/>.</param>
    /// <param name="refuse">Classifies any other answer.</param>
    public async Task<ProviderResult> IssueAsync(
        Func<CancellationToken, Task<HttpResponseMessage>> send, Func<ProviderReply, DateTimeOffset, IssuedToken> read, Func<ProviderReply, ProviderFailure> refuse, CancellationToken limit)
    {
        var requestedAt = clock.GetUtcNow();
        var (failure, issued) = await SendAsync(send, reply => Sane(read(reply, requestedAt)), refuse, limit);
        return failure is null ? new ProviderResult.Issued(issued.Answer!, issued.TrackId) : new ProviderResult.Failed(failure);
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

    private async Task<(ProviderFailure? Failure, (T? Answer, string? TrackId) Issued)> SendAsync<T>(
        Func<CancellationToken, Task<HttpResponseMessage>> send, Func<ProviderReply, T> read, Func<ProviderReply, ProviderFailure> refuse, CancellationToken limit)
    {
        // The pipeline's time-out ends with the headers; this one covers the body too, and comes second so that the circuit counts the first.
        using var overall = new CancellationTokenSource(timeout + TimeSpan.FromSeconds(1), clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(overall.Token, limit);
        ProviderReply? reply = null;
        HttpStatusCode? status = null;
        try
        {
            using var response = await send(either.Token);
            status = response.StatusCode;
            reply = new(response.StatusCode, await ReadAsync(response, either.Token), RetryAfter(response), Unsecret(TrackId(response)) ?? trackId);
            if (reply.IsSuccess)
            {
                return (null, (read(reply), reply.TrackId));
            }

            return ((int)reply.Status is >= 300 and < 400
                ? Failure(FailureKind.InvalidResponse, $"HTTP {(int)reply.Status}: a redirect, which is not followed")
                : Unsecret(refuse(reply) with { RetryAfter = reply.RetryAfter }), default);
        }
        catch (InvalidAnswerException error)
        {
            // An error page that is too large to be read is one all the same.
            var kind = (int?)status >= 500 ? FailureKind.ProviderDown : FailureKind.InvalidResponse;
            return (Unsecret(error.Failure) ?? Failure(kind, $"HTTP {(int?)status}: {Unsecret(error.Message) ?? "the answer repeats a secret"}"), default);
        }
        catch (Exception error) when (Unanswered(error, overall.Token, limit) is { } failure)
        {
            return (failure, default);
        }

        ProviderFailure Failure(FailureKind kind, string reason) =>
            new(kind, reason) { HttpStatus = (int?)status, TrackId = reply?.TrackId ?? trackId };
    }

    private ProviderFailure? Unsecret(ProviderFailure? failure) =>
        failure is null || (Unsecret(failure.Reason) is not null && Unsecret(failure.ProviderCode ?? "") is not null && Unsecret(failure.TrackId ?? "") is not null)
            ? failure
            : failure with { Reason = $"HTTP {failure.HttpStatus} with words that repeat a secret", ProviderCode = null, TrackId = trackId };

    /// <summary>The text, or null where it repeats a secret.</summary>
    private string? Unsecret(string? text) =>
        text is null || Secrets.Any(secret => secret?.Length >= LeastSecret && text.Contains(secret[..Math.Min(secret.Length, EnoughOfASecret)], StringComparison.Ordinal)) ? null : text;

    /// <summary>Why there is no answer, found in whatever the HTTP layers wrapped around it; null for a mistake of ours.</summary>
    private ProviderFailure? Unanswered(Exception error, CancellationToken overall, CancellationToken limit)
    {
        var isTransport = false;
        for (var at = error; at is not null; at = at.InnerException)
        {
            switch (at)
            {
                case BrokenCircuitException broken:
                    return new(FailureKind.ProviderDown, "circuit open: no call was made, because the last ones went unanswered") { RetryAfter = broken.RetryAfter };
                case TimeoutRejectedException:
                    return Down($"no answer within {timeout.TotalSeconds:0.#} s");
                case OperationCanceledException when overall.IsCancellationRequested:
                    return Down($"no complete answer within {timeout.TotalSeconds:0.#} s");
                case OperationCanceledException when limit.IsCancellationRequested:
                    return Down("stopped by the job's limit");

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
                case HttpRequestException { HttpRequestError: HttpRequestError.ConfigurationLimitExceeded }:
                    return new(FailureKind.InvalidResponse, "the answer's headers are too large") { TrackId = trackId };
            }

            isTransport |= at is HttpRequestException or IOException;
        }

        return isTransport ? Down("connection broken before the answer was complete") : null;

        ProviderFailure Down(string reason) => new(FailureKind.ProviderDown, reason) { TrackId = trackId };
    }

    private static async Task<byte[]> ReadAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        if (response.Content.Headers.ContentLength > LargestBody)
        {
            throw new InvalidAnswerException("the answer is larger than 1 MB");
        }

        await using var stream = await response.Content.ReadAsStreamAsync(cancellationToken);
        using var body = new MemoryStream();
        var buffer = new byte[16 * 1024];
        for (int length; (length = await stream.ReadAsync(buffer, cancellationToken)) > 0;)
        {
            body.Write(buffer, 0, length);
            if (body.Length > LargestBody)
            {
                throw new InvalidAnswerException("the answer is larger than 1 MB");
            }
        }

        return body.ToArray();
    }

    private TimeSpan? RetryAfter(HttpResponseMessage response)
    {
        var asked = response.Headers.RetryAfter switch
        {
            { Delta: { } delta } => delta,
            { Date: { } date } => date - clock.GetUtcNow(),
            _ => (TimeSpan?)null,
        };
        return asked is { } span && span > TimeSpan.Zero ? (span < LongestRetryAfter ? span : LongestRetryAfter) : null;
    }

    private static string? TrackId(HttpResponseMessage response) =>
        response.Headers.TryGetValues("X-TRACK-ID", out var values) ? Answer.Printable(values.First(), 64) : null;

    private IssuedToken Sane(IssuedToken token)
    {
        var life = token.ExpiresAt - token.RequestedAt;
        return life <= TimeSpan.Zero || life > LongestLife ? throw new InvalidAnswerException($"the token's lifetime is absurd ({life})")
            : token.ExpiresAt <= clock.GetUtcNow() ? throw new InvalidAnswerException("the token had expired when it came")
            : token.RefreshExpiresAt <= token.RequestedAt ? throw new InvalidAnswerException("the refresh token's lifetime is absurd")
            : token;
    }
}

/// <summary>A successful status with an answer that is not what the provider documents. The message tells the shape, never a value.</summary>
internal sealed class InvalidAnswerException(string message) : Exception(message)
{
    /// <summary>The classified failure, where the answer itself says that the call has failed.</summary>
    public ProviderFailure? Failure { get; init; }
}
