using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using TokenRefresh.Jobs.Catalog;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;
using Shouldly;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Jobs.Catalog;

/// <summary>Nodes on one database with the product's own providers, and a token endpoint that issues to everyone.</summary>
internal sealed class CatalogWorld(TokenWorld world, AcmeServer acme) : IAsyncDisposable
{
    /// <summary>In everything that must not be seen.</summary>
    public const string Planted = "planted";

    private static readonly (string Key, string Value)[] Settings = [("TokenRefresh:Http:AllowedAddresses", "127.0.0.0/8"), ("Tokens:jibit:Provider", "jibit")];

    private int nodes;

    public TokenWorld World => world;

    public static async Task<CatalogWorld> CreateAsync(PostgresFixture postgres) => new(await TokenWorld.CreateAsync(postgres, Settings), await AcmeServer.StartAsync());

    /// <summary>A node that has just started, and knows what is stored.</summary>
    /// <param name="clock">Its own clock, on which no call would have time: its changes are not tried at the provider.</param>
    public async Task<CatalogNode> NodeAsync(NodeFaults? faults = null, TimeProvider? clock = null)
    {
        var services = world.AddNode($"catalog-{++nodes}", shape: services =>
        {
            services.AddTokenProviders(new ConfigurationBuilder().AddInMemoryCollection(Settings.Select(pair => KeyValuePair.Create(pair.Key, (string?)pair.Value))).Build());
            if (clock is not null)
            {
                services.AddSingleton(clock);
            }

            if (faults is not null)
            {
                services.ConfigureDbContext<TokenRefreshDbContext>(options => options.AddInterceptors(faults));
            }
        });
        await services.GetRequiredService<LiveCatalog>().ReloadAsync(CancellationToken.None);
        return new(services, acme.TokenUrl, isUntested: clock is not null);
    }

    public async ValueTask DisposeAsync()
    {
        await world.DisposeAsync();
        await acme.DisposeAsync();
    }
}

/// <summary>The changes that tests make on a node, each in a numbered form of which every part tells its number.</summary>
internal sealed class CatalogNode(ServiceProvider services, string tokenUrl, bool isUntested)
{
    public const string Provider = "acme", Token = "acme-orders";

    private readonly CatalogChange change = new("a test", isUntested);

    public ServiceProvider Services => services;

    private ProviderChanges Providers => services.GetRequiredService<ProviderChanges>();

    private TokenDefinitionChanges Tokens => services.GetRequiredService<TokenDefinitionChanges>();

    public Task<CatalogResult> AddProviderAsync(int number = 0) => Providers.AddAsync(Provider, "OAuth2", ProviderSettings(number), change, CancellationToken.None);

    public Task<CatalogResult> ChangeProviderAsync(int number, string? tag = null) => Providers.ChangeAsync(Provider, ProviderSettings(number), change with { Tag = tag }, CancellationToken.None);

    public Task<CatalogResult> RemoveProviderAsync() => Providers.RemoveAsync(Provider, change, CancellationToken.None);

    public Task<CatalogResult> AddTokenAsync(int number = 0, string name = Token) =>
        Tokens.AddAsync(new(name, Provider, [$"scope-{number}"], Grant.ClientCredentials, new Dictionary<string, string>(), Labels(number)) { Subject = SubjectOf(number) }, change, CancellationToken.None);

    public Task<CatalogResult> ChangeTokenAsync(int number, string? tag = null) =>
        Tokens.ChangeAsync(Token, new([$"scope-{number}"], Labels: Labels(number)) { Subject = SubjectOf(number) }, change with { Tag = tag }, CancellationToken.None);

    public Task<CatalogResult> RemoveTokenAsync(string? tag = null, string name = Token) => Tokens.RemoveAsync(name, change with { Tag = tag }, CancellationToken.None);

    public async Task<string> TokenTagAsync() => (await Tokens.FindAsync(Token, CancellationToken.None))!.Tag;

    /// <summary>The number of the stored provider, whose parts must all tell the same; null where there is none.</summary>
    public async Task<int?> ProviderNumberAsync()
    {
        if (await Providers.FindAsync(Provider, CancellationToken.None) is not { } row)
        {
            return null;
        }

        var settings = TokenRefresh.Jobs.Catalog.ProviderSettings.Of(row, services.GetRequiredService<SecretProtection>()).All;
        return Same(settings["ClientId"], settings["ClientSecret"]);
    }

    /// <summary>As <see cref="ProviderNumberAsync"/>, of the token.</summary>
    public async Task<int?> TokenNumberAsync()
    {
        await using var db = await services.GetRequiredService<IDbContextFactory<TokenRefreshDbContext>>().CreateDbContextAsync();
        if (await db.Tokens.AsNoTracking().SingleOrDefaultAsync(token => token.Name == Token) is not { } row)
        {
            return null;
        }

        var subject = services.GetRequiredService<SecretProtection>().OpenSubject(Token, row.Subject!);
        services.GetRequiredService<SecretProtection>().HashSubject(subject).ShouldBe(row.SubjectHash);
        return Same(row.Scopes.Single(), TokenDefinition.Pairs(row.Labels)["number"], subject);
    }

    public static string SubjectOf(int number) => $"{CatalogWorld.Planted}-subject-{number}";

    private static Dictionary<string, string> Labels(int number) => new() { ["number"] = $"label-{number}" };

    private Dictionary<string, string?> ProviderSettings(int number) => new()
    {
        ["TokenUrl"] = tokenUrl, ["ClientAuthentication"] = "Body", ["ClientId"] = $"client-{number}", ["ClientSecret"] = $"{CatalogWorld.Planted}-secret-{number}",
    };

    private static int Same(params string[] parts) => int.Parse(parts.Select(part => part.Split('-')[^1]).Distinct().ShouldHaveSingleItem(), System.Globalization.CultureInfo.InvariantCulture);
}
