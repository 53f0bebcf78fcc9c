using System.Net.Sockets;
using MailKit;
using MailKit.Net.Smtp;
using MailKit.Security;

namespace TokenRefresh.Jobs.Alerts.Delivery;

/// <summary>Speaks SMTP by MailKit: one connection a message, ended when it takes too long.</summary>
internal sealed class SmtpEmailSender(EmailOptions options, TimeProvider clock) : IEmailSender
{
    /// <summary>For one message, from connecting to the server's word that it has it.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    private const int LongestReason = 200;

    public async Task<DeliveryOutcome> SendAsync(Notification mail, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(Limit, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        using var smtp = new SmtpClient { Timeout = (int)Limit.TotalMilliseconds };
        try
        {
            await smtp.ConnectAsync(options.Host, Port, Secure, either.Token);
            if (options.Username.Length > 0)
            {
                await smtp.AuthenticateAsync(options.Username, options.Password, either.Token);
            }

            var said = await smtp.SendAsync(MailMessages.Make(mail, options.From), either.Token);
            await GoodbyeAsync(smtp, either.Token);
            return new DeliveryOutcome.Accepted(Short(said));
        }
        catch (SmtpCommandException error) when (error.ErrorCode == SmtpErrorCode.RecipientNotAccepted && (int)error.StatusCode >= 500)
        {
            return new DeliveryOutcome.Refused($"the server does not know this recipient: {(int)error.StatusCode} {Short(error.Message)}");
        }
        catch (SmtpCommandException error)
        {
            return new DeliveryOutcome.Failed($"the server answered {(int)error.StatusCode} {Short(error.Message)}", error.ErrorCode is not (SmtpErrorCode.RecipientNotAccepted or SmtpErrorCode.MessageNotAccepted));
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            return new DeliveryOutcome.Failed($"the server did not answer within {Limit.TotalSeconds} s", IsAway: true);
        }
        catch (Exception error) when (Words(error) is { } words)
        {
            return new DeliveryOutcome.Failed(words, IsAway: true);
        }
    }

    private int Port => options.Port ?? options.Security switch { MailSecurity.None => 25, MailSecurity.StartTls => 587, _ => 465 };

    private SecureSocketOptions Secure => options.Security switch
    {
        MailSecurity.None => SecureSocketOptions.None,
        MailSecurity.StartTls => SecureSocketOptions.StartTls,
        _ => SecureSocketOptions.SslOnConnect,
    };

    // The server has the message; however the parting goes, it was delivered.
    private static async Task GoodbyeAsync(SmtpClient smtp, CancellationToken cancellationToken)
    {
        try
        {
            await smtp.DisconnectAsync(quit: true, cancellationToken);
        }
        catch (Exception error) when (error is IOException or SocketException or ProtocolException or CommandException or OperationCanceledException)
        {
            // Nothing is left to be said.
        }
    }

    private static string? Words(Exception error) => error switch
    {
        AuthenticationException => "the server refused Email__Username and Email__Password",
        SslHandshakeException => "no secure connection: the server's certificate was not accepted, or Email__Security does not fit its port",
        NotSupportedException => "the server does not offer what Email__Security asks for",
        SmtpProtocolException or ServiceNotConnectedException => "the server ended the conversation, or does not speak SMTP",
        SocketException socket => $"no connection to the server ({socket.SocketErrorCode})",
        IOException or TimeoutException => "the connection broke",
        _ => null,
    };

    // A server's words could be anything; signs that control a terminal are not among what is kept.
    private static string Short(string text) => new([.. text.Where(sign => !char.IsControl(sign)).Take(LongestReason)]);
}
