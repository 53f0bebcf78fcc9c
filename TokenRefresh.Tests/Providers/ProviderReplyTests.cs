using System.Net;
using Microsoft.Extensions.Time.Testing;
using Shouldly;
using TokenRefresh.Providers;
using TokenRefresh.Tests.Sandbox;

namespace TokenRefresh.Tests.Providers;

/// <summary>What becomes of an answer, whichever provider gave it: its status, size, track id, lives, and words that repeat a secret.</summary>
public sealed class ProviderReplyTests
{
    private const string Sent = "track-sent", Secret = "planted-secret";

    private static readonly DateTimeOffset Now = ProviderWorld.Now;

    private readonly FakeTimeProvider clock = new(Now);

    [Theory]
    [InlineData(300)]
    [InlineData(399)]
    public async Task Every_status_from_300_to_399_is_a_redirect(int status)
    {
        var failure = (await AskAsync(Answer(status))).ShouldHaveFailed(FailureKind.InvalidResponse);

        failure.Reason.ShouldBe($"HTTP {status}: a redirect, which is not followed");
        failure.HttpStatus.ShouldBe(status);
    }

    [Theory]
    [InlineData(400)]
    [InlineData(500)]
    public async Task Other_statuses_are_classified_by_the_provider(int status) =>
        (await AskAsync(Answer(status))).ShouldHaveFailed(FailureKind.CredentialRejected).Reason.ShouldBe("refused");

    [Theory]
    [InlineData(299)]
    [InlineData(200)]
    public async Task Every_status_below_300_is_read(int status) => (await AskAsync(Answer(status))).ShouldBeOfType<ProviderResult.Issued>();

    [Fact]
    public async Task The_answer_s_track_id_stands_before_the_one_that_was_sent()
    {
        (await AskAsync(Answer(200, trackId: "track-answered"))).ShouldBeOfType<ProviderResult.Issued>().TrackId.ShouldBe("track-answered");
        (await AskAsync(Answer(302, trackId: "track-answered"))).ShouldHaveFailed(FailureKind.InvalidResponse).TrackId.ShouldBe("track-answered");
    }

    [Fact]
    public async Task Without_a_track_id_of_its_own_an_answer_is_found_by_the_one_that_was_sent()
    {
        (await AskAsync(Answer(200))).ShouldBeOfType<ProviderResult.Issued>().TrackId.ShouldBe(Sent);
        (await AskAsync(Answer(302))).ShouldHaveFailed(FailureKind.InvalidResponse).TrackId.ShouldBe(Sent);
        (await AskAsync(Answer(200, trackId: Secret))).ShouldBeOfType<ProviderResult.Issued>().TrackId.ShouldBe(Sent, "the answer's repeats a secret");
    }

    [Fact]
    public async Task A_failure_that_a_successful_status_tells_of_is_the_one_that_counts()
    {
        var told = new ProviderFailure(FailureKind.RateLimited, "told inside") { HttpStatus = 200 };

        (await AskAsync(Answer(200), _ => throw new InvalidAnswerException("x") { Failure = told })).ShouldHaveFailed(FailureKind.RateLimited).ShouldBe(told);
    }

    [Theory]
    [InlineData("no token in it", "HTTP 200: no token in it")]
    [InlineData($"{Secret} in it", "HTTP 200: the answer contains a secret")]
    public async Task What_is_wrong_with_an_answer_is_said_without_its_secrets(string wrong, string reason) =>
        (await AskAsync(Answer(200), _ => throw new InvalidAnswerException(wrong))).ShouldHaveFailed(FailureKind.InvalidResponse).Reason.ShouldBe(reason);

    [Theory]
    [InlineData($"refused {Secret}", "code", "track")]
    [InlineData("refused", $"code {Secret}", "track")]
    [InlineData("refused", "code", $"track {Secret}")]
    public async Task A_refusal_that_repeats_a_secret_anywhere_keeps_its_kind_and_none_of_its_words(string reason, string code, string trackId)
    {
        var failure = (await AskAsync(Answer(401), refusal: new(FailureKind.CredentialRejected, reason) { HttpStatus = 401, ProviderCode = code, TrackId = trackId }))
            .ShouldHaveFailed(FailureKind.CredentialRejected);

        failure.Reason.ShouldBe("HTTP 401; the message contains a secret and is not shown");
        failure.ProviderCode.ShouldBeNull();
        failure.TrackId.ShouldBe(Sent);
    }

    [Fact]
    public async Task A_refusal_without_a_secret_keeps_its_words()
    {
        var refusal = new ProviderFailure(FailureKind.CredentialRejected, "refused") { HttpStatus = 401, ProviderCode = "code", TrackId = "track" };

        (await AskAsync(Answer(401), refusal: refusal)).ShouldHaveFailed(FailureKind.CredentialRejected).ShouldBe(refusal);
    }

    [Theory]
    [InlineData("seven77", "HTTP 200: seven77")]
    [InlineData("eight888", "HTTP 200: the answer contains a secret")]
    public async Task Words_of_less_than_eight_characters_are_too_short_to_be_known_as_a_secret(string secret, string reason)
    {
        var call = new ProviderCall(clock, TimeSpan.FromSeconds(30)) { Secrets = [secret] };

        (await call.IssueAsync(_ => Task.FromResult(Answer(200)), (_, _) => throw new InvalidAnswerException(secret), Refuse, default))
            .ShouldHaveFailed(FailureKind.InvalidResponse).Reason.ShouldBe(reason);
    }

    [Theory]
    [InlineData(1024 * 1024, true)]
    [InlineData(1024 * 1024 + 1, false)]
    public async Task An_answer_of_a_megabyte_is_read_and_a_larger_one_is_not(int length, bool isRead)
    {
        var stated = await AskAsync(Answer(200, body: new byte[length]));
        var unstated = await AskAsync(Answer(200, body: new byte[length], isLengthStated: false));

        foreach (var result in new[] { stated, unstated })
        {
            if (isRead)
            {
                result.ShouldBeOfType<ProviderResult.Issued>();
            }
            else
            {
                result.ShouldHaveFailed(FailureKind.InvalidResponse).Reason.ShouldBe("HTTP 200: the answer is larger than 1 MB");
            }
        }
    }

    [Theory]
    [InlineData(500, FailureKind.ProviderDown)]
    [InlineData(404, FailureKind.InvalidResponse)]
    public async Task A_refusal_that_is_too_large_to_be_read_goes_by_its_status(int status, FailureKind kind) =>
        (await AskAsync(Answer(status, body: new byte[(1024 * 1024) + 1]))).ShouldHaveFailed(kind).Reason.ShouldBe($"HTTP {status}: the answer is larger than 1 MB");

    [Fact]
    public async Task An_answer_that_says_it_is_too_large_is_not_read_at_all()
    {
        var body = new UnreadableStream();
        var response = new HttpResponseMessage(HttpStatusCode.OK) { Content = new StreamContent(body) };
        response.Content.Headers.ContentLength = (1024 * 1024) + 1;

        var failure = (await AskAsync(response)).ShouldHaveFailed(FailureKind.InvalidResponse);

        (failure.Reason, failure.TrackId).ShouldBe(("HTTP 200: the answer is larger than 1 MB", Sent));
        body.Reads.ShouldBe(0);
    }

    [Fact]
    public async Task Headers_without_an_end_are_an_invalid_answer()
    {
        var failure = (await new ProviderCall(clock, TimeSpan.FromSeconds(30), Sent).IssueAsync(
            _ => throw new HttpRequestException(HttpRequestError.ConfigurationLimitExceeded), (_, at) => Token(at), Refuse, default)).ShouldHaveFailed(FailureKind.InvalidResponse);

        (failure.Reason, failure.TrackId).ShouldBe(("the answer's headers are too large", Sent));
    }

    [Theory]
    [InlineData(-1, "HTTP 200: the token's lifetime is not plausible (-00:00:01)")]
    [InlineData(0, "HTTP 200: the token's lifetime is not plausible (00:00:00)")]
    [InlineData((366 * 86_400) + 1, "HTTP 200: the token's lifetime is not plausible (366.00:00:01)")]
    public async Task A_life_that_cannot_be_is_an_invalid_answer(int seconds, string reason) =>
        (await AskAsync(Answer(200), at => Token(at) with { ExpiresAt = at.AddSeconds(seconds) })).ShouldHaveFailed(FailureKind.InvalidResponse).Reason.ShouldBe(reason);

    [Theory]
    [InlineData(1)]
    [InlineData(366 * 86_400)]
    public async Task Any_life_up_to_a_year_is_taken(int seconds) =>
        (await AskAsync(Answer(200), at => Token(at) with { ExpiresAt = at.AddSeconds(seconds) })).ShouldBeOfType<ProviderResult.Issued>();

    [Theory]
    [InlineData(9, false)]
    [InlineData(10, false)]
    [InlineData(11, true)]
    public async Task A_token_that_died_on_its_way_is_an_invalid_answer(int seconds, bool isTaken)
    {
        var result = await new ProviderCall(clock, TimeSpan.FromSeconds(30)).IssueAsync(
            _ =>
            {
                clock.Advance(TimeSpan.FromSeconds(10));
                return Task.FromResult(Answer(200));
            },
            (_, at) => Token(at) with { ExpiresAt = at.AddSeconds(seconds) }, Refuse, default);

        if (isTaken)
        {
            result.ShouldBeOfType<ProviderResult.Issued>();
        }
        else
        {
            result.ShouldHaveFailed(FailureKind.InvalidResponse).Reason.ShouldBe("HTTP 200: the token had already expired when it arrived");
        }
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(0)]
    public async Task A_refresh_token_that_is_dead_when_it_is_born_is_an_invalid_answer(int seconds) =>
        (await AskAsync(Answer(200), at => Token(at) with { RefreshExpiresAt = at.AddSeconds(seconds) }))
            .ShouldHaveFailed(FailureKind.InvalidResponse).Reason.ShouldBe("HTTP 200: the refresh token's lifetime is not plausible");

    [Fact]
    public async Task A_refresh_token_that_lives_is_taken() =>
        (await AskAsync(Answer(200), at => Token(at) with { RefreshExpiresAt = at.AddSeconds(1) })).ShouldBeOfType<ProviderResult.Issued>();

    [Theory]
    [InlineData(200)]
    [InlineData(500)]
    public async Task A_mistake_of_ours_in_reading_an_answer_is_internal_and_never_the_provider_s(int status)
    {
        foreach (var mistake in new Exception[]
        {
            new TimeZoneNotFoundException("planted", new IOException("planted")), new TypeInitializationException("planted", new TimeZoneNotFoundException("planted", new DirectoryNotFoundException())),
            new FileNotFoundException("planted"), new HttpRequestException("planted"), new OperationCanceledException("planted"), new InvalidCastException("planted"),
        })
        {
            var result = await new ProviderCall(clock, TimeSpan.FromSeconds(30), Sent).IssueAsync(_ => Task.FromResult(Answer(status)), (_, _) => throw mistake, _ => throw mistake, default);

            var failure = result.ShouldHaveFailed(FailureKind.Internal);
            failure.Reason.ShouldBe($"HTTP {status}: an error in this program while reading the answer ({(mistake.InnerException is TimeZoneNotFoundException inner ? inner : mistake).GetType().Name})");
            (failure.HttpStatus, failure.TrackId).ShouldBe((status, Sent));
        }
    }

    [Fact]
    public async Task A_check_fails_where_the_answer_is_not_what_it_should_be()
    {
        var call = new ProviderCall(clock, TimeSpan.FromSeconds(30));

        var (failure, _) = await call.CheckAsync(_ => Task.FromResult(Answer(200)), _ => throw new InvalidAnswerException("nonsense"), Refuse, default);

        failure.ShouldNotBeNull().Reason.ShouldBe("HTTP 200: nonsense");
    }

    [Fact]
    public void A_reply_prints_its_status_and_nothing_of_its_body() =>
        new ProviderReply(HttpStatusCode.OK, System.Text.Encoding.UTF8.GetBytes(Secret), null, Secret).ToString().ShouldBe("HTTP 200");

    private Task<ProviderResult> AskAsync(HttpResponseMessage answer, Func<DateTimeOffset, IssuedToken>? read = null, ProviderFailure? refusal = null) =>
        new ProviderCall(clock, TimeSpan.FromSeconds(30), Sent) { Secrets = [Secret] }
            .IssueAsync(_ => Task.FromResult(answer), (_, at) => (read ?? Token)(at), reply => refusal ?? Refuse(reply), default);

    private static ProviderFailure Refuse(ProviderReply reply) => new(FailureKind.CredentialRejected, "refused") { HttpStatus = (int)reply.Status };

    private static IssuedToken Token(DateTimeOffset at) => new("access", null, at, at.AddHours(1), null, []);

    private static HttpResponseMessage Answer(int status, string? trackId = null, byte[]? body = null, bool isLengthStated = true)
    {
        var response = new HttpResponseMessage((HttpStatusCode)status) { Content = new ByteArrayContent(body ?? []) };
        if (!isLengthStated)
        {
            // A stream that cannot tell its length, as of a chunked answer.
            response.Content = new StreamContent(new UnmeasuredStream(body ?? []));
        }

        if (trackId is not null)
        {
            response.Headers.Add("X-TRACK-ID", trackId);
        }

        return response;
    }

    private sealed class UnmeasuredStream(byte[] body) : MemoryStream(body)
    {
        public override bool CanSeek => false;
    }

    private sealed class UnreadableStream : MemoryStream
    {
        public int Reads { get; private set; }

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            Reads++;
            return base.ReadAsync(buffer, cancellationToken);
        }
    }
}
