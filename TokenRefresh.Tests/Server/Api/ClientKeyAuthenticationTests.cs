using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Shouldly;
using TokenRefresh.Server.Api;

namespace TokenRefresh.Tests.Server.Api;

public sealed class ClientKeyAuthenticationTests
{
    [Fact]
    public async Task A_read_passes_without_asking_the_services_of_the_request_for_anything()
    {
        var services = new ServiceCollection().AddLogging().AddRouting().AddAuthentication().Services.AddAuthorization().BuildServiceProvider();
        var app = new ApplicationBuilder(services);
        app.UseApi();
        var passed = false;
        app.Run(_ =>
        {
            passed = true;
            return Task.CompletedTask;
        });
        var context = new DefaultHttpContext { RequestServices = new Untouchable(), Request = { Path = "/api/tokens/jibit/access-token" } };
        context.SetEndpoint(new(null, new(new SelfGuarded()), null));

        await app.Build()(context);

        passed.ShouldBeTrue();
    }

    private sealed class Untouchable : IServiceProvider
    {
        public object? GetService(Type serviceType) => throw new InvalidOperationException($"{serviceType.Name} was asked for.");
    }
}
