using System.Net;
using System.Text;

namespace TokenRefresh.Tests.Providers;

/// <summary>What was sent, read before the client disposes of it.</summary>
internal sealed record SentRequest(HttpMethod Method, Uri Address, IReadOnlyDictionary<string, string> Headers, string Body);

/// <summary>Answers with what a test prepared, in order, and refuses a request that nobody prepared for.</summary>
internal sealed class StubHttp : HttpMessageHandler
{
    private readonly Queue<Func<HttpRequestMessage, CancellationToken, Task<HttpResponseMessage>>> answers = new();

    public List<SentRequest> Sent { get; } = [];

    public void Reply(int status, string body, string mediaType = "application/json", params (string Name, string Value)[] headers) =>
        ReplyBytes(status, Encoding.UTF8.GetBytes(body), mediaType, headers);

    public void ReplyBytes(int status, byte[] body, string mediaType = "application/json", params (string Name, string Value)[] headers) => answers.Enqueue((_, _) =>
    {
        var response = new HttpResponseMessage((HttpStatusCode)status) { Content = new ByteArrayContent(body) };
        response.Content.Headers.ContentType = new(mediaType);
        foreach (var (name, value) in headers)
        {
            response.Headers.TryAddWithoutValidation(name, value);
        }

        return Task.FromResult(response);
    });

    public void Throw(Exception error) => answers.Enqueue((_, _) => Task.FromException<HttpResponseMessage>(error));

    /// <summary>Never answers; the returned task ends once the request is waiting.</summary>
    public Task NeverReply()
    {
        var waiting = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        answers.Enqueue(async (_, cancellationToken) =>
        {
            var end = new TaskCompletionSource<HttpResponseMessage>(TaskCreationOptions.RunContinuationsAsynchronously);
            await using var cancelled = cancellationToken.Register(() => end.SetCanceled(cancellationToken));
            waiting.SetResult();
            return await end.Task;
        });
        return waiting.Task;
    }

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        if (request.Content is { Headers.ContentLength: null })
        {
            // As a strict gateway does: to it a body without a length is none.
            return new(HttpStatusCode.LengthRequired) { RequestMessage = request, Content = new StringContent("") };
        }

        var body = request.Content is null ? "" : await request.Content.ReadAsStringAsync(cancellationToken);
        var headers = request.Headers.Concat(request.Content?.Headers.AsEnumerable() ?? [])
            .ToDictionary(header => header.Key, header => string.Join(", ", header.Value), StringComparer.OrdinalIgnoreCase);
        Sent.Add(new(request.Method, request.RequestUri!, headers, body));

        if (!answers.TryDequeue(out var answer))
        {
            throw new InvalidOperationException($"Nobody prepared an answer for {request.Method} {request.RequestUri}.");
        }

        var response = await answer(request, cancellationToken);
        response.RequestMessage = request;
        return response;
    }
}
