using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
namespace TokenRefresh.Providers;
public static class Stub { public static IServiceCollection AddTokenProviders(this IServiceCollection s, IConfiguration c) => s; }
