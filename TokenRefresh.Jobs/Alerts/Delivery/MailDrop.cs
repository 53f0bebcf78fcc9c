using System.Security.Cryptography;
using System.Text;
using TokenRefresh.Jobs.Persistence;

namespace TokenRefresh.Jobs.Alerts.Delivery;

/// <summary>Where mails go while no SMTP server is set.</summary>
/// <param name="Path">A folder of this program alone.</param>
public sealed record MailDropFolder(string Path);

/// <summary>Writes mails as <c>.eml</c> files, which every mail program opens.</summary>
internal sealed class MailDrop(MailDropFolder folder, EmailOptions options) : IEmailSender
{
    public async Task<DeliveryOutcome> SendAsync(Notification mail, CancellationToken cancellationToken)
    {
        // Named after the message, so that a repeated attempt is one file; moved into place, so that no one reads half of it.
        var file = Path.Combine(folder.Path, $"{mail.CreatedAt:yyyyMMdd-HHmmss}-{Number(mail)}-{mail.Kind}.eml");
        try
        {
            PrivateFiles.MakeFolder(folder.Path);
            await using (var stream = PrivateFiles.Create($"{file}.part"))
            {
                await MailMessages.Make(mail, options.From).WriteToAsync(stream, cancellationToken);
            }

            File.Move($"{file}.part", file, overwrite: true);
            return new DeliveryOutcome.Written(file);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return new DeliveryOutcome.Failed($"the mail folder of the data directory cannot be written to ({error.GetType().Name})", IsAway: true);
        }
    }

    // What is sent while the database is unreachable has no number, but a Message-ID of its own for each recipient.
    private static string Number(Notification mail) => mail.Id > 0 ? $"{mail.Id}" : Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(mail.MessageId)))[..12];
}
