using System.Net;
using Shouldly;
using TokenRefresh.Server.Hosting;
using TokenRefresh.Server.Access;
using TokenRefresh.Tests.Fixtures;
using TokenRefresh.Tests.Server.Api;
using TokenRefresh.Tests.Server.Pages;

namespace TokenRefresh.Tests.Server.Hosting;

/// <summary>A request may name any host; none of them comes back in a link.</summary>
public sealed class ForeignHostTests(PostgresFixture postgres, ForeignHostTests.NamedHosts shared) : IClassFixture<ForeignHostTests.NamedHosts>
{
    private const string Evil = "evil.example";

    /// <summary>A server that answers for some hosts alone.</summary>
    public sealed class NamedHosts(PostgresFixture postgres) : SharedServer(postgres)
    {
        private protected override Task<RunningServer> StartAsync(PostgresFixture postgres) =>
            RunningServer.StartAsync(postgres, settings: [("AllowedHosts", "panel.example.com;*.inside.example;127.0.0.1")]);
    }

    [Fact]
    public async Task No_answer_names_the_host_that_a_request_has_named()
    {
        await using var panel = await Panel.OpenAsync(postgres, Role.Admin);
        await ApiServer.SignInAsync(panel.Server, "jibit");
        using var stranger = new HttpClient(new HttpClientHandler { AllowAutoRedirect = false }) { BaseAddress = panel.Server.Http.BaseAddress };
        string[] addresses =
            ["/", "/access/tokens", "/access/audit", "/access/token-health", "/hangfire", "/hangfire/", "/hangfire/servers", "/account/login", "/account/logout", "/account/expired", "/access/incidents/1/acknowledge?until=1&signature=x",
             "/access/nothing", "/openapi/v1.json", "/api/tokens", "/api/nothing", "/health/ready"];

        foreach (var address in addresses)
        {
            foreach (var client in new[] { stranger, panel.Server.Http, panel.Http })
            {
                foreach (var method in new[] { HttpMethod.Get, HttpMethod.Post })
                {
                    using var request = new HttpRequestMessage(method, address) { Headers = { { "Host", Evil }, { "X-Forwarded-Host", Evil }, { "X-Original-Host", Evil }, { "Forwarded", $"host={Evil}" } } };
                    using var answer = await client.SendAsync(request);

                    answer.ToString().ShouldNotContain(Evil, Case.Insensitive, $"{method} {address}");
                    (await answer.Content.ReadAsStringAsync()).ShouldNotContain(Evil, Case.Insensitive, $"{method} {address}");
                    (answer.Headers.Location?.IsAbsoluteUri ?? false).ShouldBeFalse($"{method} {address}");
                }
            }
        }
    }

    [Theory]
    [InlineData("panel.example.com", HttpStatusCode.OK)]
    [InlineData("panel.example.com:8443", HttpStatusCode.OK)]
    [InlineData("node.inside.example", HttpStatusCode.OK)]
    [InlineData("127.0.0.1", HttpStatusCode.OK)]
    [InlineData(Evil, HttpStatusCode.BadRequest)]
    [InlineData("panel.example.com.evil.example", HttpStatusCode.BadRequest)]
    [InlineData("inside.example", HttpStatusCode.BadRequest)]
    public async Task Where_hosts_are_named_no_other_is_answered(string host, HttpStatusCode status)
    {
        var server = await shared.Server;
        using var request = new HttpRequestMessage(HttpMethod.Get, "/account/login") { Headers = { { "Host", host } } };

        (await server.Http.SendAsync(request)).StatusCode.ShouldBe(status);
    }

    [Theory]
    [InlineData("https://panel.example.com")]
    [InlineData("panel.example.com:8443")]
    [InlineData("panel.example.com,other.example.com")]
    [InlineData("panel.example.com/path")]
    [InlineData("pan el.example.com")]
    [InlineData("*.")]
    [InlineData("a.*.example.com")]
    public void What_is_no_host_is_refused_at_the_start(string hosts)
    {
        using var app = ServerHost.Build(new Dictionary<string, string?> { ["AllowedHosts"] = hosts, ["environment"] = "Development" }, Roles.All);

        Should.Throw<Exception>(() => StartUp.Validate(app.Services)).Message.ShouldContain($"AllowedHosts = '{hosts}' is not allowed");
    }
}
