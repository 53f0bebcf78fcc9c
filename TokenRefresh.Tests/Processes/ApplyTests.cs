using Npgsql;
using Shouldly;
using TokenRefresh.Tests.Fixtures;
using static TokenRefresh.Tests.Processes.ServerProcess;

namespace TokenRefresh.Tests.Processes;

/// <summary><c>apply</c> as a script calls it.</summary>
public sealed class ApplyTests(PostgresFixture postgres)
{
    private const string Secret = "planted-client-secret-of-acme", Next = "planted-client-secret-of-june";

    [Fact]
    public async Task A_file_is_foreseen_applied_changed_and_pruned_and_the_secret_is_shown_nowhere()
    {
        await using var acme = await TokenEndpoint.StartAsync();
        await using var data = new DataFolder();
        var database = await postgres.CreateMigratedDatabaseAsync();
        var settings = data.VerbSettings(database);
        settings["TokenRefresh__Http__AllowedAddresses"] = "127.0.0.0/8";
        settings["ACME_SECRET"] = Secret;
        var file = File(acme, "orders.read", alsoPlain: true);

        var foreseen = await RunWithInputAsync(settings, file, "apply", "-f", "-", "--dry-run");
        foreseen.ExitCode.ShouldBe(0, foreseen.Error);
        foreseen.Out.ShouldContain("--- /dev/null\n+++ provider acme\n+type: OAuth2\n");
        foreseen.Out.ShouldContain("+ClientSecret: (secret) ••••acme");
        foreseen.Out.ShouldContain("3 to add, 0 to change, 0 to remove, 0 unchanged. Dry run: nothing was changed.");
        (await StoredAsync(database)).ShouldBeEmpty();
        acme.Calls.ShouldBe(0);

        (await RunWithInputAsync(settings, file, "apply", "-f", "-")).ShouldSatisfyAllConditions(
            end => end.ExitCode.ShouldBe(0, end.Error), end => end.Out.ShouldEndWith("3 added, 0 changed, 0 removed, 0 unchanged."));
        (await StoredAsync(database)).ShouldBe(["acme", "acme-orders", "acme-plain"]);
        (await RunWithInputAsync(settings, file, "apply", "-f", "-")).ShouldSatisfyAllConditions(
            end => end.ExitCode.ShouldBe(0, end.Error), end => end.Out.ShouldBe("Nothing to change, 3 unchanged."));

        settings["ACME_SECRET"] = acme.Accepted = Next;
        var changed = await RunWithInputAsync(settings, File(acme, "orders.write", alsoPlain: false), "apply", "-f", "-", "--prune");
        changed.ExitCode.ShouldBe(0, changed.Error);
        changed.Out.ShouldContain("--- provider acme\n+++ provider acme\n-ClientSecret: (secret) ••••acme\n+ClientSecret: (secret) ••••june\n");
        changed.Out.ShouldContain("--- token acme-orders\n+++ token acme-orders\n-scopes: orders.read\n+scopes: orders.write\n");
        changed.Out.ShouldContain("--- token acme-plain\n+++ /dev/null\n");
        (await StoredAsync(database)).ShouldBe(["acme", "acme-orders"]);

        settings["ACME_SECRET"] = "another-planted-secret";
        var refused = await RunWithInputAsync(settings, File(acme, "orders.write", alsoPlain: false), "apply", "-f", "-");
        refused.ExitCode.ShouldBe(1);
        refused.Error.ShouldContain("provider acme: The provider issued no token with these settings: credential_rejected");

        (await RunWithInputAsync(settings, "tokens: {}\nproviders: {}", "apply", "-f", "-", "--prune")).ExitCode.ShouldBe(0);
        (await StoredAsync(database)).ShouldBeEmpty();
        foreach (var end in new[] { foreseen, changed, refused })
        {
            (end.Out + end.Error).ShouldNotContain("planted");
        }
    }

    [Fact]
    public async Task Whatever_is_wrong_in_a_file_is_named_before_anything_is_stored()
    {
        await using var data = new DataFolder();
        var database = await postgres.CreateMigratedDatabaseAsync();
        var settings = data.VerbSettings(database);
        settings["Tokens__declared__Provider"] = "jibit";
        const string file =
            """
            providers:
              good: { type: OAuth2, TokenUrl: "https://login.example/token", ClientId: ours, ClientSecret: planted }
              jibit: { type: Jibit, ApiKey: planted }
              Upper: { type: OAuth2 }
              wrong: { type: OAuth2, TokenUrl: planted, Nonsense: planted }
            tokens:
              declared: { provider: jibit }
              strange: { provider: nobody }
              blanks: { provider: good, scopes: ["a b"] }
              fine: { provider: good }
            """;

        Directory.CreateDirectory(data.Path);
        var path = Path.Combine(data.Path, "catalog.yaml");
        await System.IO.File.WriteAllTextAsync(path, file + $"\n  large: {{ provider: good, parameters: {{ a: {new string('x', 100_000)} }} }}");

        var end = await RunAsync(settings, "apply", "-f", path);

        end.ExitCode.ShouldBe(2);
        foreach (var words in new[]
        {
            "providers.jibit: Provider jibit is declared", "providers.Upper: A provider name has", "providers.wrong: TokenUrl is not allowed", "providers.wrong: Nonsense is not a setting",
            "tokens.declared: Token declared is declared", "tokens.strange: provider must be one of", "tokens.blanks: scopes are", "tokens.large: parameters are", "Nothing was changed.",
        })
        {
            end.Error.ShouldContain(words);
        }

        end.Error.ShouldNotContain("planted");
        end.Error.ShouldNotContain("tokens.fine");
        (await StoredAsync(database)).ShouldBeEmpty();
    }

    [Fact]
    public async Task Settings_are_listed_with_their_sources_and_all_that_are_wrong_are_named_without_a_database()
    {
        await using var data = new DataFolder();
        var settings = data.VerbSettings("Host=127.0.0.1;Port=1;Database=none;Password=planted");
        settings["Providers__Jibit__ApiKey"] = "planted-key-of-9876";
        settings["TokenRefresh__Notifications__WebhookUrls"] = "https://hooks.example/planted";
        settings["TokenRefresh__Notifications__WebhookSecret"] = "planted-planted-planted";

        var good = await RunAsync(settings, "config", "check", "--TokenRefresh:Queue:Workers=7");
        settings["TokenRefresh__Queue__Workers"] = "many";
        settings["Email__Port"] = "none";
        settings["Providers__acme__Type"] = "OAuth2";
        settings["Providers__acme__ClientSecrt"] = "planted";
        var wrong = await RunAsync(settings, "config", "check", "--json");

        good.ExitCode.ShouldBe(0, good.Error);
        good.Out.ShouldMatch(@"TokenRefresh__Queue__Workers +command line +7\n");
        good.Out.ShouldMatch(@"Providers__Jibit__ApiKey +environment +\(secret\) ••••9876\n");
        good.Out.ShouldMatch(@"TokenRefresh__Queue__Name +default +tokens\n");
        good.Out.ShouldMatch(@"Tokens__jibit__Provider +appsettings.json +jibit\n");
        good.Out.ShouldMatch(@"WebhookUrls +environment +https://hooks.example/…\n");
        wrong.ExitCode.ShouldBe(2);
        wrong.Error.ShouldContain("TokenRefresh__Queue__Workers = 'many' is not allowed: a number");
        wrong.Error.ShouldContain("Email__Port = 'none' is not allowed: a number");
        wrong.Error.ShouldContain("Providers__acme__ClientSecrt is not a setting");
        foreach (var end in new[] { good, wrong })
        {
            (end.Out + end.Error).Replace("planted-key", "", StringComparison.Ordinal).ShouldNotContain("planted");
            (end.Out + end.Error).ShouldNotContain("planted-key");
        }
    }

    private static string File(TokenEndpoint acme, string scope, bool alsoPlain) =>
        $$"""
        providers:
          acme:
            type: OAuth2
            TokenUrl: {{acme.Url}}
            ClientId: ours
            ClientSecret: ${ACME_SECRET}
            ClientAuthentication: Body
        tokens:
          acme-orders:
            provider: acme
            scopes: [{{scope}}]
        {{(alsoPlain ? "  acme-plain: { provider: acme, labels: { team: billing } }" : "")}}
        """;

    private static async Task<List<string>> StoredAsync(string database)
    {
        await using var source = NpgsqlDataSource.Create(database);
        await using var read = source.CreateCommand("SELECT name FROM providers WHERE origin = 'managed' UNION ALL SELECT name FROM tokens WHERE origin = 'managed' ORDER BY 1");
        await using var rows = await read.ExecuteReaderAsync();
        var names = new List<string>();
        while (await rows.ReadAsync())
        {
            names.Add(rows.GetString(0));
        }

        return names;
    }
}
