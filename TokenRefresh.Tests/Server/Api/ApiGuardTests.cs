using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging.Abstractions;
using Shouldly;
using TokenRefresh.Server.Api;

namespace TokenRefresh.Tests.Server.Api;

public sealed class ApiGuardTests
{
    [Fact]
    public async Task A_read_passes_without_asking_the_services_of_the_request_for_anything()
    {
        var passed = false;
        var guard = new ApiGuard(
            _ =>
            {
                passed = true;
                return Task.CompletedTask;
            },
            NullLogger<ApiGuard>.Instance);
        var context = new DefaultHttpContext { RequestServices = new Untouchable() };
        context.SetEndpoint(new(null, new(new SelfGuarded()), null));

        await guard.InvokeAsync(context);

        passed.ShouldBeTrue();
    }

    private sealed class Untouchable : IServiceProvider
    {
        public object? GetService(Type serviceType) => throw new InvalidOperationException($"{serviceType.Name} was asked for.");
    }
}
