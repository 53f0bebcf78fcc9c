using System.Net;
using System.Net.Sockets;
using Npgsql;
using Shouldly;
using TokenRefresh.Server.Access;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Server.Pages;

public sealed class DatabaseAwayTests(PostgresFixture postgres)
{
    [Fact]
    public async Task A_dead_database_shows_a_page_that_says_so_and_the_panel_is_back_with_it()
    {
        await using var wire = CuttableWire.To(await postgres.CreateMigratedDatabaseAsync());
        await using var panel = await Panel.OpenAsync(postgres, Role.Admin, connectionString: wire.ConnectionString);

        wire.Cut();
        foreach (var path in new[] { "/access/tokens", "/access/tokens/jibit", "/access/token-refresh-logs", "/access/token-health", "/access/users", "/access/clients", "/access/audit" })
        {
            var answer = await panel.Http.GetAsync(path);
            answer.StatusCode.ShouldBe(HttpStatusCode.ServiceUnavailable, path);
            answer.Headers.RetryAfter.ShouldNotBeNull(path);
            (await answer.Content.ReadAsStringAsync()).ShouldContain("The database is unreachable", customMessage: path);
        }

        (await panel.Http.GetAsync("/site.css")).StatusCode.ShouldBe(HttpStatusCode.OK);
        wire.Mend();
        await RunningServer.UntilAsync(async () => (await panel.Http.GetAsync("/access/tokens")).StatusCode == HttpStatusCode.OK, "the panel is back");
    }

    /// <summary>A relay before the database that can be cut like a cable.</summary>
    private sealed class CuttableWire : IAsyncDisposable
    {
        private readonly TcpListener listener = new(IPAddress.Loopback, 0);
        private readonly NpgsqlConnectionStringBuilder database;
        private readonly List<Socket> open = [];
        private readonly Task accepting;
        private bool isCut;

        private CuttableWire(string connectionString)
        {
            database = new(connectionString);
            listener.Start();
            accepting = AcceptAsync();
        }

        public string ConnectionString => new NpgsqlConnectionStringBuilder(database.ConnectionString)
        {
            Host = "127.0.0.1", Port = ((IPEndPoint)listener.LocalEndpoint).Port, Timeout = 5,
        }.ConnectionString;

        public static CuttableWire To(string connectionString) => new(connectionString);

        public void Cut()
        {
            lock (open)
            {
                isCut = true;
                open.ForEach(socket => socket.Dispose());
                open.Clear();
            }
        }

        public void Mend()
        {
            lock (open)
            {
                isCut = false;
            }
        }

        public async ValueTask DisposeAsync()
        {
            listener.Stop();
            Cut();
            await accepting;
        }

        private async Task AcceptAsync()
        {
            try
            {
                while (true)
                {
                    var near = await listener.AcceptSocketAsync();
                    var far = database.Host!.StartsWith('/')
                        ? new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified)
                        : new Socket(SocketType.Stream, ProtocolType.Tcp);
                    lock (open)
                    {
                        if (isCut)
                        {
                            near.Dispose();
                            continue;
                        }

                        open.AddRange([near, far]);
                    }

                    await far.ConnectAsync(database.Host!.StartsWith('/') ? new UnixDomainSocketEndPoint($"{database.Host}/.s.PGSQL.{database.Port}") : new DnsEndPoint(database.Host!, database.Port));
                    _ = CarryAsync(near, far);
                    _ = CarryAsync(far, near);
                }
            }
            catch (SocketException)
            {
                // The listener was stopped.
            }
        }

        private static async Task CarryAsync(Socket from, Socket to)
        {
            try
            {
                await using var source = new NetworkStream(from);
                await using var target = new NetworkStream(to);
                await source.CopyToAsync(target);
            }
            catch (Exception error) when (error is IOException or SocketException or ObjectDisposedException)
            {
                // The wire was cut.
            }
            finally
            {
                from.Dispose();
                to.Dispose();
            }
        }
    }
}
