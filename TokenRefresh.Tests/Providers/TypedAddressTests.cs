using Microsoft.AspNetCore.Http;
using Shouldly;
using TokenRefresh.Providers;

namespace TokenRefresh.Tests.Providers;

/// <summary>Addresses that people type must not lead into the server's own network.</summary>
public sealed class TypedAddressTests
{
    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("localhost")]
    [InlineData("2130706433")]
    [InlineData("10.1.2.3")]
    [InlineData("172.16.0.1")]
    [InlineData("192.168.1.1")]
    [InlineData("169.254.169.254")]
    [InlineData("168.63.129.16")]
    [InlineData("100.64.0.1")]
    [InlineData("0.0.0.0")]
    [InlineData("192.0.0.170")]
    [InlineData("198.19.255.1")]
    [InlineData("224.0.0.1")]
    [InlineData("[::1]")]
    [InlineData("[::]")]
    [InlineData("[fe80::1]")]
    [InlineData("[fec0::1]")]
    [InlineData("[fd00::1]")]
    [InlineData("[ff02::1]")]
    [InlineData("[2001::1]")]
    [InlineData("[::10.0.0.1]")]
    [InlineData("[::ffff:10.0.0.1]")]
    [InlineData("[64:ff9b::169.254.169.254]")]
    [InlineData("[64:ff9b:1::1]")]
    [InlineData("[2002:a00:1::1]")]
    public async Task A_private_local_or_translated_address_is_refused_however_it_is_written(string host)
    {
        using var http = new HttpClient(TypedAddresses.Handler(new()));

        await Should.ThrowAsync<RefusedAddressException>(() => http.GetAsync(new Uri($"http://{host}:9/")));
    }

    [Theory]
    [InlineData("127.0.0.0/8")]
    [InlineData("127.0.0.1, 10.0.0.0/8")]
    public async Task What_a_setting_allows_is_reached_and_a_redirect_is_not_followed(string allowed)
    {
        var asked = 0;
        await using var server = await LoopbackServer.StartAsync(http =>
        {
            Interlocked.Increment(ref asked);
            http.Response.Redirect("/elsewhere");
            return Task.CompletedTask;
        });
        using var http = new HttpClient(TypedAddresses.Handler(new() { AllowedAddresses = allowed }));

        (await http.GetAsync(server.Address)).StatusCode.ShouldBe(System.Net.HttpStatusCode.Redirect);
        asked.ShouldBe(1);
    }
}
