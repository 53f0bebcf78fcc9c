using System.Net;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Refit;
using Shouldly;
using TokenRefresh.Jobs.Administration;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Providers.Client;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Providers.Client;

internal interface IInquiries
{
    [Get("/inquiry")]
    Task<string> InquireAsync();
}

public sealed class ClientRegistrationTests(PostgresFixture postgres)
{
    [Fact]
    public async Task A_refit_client_lives_through_a_token_that_its_api_refuses_against_the_running_server()
    {
        await using var server = await RunningServer.StartAsync(postgres);
        await RunningServer.UntilAsync(async () => (await server.Http.GetAsync("/health/fresh")).IsSuccessStatusCode, "the token is fresh");
        await using (var db = await server.Services.GetRequiredService<IDbContextFactory<TokenRefreshDbContext>>().CreateDbContextAsync())
        {
            // A token that is refused within seconds of its birth is refused for another reason, so this one was born earlier.
            await db.Database.ExecuteSqlAsync($"UPDATE tokens SET issued_at = issued_at - interval '1 hour'");
        }

        var key = await server.Services.GetRequiredService<ClientKeys>().IssueAsync("program", "jibit", "a test", default);
        await server.Services.GetRequiredService<ClientKeys>().ReloadAsync(default);
        await using var api = await LoopbackServer.StartAsync(async context =>
        {
            var bearer = context.Request.Headers.Authorization.ToString();
            context.Response.StatusCode = bearer == "Bearer access-of-jibit-1" ? 401 : 200;
            await Microsoft.AspNetCore.Http.HttpResponseWritingExtensions.WriteAsync(context.Response, bearer);
        });
        var log = new WrittenLog();
        var services = new ServiceCollection().AddLogging(logging => logging.SetMinimumLevel(LogLevel.Trace).AddProvider(log));
        services.AddTokenRefreshClient(new() { Server = server.Http.BaseAddress!, Key = key });
        services.AddRefitGeneratedClient<IInquiries>().ConfigureHttpClient(http => http.BaseAddress = new(api.Address)).AddTokenRefreshHandler("jibit");
        await using var program = services.BuildServiceProvider();

        (await program.GetRequiredService<IInquiries>().InquireAsync()).ShouldBe("Bearer access-of-jibit-2");

        server.Provider.Calls.ShouldBe(["acquire:jibit", "renew:jibit"]);
        log.ToString().ShouldNotContain(key);
    }

    [Theory]
    [InlineData("tokens.internal", "trk_key", "absolute address")]
    [InlineData("http://tokens.internal", "a-key", "clients add")]
    [InlineData("http://tokens.internal", null, "clients add")]
    public void Wrong_options_are_refused_at_once(string server, string? key, string message) =>
        Should.Throw<ArgumentException>(() => new ServiceCollection().AddTokenRefreshClient(new() { Server = new(server, UriKind.RelativeOrAbsolute), Key = key! }))
            .Message.ShouldContain(message);
}
