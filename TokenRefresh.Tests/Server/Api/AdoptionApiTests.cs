using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Shouldly;
using TokenRefresh.Jobs.Administration;
using TokenRefresh.Jobs.Catalog;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Server.Api;

/// <summary>A provider of the settings is moved into the database.</summary>
public sealed class AdoptionApiTests(PostgresFixture postgres)
{
    private const string Secret = "planted-client-secret-of-acme", Next = "planted-client-secret-of-june";

    [Fact]
    public async Task An_adopted_provider_stays_managed_after_a_restart_and_its_declared_token_is_not_fetched_again()
    {
        await using var acme = await TokenEndpoint.StartAsync();
        var database = await postgres.CreateMigratedDatabaseAsync();
        await using (var first = await StartAsync(database, acme))
        {
            await using var second = await StartAsync(database, acme);
            using var program = await ProgramAsync(first, second);
            await first.ObtainedAsync("acme-orders");
            var (before, calls) = (await first.TokenAsync("acme-orders"), acme.Calls);

            var adopted = await program.PostAsync(new Uri("/api/providers/acme/adopt", UriKind.Relative), null);

            adopted.StatusCode.ShouldBe(HttpStatusCode.OK, await adopted.Content.ReadAsStringAsync());
            (await adopted.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("origin").GetString().ShouldBe("managed");
            (acme.Calls - calls).ShouldBe(1, "it is tried once");
            await RunningServer.UntilAsync(() => Task.FromResult(second.Services.GetRequiredService<TokenRefresh.Providers.ITokenProviders>().Find("acme")!.IsManaged), "the second node has it", 10);
            (await second.TokenAsync("acme-orders")).Version.ShouldBe(before.Version);

            acme.Accepted = Next;
            var rotated = await program.PatchAsJsonAsync("/api/providers/acme", new { settings = new { ClientSecret = Next } });
            rotated.StatusCode.ShouldBe(HttpStatusCode.OK, await rotated.Content.ReadAsStringAsync());
            (await StoredAsync(first)).ShouldNotContain("planted");
        }

        await using var restarted = await StartAsync(database, acme);
        using var after = await ProgramAsync(restarted);
        var version = (await restarted.TokenAsync("acme-orders")).Version;
        await after.PostAsJsonAsync("/api/tokens/refresh", new { token = "acme-orders", force = true });

        await RunningServer.UntilAsync(async () => (await restarted.TokenAsync("acme-orders")).Version > version, "it is refreshed with the secret of the database");
        var row = (await restarted.Services.GetRequiredService<ProviderChanges>().FindAsync("acme", CancellationToken.None))!;
        row.IsManaged.ShouldBeTrue();
        restarted.Services.GetRequiredService<ProviderAdoption>().UnusedSettings(row).ShouldBe(["Providers__acme__ClientAuthentication", "Providers__acme__ClientId", "Providers__acme__ClientSecret", "Providers__acme__TokenUrl"], ignoreOrder: true);
    }

    [Fact]
    public async Task An_adopted_provider_that_is_removed_is_the_one_of_the_settings_again()
    {
        await using var acme = await TokenEndpoint.StartAsync();
        await using var server = await StartAsync(await postgres.CreateMigratedDatabaseAsync(), acme);
        using var program = await ProgramAsync(server);
        (await program.PostAsync(new Uri("/api/providers/acme/adopt", UriKind.Relative), null)).StatusCode.ShouldBe(HttpStatusCode.OK);

        var removed = await program.DeleteAsync(new Uri("/api/providers/acme", UriKind.Relative));

        removed.StatusCode.ShouldBe(HttpStatusCode.NoContent, await removed.Content.ReadAsStringAsync());
        (await program.GetFromJsonAsync<JsonElement>("/api/providers/acme")).GetProperty("origin").GetString().ShouldBe("declared");
        (await program.PostAsync(new Uri("/api/providers/acme/test", UriKind.Relative), null)).StatusCode.ShouldBe(HttpStatusCode.OK);
        server.Services.GetRequiredService<TokenRefresh.Providers.ITokenProviders>().Find("acme")!.IsManaged.ShouldBeFalse();
        await using var db = await server.Services.GetRequiredService<IDbContextFactory<TokenRefreshDbContext>>().CreateDbContextAsync();
        (await db.Audit.Where(entry => entry.Action.StartsWith("provider.")).OrderBy(entry => entry.Id).Select(entry => entry.Action).ToListAsync()).ShouldBe(["provider.adopted", "provider.returned"]);
    }

    [Fact]
    public async Task What_cannot_be_adopted_is_refused_with_the_reason_and_stays_as_it_is()
    {
        await using var acme = await TokenEndpoint.StartAsync();
        await using var server = await StartAsync(await postgres.CreateMigratedDatabaseAsync(), acme, ("Providers:unset:Type", "OAuth2"));
        using var program = await ProgramAsync(server);
        (await program.PutAsJsonAsync("/api/providers/added?untested=true", new { type = "OAuth2" })).StatusCode.ShouldBe(HttpStatusCode.Created);

        foreach (var (name, status, words) in new[]
        {
            ("nobody", HttpStatusCode.NotFound, "There is no provider nobody"), ("added", HttpStatusCode.Conflict, "managed already"),
            ("unset", HttpStatusCode.BadRequest, "Providers__unset__ClientSecret"), ("jibit", HttpStatusCode.BadRequest, "sandbox"),
        })
        {
            var refused = await program.PostAsync(new Uri($"/api/providers/{name}/adopt", UriKind.Relative), null);
            refused.StatusCode.ShouldBe(status, name);
            (await refused.Content.ReadAsStringAsync()).ShouldContain(words);
        }

        acme.Accepted = "another secret";
        (await program.PostAsync(new Uri("/api/providers/acme/adopt", UriKind.Relative), null)).StatusCode.ShouldBe(HttpStatusCode.UnprocessableEntity);
        (await program.GetFromJsonAsync<JsonElement>("/api/providers/acme")).GetProperty("origin").GetString().ShouldBe("declared");
    }

    private Task<RunningServer> StartAsync(string database, TokenEndpoint acme, params (string, string)[] more) => RunningServer.StartAsync(postgres, database, withSandbox: true, settings:
    [
        ("Providers:acme:Type", "OAuth2"), ("Providers:acme:TokenUrl", acme.Url), ("Providers:acme:ClientId", "ours"), ("Providers:acme:ClientSecret", Secret),
        ("Providers:acme:ClientAuthentication", "Body"), ("Tokens:acme-orders:Provider", "acme"), ("TokenRefresh:Http:AllowedAddresses", "127.0.0.0/8"), .. more,
    ]);

    private static async Task<HttpClient> ProgramAsync(params RunningServer[] servers)
    {
        var key = await servers[0].Services.GetRequiredService<ClientKeys>().IssueAsync($"manager{servers[0].App.Urls.First().Split(':')[^1]}", "*", "a test", CancellationToken.None, string.Join(',', ClientActs.All));
        foreach (var server in servers)
        {
            await server.Services.GetRequiredService<ClientKeys>().ReloadAsync(CancellationToken.None);
        }

        return new ApiProgram(servers[0], key).Http;
    }

    private static async Task<string> StoredAsync(RunningServer server)
    {
        await using var db = await server.Services.GetRequiredService<IDbContextFactory<TokenRefreshDbContext>>().CreateDbContextAsync();
        return string.Join('\n', await db.Database.SqlQuery<string>($"""SELECT providers::text AS "Value" FROM providers UNION ALL SELECT jsonb_pretty(details) FROM audit_log""").ToListAsync());
    }
}
