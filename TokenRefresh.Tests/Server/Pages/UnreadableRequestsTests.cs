using System.Net;
using Shouldly;
using TokenRefresh.Server.Access;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Server.Pages;

/// <summary>What cannot be read, or is not there, is the sender's mistake and is told as such.</summary>
public sealed class UnreadableRequestsTests(SharedServer shared) : IClassFixture<SharedServer>
{
    [Fact]
    public async Task An_address_that_the_panel_or_the_dashboard_does_not_have_is_not_found()
    {
        await using var panel = await shared.OpenAsync(Role.Viewer);

        foreach (var address in new[] { "/hangfire/nothing", "/access/tokens/%20", "/access/tokens/nobody" })
        {
            (await panel.Http.GetAsync(address)).StatusCode.ShouldBe(HttpStatusCode.NotFound, address);
        }

        (await panel.Http.GetAsync("/hangfire")).StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task A_form_that_cannot_be_read_is_refused()
    {
        await using var panel = await shared.OpenAsync();

        foreach (var (body, type) in new[]
        {
            ("name=jibit", "multipart/form-data"), ("--x", "multipart/form-data; boundary=x"), ("name=jibit", "application/x-www-form-urlencoded; charset=utf-7"), ("name=%00", "application/x-www-form-urlencoded"),
        })
        {
            var form = new StringContent(body);
            form.Headers.Remove("Content-Type");
            form.Headers.TryAddWithoutValidation("Content-Type", type);

            (await panel.Server.Http.PostAsync("/account/expired?to=/access/tokens", form)).StatusCode.ShouldBe(HttpStatusCode.BadRequest, type);
        }
    }
}
