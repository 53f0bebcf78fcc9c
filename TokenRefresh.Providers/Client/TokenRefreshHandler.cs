using System.Net;
using System.Net.Http.Headers;

namespace TokenRefresh.Providers.Client;

/// <summary>
/// Gives each request of an <see cref="HttpClient"/> (Refit's too) its bearer token. When the API refuses the token it is reported,
/// and the request is sent once more with the one that replaces it; a second refusal is the caller's to see. A body that is streamed,
/// or larger than a megabyte, is not held for that: its request is not sent again, and the next one gets the replacement.
/// </summary>
/// <param name="token">The token's name at the server, for example <c>fino_kyc</c>.</param>
public sealed class TokenRefreshHandler(string token, TokenRefreshClient client) : DelegatingHandler
{
    private const long LargestHeld = 1024 * 1024;

    /// <inheritdoc />
    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        // Held in memory, because a body can be sent a second time only from there.
        var canRepeat = request.Content is null || CanBeHeld(request.Content);
        if (canRepeat && request.Content is not null)
        {
            await request.Content.LoadIntoBufferAsync(cancellationToken);
        }

        var held = await client.GetAsync(token, cancellationToken);
        var response = await SendAsync(held.Value);
        if (!await IsRefusedAsync(response, cancellationToken))
        {
            return response;
        }

        var replacing = client.ReplaceAsync(token, held.Version, cancellationToken);
        if (!canRepeat || await replacing is not { } replacement)
        {
            return response;
        }

        response.Dispose();
        return await SendAsync(replacement.Value);

        Task<HttpResponseMessage> SendAsync(string bearer)
        {
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", bearer);
            return base.SendAsync(request, cancellationToken);
        }
    }

    // A stream can be read once; what tells no length and is none (JSON that is written as it is sent) is small enough.
    private static bool CanBeHeld(HttpContent content) =>
        content.Headers.ContentLength is { } length ? length <= LargestHeld : content is not (StreamContent or MultipartContent);

    /// <summary>True where the API says that it is the token that is wrong: 401, or a provider's own words in another 4xx.</summary>
    private static async Task<bool> IsRefusedAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        if (response.StatusCode == HttpStatusCode.Unauthorized)
        {
            return true;
        }

        if ((int)response.StatusCode is < 400 or >= 500)
        {
            return false;
        }

        await response.Content.LoadIntoBufferAsync(cancellationToken);
        return ProviderJson.ObjectOrNull(await response.Content.ReadAsByteArrayAsync(cancellationToken)) is { } answer && TokenRefusals.AreIn(answer);
    }
}
