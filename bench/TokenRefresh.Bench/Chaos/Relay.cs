using System.Net;
using System.Net.Sockets;

namespace TokenRefresh.Bench.Chaos;

/// <summary>An address on loopback that stays while what is behind it changes, as the address of a failover cluster does.</summary>
internal sealed class Relay : IAsyncDisposable
{
    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private readonly Lock gate = new();
    private readonly HashSet<TcpClient> open = [];
    private readonly Task accepting;
    private int? target;

    public Relay()
    {
        listener.Start();
        accepting = AcceptAsync();
    }

    public int Port => ((IPEndPoint)listener.LocalEndpoint).Port;

    /// <summary>Sends new connections to a port of this machine; those that are open stay where they are.</summary>
    public void To(int port)
    {
        lock (gate)
        {
            target = port;
        }
    }

    /// <summary>Cuts every connection and takes no new one until <see cref="To"/>.</summary>
    public void Cut()
    {
        TcpClient[] cut;
        lock (gate)
        {
            target = null;
            cut = [.. open];
            open.Clear();
        }

        foreach (var connection in cut)
        {
            connection.Dispose();
        }
    }

    public async ValueTask DisposeAsync()
    {
        listener.Dispose();
        Cut();
        await accepting;
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                _ = PassAsync(await listener.AcceptTcpClientAsync());
            }
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            // The run is over.
        }
    }

    private async Task PassAsync(TcpClient caller)
    {
        using var callee = new TcpClient();
        try
        {
            if (Behind(caller, callee) is not { } port)
            {
                return;
            }

            await callee.ConnectAsync(IPAddress.Loopback, port);
            await Task.WhenAny(caller.GetStream().CopyToAsync(callee.GetStream()), callee.GetStream().CopyToAsync(caller.GetStream()));
        }
        catch (Exception error) when (error is IOException or SocketException or ObjectDisposedException or InvalidOperationException)
        {
            // One of the two has gone, or both were cut.
        }
        finally
        {
            lock (gate)
            {
                open.Remove(caller);
                open.Remove(callee);
            }

            caller.Dispose();
        }
    }

    private int? Behind(TcpClient caller, TcpClient callee)
    {
        lock (gate)
        {
            if (target is not null)
            {
                open.Add(caller);
                open.Add(callee);
            }

            return target;
        }
    }
}
