using System.Net;
using Shouldly;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Server.Hosting;

public sealed class RejectUnmatchedRequestsTests(SharedServer shared) : IClassFixture<SharedServer>
{
    [Theory]
    [InlineData("/")]
    [InlineData("/hangfire")]
    [InlineData("/metrics")]
    [InlineData("/access/tokens")]
    [InlineData("/openapi/v1.json")]
    [InlineData("/api/tokens")]
    [InlineData("/no/such/address")]
    [InlineData("/appsettings.json")]
    [InlineData("/..%2fappsettings.json")]
    [InlineData("/%2e%2e/appsettings.json")]
    [InlineData("/..%5cappsettings.json")]
    [InlineData("/access/tokens/..%2f..%2fappsettings.json")]
    [InlineData("/.env")]
    public async Task A_stranger_gets_401_or_the_sign_in_wherever_it_asks(string path)
    {
        var server = await shared.Server;

        var answer = await server.Http.GetAsync(path);

        if (answer.StatusCode == HttpStatusCode.Redirect)
        {
            answer.Headers.Location!.ToString().ShouldStartWith("/account/login");
            return;
        }

        answer.StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
    }
}
