using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;
using MimeKit;

namespace TokenRefresh.Bench.Chaos;

/// <summary>A mail as the server took it.</summary>
internal sealed record TakenMail(DateTimeOffset At, string MessageId, string Subject);

/// <summary>A mail server on a port of its own that can be taken away and brought back.</summary>
internal sealed class Mailbox : IDisposable
{
    private readonly ConcurrentQueue<TakenMail> taken = [];
    private readonly CancellationTokenSource stop = new();
    private TcpListener? listener;

    public Mailbox()
    {
        listener = Open(0);
        Port = ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    public int Port { get; }

    /// <summary>When nobody listened.</summary>
    public Spells Gone { get; } = new();

    public IReadOnlyList<TakenMail> Taken => [.. taken];

    /// <summary>From now on nobody listens.</summary>
    public void Leave()
    {
        Gone.Begin(Timeline.Now);
        listener?.Stop();
        listener = null;
    }

    public void Return()
    {
        listener = Open(Port);
        Gone.End(Timeline.Now);
    }

    public void Dispose()
    {
        stop.Cancel();
        Leave();
        stop.Dispose();
    }

    private TcpListener Open(int port)
    {
        var opened = new TcpListener(IPAddress.Loopback, port);
        opened.Start();
        _ = AcceptAsync(opened);
        return opened;
    }

    private async Task AcceptAsync(TcpListener open)
    {
        try
        {
            while (true)
            {
                _ = TalkAsync(await open.AcceptTcpClientAsync(stop.Token));
            }
        }
        catch (Exception error) when (error is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // Taken away.
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
            catch (Exception error) when (error is IOException or OperationCanceledException or SocketException or ObjectDisposedException)
            {
                // Either side has left.
            }
        }
    }

    private async Task TalkAsync(NetworkStream stream)
    {
        using var reader = new StreamReader(stream, Encoding.UTF8, leaveOpen: true);
        await using var writer = new StreamWriter(stream, new UTF8Encoding(false), leaveOpen: true) { NewLine = "\r\n", AutoFlush = true };
        await writer.WriteLineAsync("220 chaos ESMTP");
        while (await reader.ReadLineAsync(stop.Token) is { } line)
        {
            switch (line.Split(' ', ':')[0].ToUpperInvariant())
            {
                case "DATA":
                    await writer.WriteLineAsync("354 go on");
                    if (await ReadMessageAsync(reader) is not { } text)
                    {
                        return;
                    }

                    using (var message = MimeMessage.Load(new MemoryStream(Encoding.UTF8.GetBytes(text))))
                    {
                        taken.Enqueue(new(Timeline.Now, message.MessageId ?? "", message.Subject ?? ""));
                    }

                    await writer.WriteLineAsync("250 2.0.0 queued");
                    break;
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
            if (line == ".")
            {
                return message.ToString();
            }

            message.Append(line.StartsWith("..", StringComparison.Ordinal) ? line[1..] : line).Append("\r\n");
        }

        return null;
    }
}
