using Microsoft.Extensions.DependencyInjection;
using TokenRefresh.Jobs.TokenCache;
using TokenRefresh.Tests.Fixtures;
using TokenRefresh.Tests.Sandbox;

namespace TokenRefresh.Tests.Jobs.Caching;

/// <summary>A world whose token is obtained and known to the vault, and how its readers look at it.</summary>
internal static class ObtainedWorld
{
    public static async Task<TokenWorld> CreateAsync(PostgresFixture postgres, params (string Key, string Value)[] settings)
    {
        var world = await TokenWorld.CreateAsync(postgres, settings);
        await world.RefreshAsync();
        await Vault(world).ReloadAsync(CancellationToken.None);
        return world;
    }

    public static TokenCache Vault(TokenWorld world) => world.Node.GetRequiredService<TokenCache>();

    /// <summary>The version that a reader at this node is served, or null.</summary>
    public static async Task<long?> VersionAsync(IServiceProvider node) =>
        (await node.GetRequiredService<TokenCache>().ReadAsync("jibit", TimeSpan.Zero, CancellationToken.None))?.Entry?.Version;
}
