using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Options;
using TokenRefresh.Providers;

namespace TokenRefresh.Jobs.Alerts.Delivery;

/// <summary>
/// Posts webhooks. Each has <c>X-TokenRefresh-Signature: t=SECONDS,v1=HEX</c>, the HMAC-SHA256 of <c>SECONDS.BODY</c> under the secret, and
/// <c>X-TokenRefresh-Delivery</c>, which stays the same at every try. Private addresses are refused when the connection is made, whatever the name said before.
/// </summary>
public sealed class WebhookSender : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);

    private static readonly IPNetwork WellKnownTranslation = IPNetwork.Parse("64:ff9b::/96"), LocalTranslation = IPNetwork.Parse("64:ff9b:1::/48");
    private static readonly IPNetwork SixToFour = IPNetwork.Parse("2002::/16"), Compatible = IPNetwork.Parse("::/96");

    private readonly NotificationOptions options;
    private readonly TimeProvider clock;
    private readonly HttpClient http;

    /// <summary>Makes a client that follows no redirect and no proxy.</summary>
    public WebhookSender(IOptions<NotificationOptions> options, IOptions<HttpOptions> requests, TimeProvider clock)
    {
        (this.options, this.clock) = (options.Value, clock);
        var sockets = new SocketsHttpHandler { AllowAutoRedirect = false, UseProxy = false, ConnectCallback = ConnectAsync };
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
        catch (HttpRequestException error) when (error.GetBaseException() is PrivateAddressException)
        {
            return new DeliveryOutcome.Refused("a private address; to allow it, set TokenRefresh__Notifications__WebhookAllowPrivate=true");
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

    /// <summary>True for loopback, link-local, private and other addresses that are not public.</summary>
    internal static bool IsPrivate(IPAddress address)
    {
        if (address.IsIPv4MappedToIPv6)
        {
            return IsPrivate(address.MapToIPv4());
        }

        if (address.AddressFamily == AddressFamily.InterNetworkV6)
        {
            return IPAddress.IsLoopback(address) || address.IsIPv6LinkLocal || address.IsIPv6SiteLocal || address.IsIPv6UniqueLocal || address.IsIPv6Multicast || address.IsIPv6Teredo
                || LocalTranslation.Contains(address) || (Embedded(address) is { } inner && IsPrivate(inner));
        }

        var bytes = address.GetAddressBytes();
        return bytes[0] is 0 or 10 or 127 or >= 224
            || (bytes[0] == 100 && bytes[1] is >= 64 and < 128)
            || (bytes[0] == 169 && bytes[1] == 254)
            || (bytes[0] == 172 && bytes[1] is >= 16 and < 32)
            || (bytes[0] == 192 && (bytes[1] == 168 || (bytes[1] == 0 && bytes[2] == 0)))
            || (bytes[0] == 198 && bytes[1] is (18 or 19));
    }

    // An address of the old protocol that a gateway on the way would take out and call: by NAT64, by 6to4, or spelt with zeros before it.
    private static IPAddress? Embedded(IPAddress address)
    {
        var bytes = address.GetAddressBytes();
        return WellKnownTranslation.Contains(address) || Compatible.Contains(address) ? new(bytes.AsSpan(12, 4))
            : SixToFour.Contains(address) ? new(bytes.AsSpan(2, 4))
            : null;
    }

    /// <inheritdoc />
    public void Dispose() => http.Dispose();

    private string Sign(string body)
    {
        var seconds = clock.GetUtcNow().ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        var mac = HMACSHA256.HashData(Encoding.UTF8.GetBytes(options.WebhookSecret), Encoding.UTF8.GetBytes($"{seconds}.{body}"));
        return $"t={seconds},v1={Convert.ToHexStringLower(mac)}";
    }

    private async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken)
    {
        var addresses = await Dns.GetHostAddressesAsync(context.DnsEndPoint.Host, cancellationToken);
        var allowed = options.WebhookAllowPrivate ? addresses : [.. addresses.Where(address => !IsPrivate(address))];
        if (allowed.Length == 0)
        {
            throw new PrivateAddressException();
        }

        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(allowed, context.DnsEndPoint.Port, cancellationToken);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private sealed class PrivateAddressException() : Exception("a private address");
}
