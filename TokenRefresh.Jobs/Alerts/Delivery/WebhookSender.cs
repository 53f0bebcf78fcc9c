using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Options;
using TokenRefresh.Providers;

namespace TokenRefresh.Jobs.Alerts.Delivery;

/// <summary>
/// Posts webhooks. Each has <c>X-TokenRefresh-Signature: t=SECONDS,v1=HEX</c>, the HMAC-SHA256 of <c>SECONDS.BODY</c> under the secret, and
/// <c>X-TokenRefresh-Delivery</c>, which stays the same at every try. Private addresses are refused as those that people type are (<see cref="TypedAddresses"/>), unless a setting allows them.
/// </summary>
public sealed class WebhookSender : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);

    private readonly NotificationOptions options;
    private readonly TimeProvider clock;
    private readonly HttpClient http;

    /// <summary>Makes a client that follows no redirect and no proxy.</summary>
    public WebhookSender(IOptions<NotificationOptions> options, IOptions<HttpOptions> requests, TimeProvider clock)
    {
        (this.options, this.clock) = (options.Value, clock);
        HttpMessageHandler sockets = options.Value.WebhookAllowPrivate ? new SocketsHttpHandler { AllowAutoRedirect = false, UseProxy = false, UseCookies = false } : TypedAddresses.Handler(requests.Value);
        http = new(new OutgoingRequestHandler(requests.Value) { InnerHandler = sockets }) { Timeout = Timeout.InfiniteTimeSpan };
    }

    /// <summary>Tries once. Never throws for what the other side does.</summary>
    public async Task<DeliveryOutcome> SendAsync(Notification webhook, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(Limit, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, webhook.Recipient) { Content = new StringContent(webhook.Text, Encoding.UTF8, "application/json") };
            request.Headers.Add("X-TokenRefresh-Signature", Sign(webhook.Text));
            request.Headers.Add("X-TokenRefresh-Delivery", webhook.MessageId);
            using var answer = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, either.Token);
            return answer.IsSuccessStatusCode
                ? new DeliveryOutcome.Accepted($"HTTP {(int)answer.StatusCode}")
                : new DeliveryOutcome.Failed($"HTTP {(int)answer.StatusCode}", IsAway: false);
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            return new DeliveryOutcome.Failed($"no answer within {Limit.TotalSeconds} s", IsAway: true);
        }
        catch (RefusedAddressException)
        {
            return new DeliveryOutcome.Refused("a private address; to allow it, add it to TokenRefresh__Http__AllowedAddresses, or set TokenRefresh__Notifications__WebhookAllowPrivate=true for all");
        }
        catch (HttpRequestException error)
        {
            return new DeliveryOutcome.Failed($"no connection ({error.HttpRequestError})", IsAway: true);
        }
        catch (Exception error) when (error is not OperationCanceledException || !cancellationToken.IsCancellationRequested)
        {
            return new DeliveryOutcome.Failed($"the webhook could not be sent ({error.GetType().Name})", IsAway: true);
        }
    }

    /// <inheritdoc />
    public void Dispose() => http.Dispose();

    private string Sign(string body)
    {
        var seconds = clock.GetUtcNow().ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        var mac = HMACSHA256.HashData(Encoding.UTF8.GetBytes(options.WebhookSecret), Encoding.UTF8.GetBytes($"{seconds}.{body}"));
        return $"t={seconds},v1={Convert.ToHexStringLower(mac)}";
    }
}
