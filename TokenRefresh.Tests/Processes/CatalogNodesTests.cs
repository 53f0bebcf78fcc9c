using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Npgsql;
using Shouldly;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Processes;

/// <summary>Two servers on one Postgres whose catalogue is changed while both serve: by the API of one of them, and by verbs beside them.</summary>
public sealed class CatalogNodesTests(PostgresFixture postgres)
{
    private const string Secret = "planted-secret-of-may", Next = "planted-secret-of-june", Subject = "planted-subject-09121234567-xyz";

    private const int Tokens = 7;

    [Fact]
    public async Task What_the_api_of_one_adds_is_served_at_the_other_within_a_second_a_rotated_secret_fails_no_read_and_what_it_removes_is_gone()
    {
        await using var data = new DataFolder();
        await using var acme = await AcmeServer.StartAsync();
        acme.Accepted = Secret;
        await using var nodes = await Nodes.StartAsync(Settings(data, await postgres.CreateMigratedDatabaseAsync()));
        var names = Enumerable.Range(1, Tokens).Select(number => $"acme-{number}").ToList();

        await nodes.First.DoneAsync(HttpMethod.Put, "/api/providers/acme", new { type = "OAuth2", settings = new { acme.TokenUrl, ClientId = "ours", ClientSecret = Secret, ClientAuthentication = "Body" } });
        var waits = new List<TimeSpan>();
        foreach (var name in names)
        {
            await nodes.First.DoneAsync(HttpMethod.Post, "/api/tokens", new { name, provider = "acme", scopes = new[] { "orders.read" }, subject = Subject });
            var since = TimeProvider.System.GetTimestamp();
            await nodes.UntilAsync(async () => (await nodes.Second.GetAsync(Address(name))).StatusCode == HttpStatusCode.OK, $"{name} served");
            waits.Add(TimeProvider.System.GetElapsedTime(since));
        }

        using var end = new CancellationTokenSource();
        var readers = new[] { nodes.First, nodes.Second }.Select(node => Task.Run(() => ReadUntilAsync(node, names, end.Token))).ToList();
        acme.Accepted = Next;
        await nodes.First.DoneAsync(HttpMethod.Patch, "/api/providers/acme", new { settings = new { ClientSecret = Next } });
        await nodes.First.DoneAsync(HttpMethod.Post, "/api/tokens/refresh", new { provider = "acme", force = true });
        foreach (var node in new[] { nodes.First, nodes.Second })
        {
            await nodes.UntilAsync(async () => (await Task.WhenAll(names.Select(name => VersionAsync(node, name)))).All(version => version > 1), "what was issued for the new secret is served");
        }

        await end.CancelAsync();
        var reads = await Task.WhenAll(readers);
        foreach (var name in names)
        {
            await nodes.First.DoneAsync(HttpMethod.Delete, $"/api/tokens/{name}");
        }

        await nodes.First.DoneAsync(HttpMethod.Delete, "/api/providers/acme");
        await nodes.UntilAsync(async () => (await nodes.Second.GetAsync(Address(names[^1]))).StatusCode == HttpStatusCode.NotFound, "it is gone");

        waits.Order().ElementAt(Tokens / 2).ShouldBeLessThan(TimeSpan.FromSeconds(1), $"waits: {string.Join(", ", waits)}");
        reads.Sum(read => read.Failures).ShouldBe(0);
        reads.ShouldAllBe(read => read.Reads > 10);
        (await nodes.AuditAsync("client:")).ShouldBe(["provider.added", .. Enumerable.Repeat("token.added", Tokens), "provider.changed", .. Enumerable.Repeat("token.removed", Tokens), "provider.removed"]);
        (await nodes.EverythingAsync()).ShouldNotContain("planted");
    }

    [Fact]
    public async Task What_verbs_add_change_and_remove_beside_two_servers_is_so_at_both_and_nothing_secret_is_seen_anywhere()
    {
        await using var data = new DataFolder();
        await using var acme = await AcmeServer.StartAsync();
        var settings = Settings(data, await postgres.CreateMigratedDatabaseAsync());
        foreach (var category in new[] { "Default", "Microsoft", "Microsoft.EntityFrameworkCore", "Microsoft.Hosting.Lifetime", "Hangfire", "Npgsql", "System.Net.Http", "Polly" })
        {
            settings[$"Logging__LogLevel__{category}"] = "Trace";
        }

        settings["Metrics__Enabled"] = "true";
        await using var nodes = await Nodes.StartAsync(settings);

        (await nodes.VerbAsync($"{Secret}\n", "providers", "add", "acme", "--type", "OAuth2", "--set", $"TokenUrl={acme.TokenUrl}", "--set", "ClientId=ours", "--set", "ClientAuthentication=Body", "--set", "ClientSecret=-")).ExitCode.ShouldBe(0);
        (await nodes.VerbAsync($"{Subject}\n", "tokens", "add", "acme-1", "--provider", "acme", "--subject", "-")).ExitCode.ShouldBe(0);
        foreach (var node in new[] { nodes.First, nodes.Second })
        {
            await nodes.UntilAsync(async () => (await node.GetAsync(Address("acme-1"))).StatusCode == HttpStatusCode.OK, "the token is served");
        }

        var refused = await nodes.VerbAsync("", "tokens", "add", "acme-2", "--provider", "acme", "--subject", Subject);
        (refused.ExitCode, refused.Error).ShouldSatisfyAllConditions(end => end.ExitCode.ShouldBe(2), end => end.Error.ShouldContain("--subject -"));
        (await nodes.VerbAsync("", "tokens", "show", "acme-1")).Out.ShouldContain("subject: •••-xyz");
        (await nodes.VerbAsync($"{Subject}\n", "tokens", "list", "--subject", "-", "--json")).Out.ShouldContain("acme-1");
        (await nodes.VerbAsync("somebody else\n", "tokens", "list", "--subject", "-")).Out.ShouldContain("No token has this subject.");
        (await nodes.VerbAsync("", "providers", "remove", "acme", "--yes")).ShouldSatisfyAllConditions(end => end.ExitCode.ShouldBe(1), end => end.Error.ShouldContain("acme-1"));
        (await nodes.VerbAsync($"{Next}\n", "providers", "set", "acme", "--set", "ClientSecret=-")).ExitCode.ShouldBe(0);
        (await nodes.VerbAsync("", "tokens", "set", "acme-1", "--label", "team=billing")).ExitCode.ShouldBe(0);
        var found = await nodes.Second.DoneAsync(HttpMethod.Post, "/api/tokens/find", new { subject = Subject });
        (await nodes.VerbAsync("", "tokens", "set", "acme-1", "--subject", "none")).ExitCode.ShouldBe(0);
        (await nodes.VerbAsync("", "tokens", "show", "acme-1")).Out.ShouldNotContain("subject");
        (await nodes.VerbAsync("", "keys", "rotate")).ExitCode.ShouldBe(0);
        var metrics = await nodes.First.GetStringAsync("/metrics");
        (await nodes.VerbAsync("", "tokens", "remove", "acme-1", "--yes")).ExitCode.ShouldBe(0);
        (await nodes.VerbAsync("", "providers", "remove", "acme", "--yes")).ExitCode.ShouldBe(0);
        foreach (var node in new[] { nodes.First, nodes.Second })
        {
            await nodes.UntilAsync(async () => (await node.GetAsync(Address("acme-1"))).StatusCode == HttpStatusCode.NotFound, "the token is gone");
        }

        found.ShouldContain("acme-1");
        acme.Asked.ShouldContain(Next);
        (await nodes.AuditAsync("cli:")).ShouldBe(["provider.added", "token.added", "provider.changed", "token.changed", "token.changed", "token.removed", "provider.removed"]);
        foreach (var (text, where) in new[] { (await nodes.EverythingAsync(), "the database"), (metrics, "metrics"), (await nodes.SaidAsync(), "what servers and verbs say") })
        {
            text.Split('\n').Where(line => line.Contains("planted", StringComparison.OrdinalIgnoreCase)).Take(3).ShouldBeEmpty(where);
        }
    }

    private static Dictionary<string, string> Settings(DataFolder data, string database) => new(data.VerbSettings(database)) { ["TokenRefresh__Http__AllowedAddresses"] = "127.0.0.0/8" };

    private static string Address(string token) => $"/api/tokens/{token}/access-token";

    private static async Task<long> VersionAsync(HttpClient node, string token) =>
        JsonDocument.Parse(await node.GetStringAsync(Address(token))).RootElement.GetProperty("version").GetInt64();

    private static async Task<(int Reads, int Failures)> ReadUntilAsync(HttpClient node, List<string> names, CancellationToken end)
    {
        var (reads, failures) = (0, 0);
        for (; !end.IsCancellationRequested; reads++)
        {
            using var read = await node.GetAsync(Address(names[reads % names.Count]), CancellationToken.None);
            failures += read.IsSuccessStatusCode ? 0 : 1;
        }

        return (reads, failures);
    }

    /// <summary>The two servers, a client that may change everything, and all that was said.</summary>
    private sealed class Nodes(IReadOnlyDictionary<string, string> settings, ServerProcess first, ServerProcess second) : IAsyncDisposable
    {
        private readonly List<string> said = [];

        public HttpClient First => first.Http;

        public HttpClient Second => second.Http;

        public static async Task<Nodes> StartAsync(IReadOnlyDictionary<string, string> settings)
        {
            var nodes = new Nodes(settings, await ServerProcess.ServeAsync(settings), await ServerProcess.ServeAsync(settings));
            var key = (await ServerProcess.RunAsync(settings, "clients", "add", "manager", "--tokens", "*", "--acts", "read,refresh,manage")).Out.Split('\n').Last(line => line.StartsWith("trk_", StringComparison.Ordinal));
            foreach (var node in new[] { nodes.First, nodes.Second })
            {
                node.DefaultRequestHeaders.Authorization = new("Bearer", key);
                await nodes.UntilAsync(async () => (await node.GetAsync("/api/tokens")).IsSuccessStatusCode, "the key is good");
            }

            return nodes;
        }

        public Task UntilAsync(Func<Task<bool>> holds, string what) => first.UntilAsync(holds, what);

        public async Task<Finished> VerbAsync(string input, params string[] call)
        {
            var end = await ServerProcess.RunWithInputAsync(settings, input, call);
            said.AddRange([end.Out, end.Error]);
            return end;
        }

        /// <summary>What was done to providers and tokens by those whose name begins so, in order.</summary>
        public async Task<IReadOnlyList<string>> AuditAsync(string actor)
        {
            var actions = new List<string>();
            await using var connection = new NpgsqlConnection(settings["ConnectionStrings__TokenRefresh"]);
            await connection.OpenAsync();
            await using var audit = new NpgsqlCommand("SELECT action FROM audit_log WHERE starts_with(actor, $1) AND action ~ '^(provider|token)\\.(added|changed|removed)$' ORDER BY id", connection) { Parameters = { new() { Value = actor } } };
            await using var rows = await audit.ExecuteReaderAsync();
            while (await rows.ReadAsync())
            {
                actions.Add(rows.GetString(0));
            }

            return actions;
        }

        /// <summary>All that is stored, as text.</summary>
        public async Task<string> EverythingAsync()
        {
            await using var connection = new NpgsqlConnection(settings["ConnectionStrings__TokenRefresh"]);
            await connection.OpenAsync();
            await using var dump = new NpgsqlCommand("SELECT schema_to_xml('public', true, false, '')::text || schema_to_xml('hangfire', true, false, '')::text", connection);
            return (string)(await dump.ExecuteScalarAsync())!;
        }

        /// <summary>What servers and verbs printed; ends the servers.</summary>
        public async Task<string> SaidAsync()
        {
            foreach (var server in new[] { first, second })
            {
                var end = await server.StopAsync();
                said.AddRange([end.Out, end.Error]);
            }

            return string.Join('\n', said);
        }

        public async ValueTask DisposeAsync()
        {
            await second.DisposeAsync();
            await first.DisposeAsync();
        }
    }
}

/// <summary>Requests that must be answered as they should.</summary>
internal static class ProgramRequests
{
    /// <summary>Sends JSON, and returns the answer to a request that was done.</summary>
    public static async Task<string> DoneAsync(this HttpClient http, HttpMethod method, string address, object? body = null)
    {
        using var request = new HttpRequestMessage(method, address) { Content = body is null ? null : JsonContent.Create(body) };
        using var answer = await http.SendAsync(request);
        var text = await answer.Content.ReadAsStringAsync();
        answer.IsSuccessStatusCode.ShouldBeTrue($"{method} {address}: {(int)answer.StatusCode} {text}");
        return text;
    }
}
