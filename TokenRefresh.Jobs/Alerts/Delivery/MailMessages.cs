using MimeKit;
using MimeKit.Utils;

namespace TokenRefresh.Jobs.Alerts.Delivery;

/// <summary>Turns a row of the outbox into a message: the same one at every try.</summary>
internal static class MailMessages
{
    public static MimeMessage Make(Notification mail, string from)
    {
        var message = new MimeMessage { Subject = mail.Subject, Date = mail.CreatedAt, MessageId = mail.MessageId };
        message.From.Add(MailboxAddress.Parse(from));
        message.To.Add(MailboxAddress.Parse(mail.Recipient));
        if (mail.ThreadId is { } thread)
        {
            message.InReplyTo = thread;
            message.References.Add(thread);
        }

        // So that no absence note answers it.
        message.Headers.Add(HeaderId.AutoSubmitted, "auto-generated");
        message.Body = new BodyBuilder { TextBody = mail.Text, HtmlBody = mail.Html }.ToMessageBody();
        return message;
    }
}
