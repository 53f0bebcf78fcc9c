using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;
using MimeKit;

namespace TokenRefresh.Tests.Jobs.Alerts;

/// <summary>How the stub behaves towards whoever connects.</summary>
public enum SmtpMood
{
    /// <summary>Takes everything but what <see cref="SmtpStub.Unknown"/> names.</summary>
    Well,

    /// <summary>Accepts the connection and says nothing.</summary>
    Hangs,

    /// <summary>Ends the connection at once.</summary>
    HangsUp,

    /// <summary>Ends the connection in the middle of the message.</summary>
    DiesInData,

    /// <summary>Greets with what is no SMTP.</summary>
    Garbage,

    /// <summary>Says that it is busy.</summary>
    Busy,

    /// <summary>Has taken the whole message, and is gone before it says so.</summary>
    DiesBeforeItsWord,

    /// <summary>Takes the message and then says nothing to the goodbye but ends the connection.</summary>
    DiesAtGoodbye,
}

/// <summary>A mail as the server took it.</summary>
internal sealed record TakenMail(string Recipient, string From, string Subject, string Text, string Html, string MessageId, string? InReplyTo, IReadOnlyList<string> References)
{
    public static TakenMail Read(string recipient, string raw)
    {
        var message = MimeMessage.Load(new MemoryStream(Encoding.UTF8.GetBytes(raw)));
        return new(recipient, ((MailboxAddress)message.From[0]).Address, message.Subject ?? "", message.TextBody ?? "", message.HtmlBody ?? "", message.MessageId ?? "", message.InReplyTo, [.. message.References]);
    }
}

/// <summary>A mail server on loopback that speaks real SMTP and fails as it is told.</summary>
internal sealed class SmtpStub : IAsyncDisposable
{
    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource stop = new();
    private readonly ConcurrentBag<Task> conversations = [];
    private readonly ConcurrentQueue<(string Recipient, string Raw)> taken = new();
    private readonly Task accepting;

    public SmtpStub()
    {
        listener.Start();
        accepting = AcceptAsync();
    }

    public int Port => ((IPEndPoint)listener.LocalEndpoint).Port;

    public SmtpMood Mood { get; set; } = SmtpMood.Well;

    /// <summary>Recipients that it does not know.</summary>
    public HashSet<string> Unknown { get; } = [];

    /// <summary>User and password that it wants; null for none.</summary>
    public (string Name, string Password)? Account { get; set; }

    /// <summary>True offers encryption that it does not have: whoever asks for it is told to go on, in plain text.</summary>
    public bool PretendsTls { get; set; }

    /// <summary>What it answers to a command instead of its usual word: <c>EHLO</c>, <c>AUTH</c>, <c>MAIL</c>, <c>RCPT</c>, <c>DATA</c>, or <c>BODY</c> for the whole message.</summary>
    public ConcurrentDictionary<string, string> Answers { get; } = [];

    public int Connections { get; private set; }

    /// <summary>Completes when somebody has connected.</summary>
    public TaskCompletionSource Connected { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>What it took, in order, each with its recipient.</summary>
    public List<TakenMail> Mails => [.. taken.Select(mail => TakenMail.Read(mail.Recipient, mail.Raw))];

    public List<string> Subjects => [.. Mails.Select(mail => mail.Subject)];

    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();

        // A listener that is stopped while it goes back to accept throws something else than one that is cancelled.
        await accepting;
        listener.Stop();
        await Task.WhenAll(conversations);
        stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var client = await listener.AcceptTcpClientAsync(stop.Token);
                Connections++;
                Connected.TrySetResult();
                conversations.Add(TalkAsync(client));
            }
        }
        catch (Exception error) when (error is OperationCanceledException or SocketException)
        {
            // Stopped.
        }
    }

    private async Task TalkAsync(TcpClient client)
    {
        using (client)
        {
            try
            {
                await TalkAsync(client.GetStream());
            }
            catch (Exception error) when (error is IOException or OperationCanceledException or SocketException)
            {
                // Either side has left.
            }
        }
    }

    private async Task TalkAsync(NetworkStream stream)
    {
        using var reader = new StreamReader(stream, new UTF8Encoding(false), leaveOpen: true);
        await using var writer = new StreamWriter(stream, new UTF8Encoding(false), leaveOpen: true) { NewLine = "\r\n", AutoFlush = true };
        switch (Mood)
        {
            case SmtpMood.Hangs:
                await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, stop.Token);
                break;
            case SmtpMood.HangsUp:
                return;
            case SmtpMood.Garbage:
                await writer.WriteLineAsync("HTTP/1.1 200 OK");
                return;
            case SmtpMood.Busy:
                await writer.WriteLineAsync("421 4.3.2 try later");
                return;
        }

        await writer.WriteLineAsync("220 stub ESMTP");
        var recipients = new List<string>();
        while (await reader.ReadLineAsync(stop.Token) is { } line)
        {
            var command = line.Split(' ', ':')[0].ToUpperInvariant();
            switch (command)
            {
                case "DATA" when Answers.TryGetValue("BODY", out var refusal):
                    await writer.WriteLineAsync("354 go on");
                    await ReadMessageAsync(reader);
                    await writer.WriteLineAsync(refusal);
                    break;
                case var _ when Answers.TryGetValue(command, out var instead):
                    await writer.WriteLineAsync(instead);
                    break;
                case "STARTTLS" when PretendsTls:
                    await writer.WriteLineAsync("220 go on");
                    await writer.WriteLineAsync("this is no handshake");
                    return;
                case "EHLO" when PretendsTls:
                    await writer.WriteLineAsync("250-stub");
                    await writer.WriteLineAsync("250 STARTTLS");
                    break;
                case "EHLO":
                    await writer.WriteLineAsync("250-stub");
                    await writer.WriteLineAsync(Account is null ? "250 8BITMIME" : "250 AUTH PLAIN");
                    break;
                case "AUTH":
                    var given = Encoding.UTF8.GetString(Convert.FromBase64String(line.Split(' ')[^1])).Split('\0');
                    await writer.WriteLineAsync(given[1] == Account!.Value.Name && given[2] == Account.Value.Password ? "235 welcome" : "535 no");
                    break;
                case "RCPT":
                    var address = line[(line.IndexOf('<', StringComparison.Ordinal) + 1)..line.IndexOf('>', StringComparison.Ordinal)];
                    if (Unknown.Contains(address))
                    {
                        await writer.WriteLineAsync("550 5.1.1 <b>nobody</b> here");
                        break;
                    }

                    recipients.Add(address);
                    await writer.WriteLineAsync("250 ok");
                    break;
                case "DATA":
                    await writer.WriteLineAsync("354 go on");
                    var message = await ReadMessageAsync(reader);
                    if (message is null)
                    {
                        return;
                    }

                    recipients.ForEach(recipient => taken.Enqueue((recipient, message)));
                    recipients.Clear();
                    if (Mood == SmtpMood.DiesBeforeItsWord)
                    {
                        return;
                    }

                    await writer.WriteLineAsync("250 2.0.0 queued as 42");
                    break;
                case "QUIT" when Mood == SmtpMood.DiesAtGoodbye:
                    return;
                case "QUIT":
                    await writer.WriteLineAsync("221 bye");
                    return;
                default:
                    await writer.WriteLineAsync("250 ok");
                    break;
            }
        }
    }

    private async Task<string?> ReadMessageAsync(StreamReader reader)
    {
        var message = new StringBuilder();
        while (await reader.ReadLineAsync(stop.Token) is { } line)
        {
            if (Mood == SmtpMood.DiesInData)
            {
                return null;
            }

            if (line == ".")
            {
                return message.ToString();
            }

            message.Append(line.StartsWith("..", StringComparison.Ordinal) ? line[1..] : line).Append("\r\n");
        }

        return null;
    }
}
