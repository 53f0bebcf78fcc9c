using System.Net.Sockets;
using System.Text;
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
        var isSigningIn = false;
        try
        {
            await smtp.ConnectAsync(options.Host, Port, Secure, either.Token);
            if (options.Username.Length > 0)
            {
                isSigningIn = true;
                await smtp.AuthenticateAsync(options.Username, options.Password, either.Token);
                isSigningIn = false;
            }

            var said = await smtp.SendAsync(MailMessages.Make(mail, options.From), either.Token);
            await GoodbyeAsync(smtp, either.Token);
            return new DeliveryOutcome.Accepted(Short(said));
        }
        catch (SmtpCommandException error) when (IsOfRecipient(error))
        {
            return new DeliveryOutcome.Refused($"the server does not know this recipient: {(int)error.StatusCode} {Short(error.Message)}");
        }
        catch (SmtpCommandException error) when (error.StatusCode != SmtpStatusCode.AuthenticationRequired)
        {
            return new DeliveryOutcome.Failed($"the server answered {(int)error.StatusCode} {Short(error.Message)}", error.ErrorCode is not (SmtpErrorCode.RecipientNotAccepted or SmtpErrorCode.MessageNotAccepted));
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            return new DeliveryOutcome.Failed(NoAnswer, IsAway: true);
        }
        catch (Exception error) when (error is not OperationCanceledException || !cancellationToken.IsCancellationRequested)
        {
            // Any failure of a mail server is a reason to wait, never a reason to stop the program.
            return new DeliveryOutcome.Failed(Words(error, isSigningIn), IsAway: true);
        }
    }

    private static string NoAnswer => $"the server did not answer within {Limit.TotalSeconds} s";

    // A server that relays for no one it does not know says so of the recipient, too; with other settings it would take the mail.
    private static bool IsOfRecipient(SmtpCommandException error) => error.ErrorCode == SmtpErrorCode.RecipientNotAccepted && (int)error.StatusCode >= 500
        && !error.Message.StartsWith("5.7.", StringComparison.Ordinal) && !error.Message.Contains("relay", StringComparison.OrdinalIgnoreCase);

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
        catch (Exception error) when (error is not OutOfMemoryException)
        {
            // Nothing is left to be said.
        }
    }

    private string Words(Exception error, bool isSigningIn) => error switch
    {
        ServiceNotAuthenticatedException or SmtpCommandException when options.Security == MailSecurity.None && error.Message.Contains("STARTTLS", StringComparison.OrdinalIgnoreCase) =>
            $"the server requires an encrypted connection: 530 {Short(error.Message)}; set Email__Security=StartTls",
        ServiceNotAuthenticatedException or SmtpCommandException => $"the server requires authentication: 530 {Short(error.Message)}; set Email__Username and Email__Password",
        AuthenticationException => $"the server refused Email__Username and Email__Password: {Short(error.Message)}",
        SslHandshakeException or System.Security.Authentication.AuthenticationException =>
            "no secure connection: the server's certificate was not accepted, or Email__Security does not match the port",
        NotSupportedException when isSigningIn => "the server offers no supported authentication method, and Email__Username is set",
        NotSupportedException => "the server does not support the configured Email__Security",
        ProtocolException or ServiceNotConnectedException => "the server closed the connection, or is not an SMTP server",
        SocketException socket => $"no connection to the server ({socket.SocketErrorCode})",
        TimeoutException => NoAnswer,
        IOException => "the connection broke",
        _ => $"the mail could not be sent ({error.GetType().Name})",
    };

    // A server's words could be anything: characters that control a terminal, and what it was just told in confidence, are not among what is kept.
    private string Short(string text)
    {
        var kept = Confidential().Where(secret => secret.Length > 0).Aggregate(text, (words, secret) => words.Replace(secret, "(hidden)", StringComparison.OrdinalIgnoreCase));
        return new([.. kept.Where(character => !char.IsControl(character)).Take(LongestReason)]);
    }

    private IEnumerable<string> Confidential()
    {
        yield return options.Password;
        yield return Base64(options.Password);
        yield return Base64($"\0{options.Username}\0{options.Password}");
        yield return Base64($"{options.Username}\0{options.Username}\0{options.Password}");
    }

    private static string Base64(string text) => Convert.ToBase64String(Encoding.UTF8.GetBytes(text)).TrimEnd('=');
}
