using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using Shouldly;
using TokenRefresh.Jobs.Administration;
using TokenRefresh.Jobs.Catalog;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Jobs.Catalog;

/// <summary>
/// A node is killed at every step of a change, one after the other, until the change gets through: each connection, each statement before and after it, each commit before and
/// after it. After each, a node that starts finds a whole catalogue, and the change can be made again there.
/// </summary>
public sealed class KilledChangeTests(PostgresFixture postgres)
{
    private readonly NodeFaults faults = new();

    [Fact]
    public async Task Adding_a_provider()
    {
        await using var catalog = await CatalogWorld.CreateAsync(postgres);
        await EachStepAsync(catalog, (_, _) => Task.CompletedTask, (node, number) => node.AddProviderAsync(number), async (node, number, isStored) =>
        {
            (await node.ProviderNumberAsync()).ShouldBe(isStored ? number : null);
            Repeated(await node.AddProviderAsync(number), isStored, CatalogRefusal.Taken);
            (await node.ProviderNumberAsync()).ShouldBe(number);
            (await node.RemoveProviderAsync()).ShouldBeOfType<CatalogResult.Done>();
        });
    }

    [Fact]
    public async Task Rotating_the_secret_of_a_provider()
    {
        await using var catalog = await CatalogWorld.CreateAsync(postgres);
        await Done((await catalog.NodeAsync()).AddProviderAsync());
        await EachStepAsync(catalog, (_, _) => Task.CompletedTask, (node, number) => node.ChangeProviderAsync(number), async (node, number, isStored) =>
        {
            (await node.ProviderNumberAsync()).ShouldBe(isStored ? number : number - 1);
            (await node.ChangeProviderAsync(number)).ShouldBeOfType<CatalogResult.Done>().IsChanged.ShouldBe(!isStored);
            (await node.ProviderNumberAsync()).ShouldBe(number);
        });
    }

    [Fact]
    public async Task Removing_a_provider()
    {
        await using var catalog = await CatalogWorld.CreateAsync(postgres);
        await EachStepAsync(catalog, (node, number) => node.AddProviderAsync(number), (node, _) => node.RemoveProviderAsync(), async (node, number, isStored) =>
        {
            (await node.ProviderNumberAsync()).ShouldBe(isStored ? null : number);
            Repeated(await node.RemoveProviderAsync(), isStored, CatalogRefusal.Unknown);
        });
    }

    [Fact]
    public async Task Adding_a_token()
    {
        await using var catalog = await CatalogWorld.CreateAsync(postgres);
        await Done((await catalog.NodeAsync()).AddProviderAsync());
        await EachStepAsync(catalog, (_, _) => Task.CompletedTask, (node, number) => node.AddTokenAsync(number), async (node, number, isStored) =>
        {
            (await node.TokenNumberAsync()).ShouldBe(isStored ? number : null);
            Repeated(await node.AddTokenAsync(number), isStored, CatalogRefusal.Taken);
            (await node.TokenNumberAsync()).ShouldBe(number);
            (await node.RemoveTokenAsync()).ShouldBeOfType<CatalogResult.Done>();
        });
    }

    [Fact]
    public async Task Changing_a_token()
    {
        await using var catalog = await CatalogWorld.CreateAsync(postgres);
        var first = await catalog.NodeAsync();
        await Done(first.AddProviderAsync());
        await Done(first.AddTokenAsync());
        await EachStepAsync(catalog, (_, _) => Task.CompletedTask, (node, number) => node.ChangeTokenAsync(number), async (node, number, isStored) =>
        {
            (await node.TokenNumberAsync()).ShouldBe(isStored ? number : number - 1);
            (await node.ChangeTokenAsync(number)).ShouldBeOfType<CatalogResult.Done>().IsChanged.ShouldBe(!isStored);
            (await node.TokenNumberAsync()).ShouldBe(number);
        });
    }

    [Fact]
    public async Task Removing_a_token()
    {
        await using var catalog = await CatalogWorld.CreateAsync(postgres);
        await Done((await catalog.NodeAsync()).AddProviderAsync());
        await EachStepAsync(catalog, (node, number) => node.AddTokenAsync(number), (node, _) => node.RemoveTokenAsync(), async (node, number, isStored) =>
        {
            (await node.TokenNumberAsync()).ShouldBe(isStored ? null : number);
            Repeated(await node.RemoveTokenAsync(), isStored, CatalogRefusal.Unknown);
        });
    }

    [Fact]
    public async Task Rotating_the_keys()
    {
        await using var catalog = await CatalogWorld.CreateAsync(postgres);
        var first = await catalog.NodeAsync();
        await Done(first.AddProviderAsync());
        await Done(first.AddTokenAsync());
        var progress = new Progress<RotationProgress>();
        await EachStepAsync(
            catalog, (_, _) => Task.CompletedTask, (node, _) => node.Services.GetRequiredService<KeyRotation>().RunAsync("a test", progress, CancellationToken.None), async (node, _, _) =>
            {
                (await node.ProviderNumberAsync()).ShouldBe(0);
                (await node.TokenNumberAsync()).ShouldBe(0);
                (await node.Services.GetRequiredService<Subjects>().FindAsync(Subject.Read(CatalogNode.SubjectOf(0))!, CancellationToken.None)).ShouldBe([CatalogNode.Token]);
            },
            new WaitlessClock());
        var rotated = await (await catalog.NodeAsync(clock: new WaitlessClock())).Services.GetRequiredService<KeyRotation>().RunAsync("a test", progress, CancellationToken.None);

        rotated.Unopened.ShouldBeEmpty();
        (await (await catalog.NodeAsync()).TokenNumberAsync()).ShouldBe(0);
    }

    /// <param name="before">Makes what is changed.</param>
    /// <param name="after">Of a node that has just started, the number of the change, and whether that was stored: looks at it and makes it again.</param>
    private async Task EachStepAsync(CatalogWorld catalog, Func<CatalogNode, int, Task> before, Func<CatalogNode, int, Task> change, Func<CatalogNode, int, bool, Task> after, TimeProvider? clock = null)
    {
        var number = 0;
        for (var hasEnded = true; hasEnded;)
        {
            number++;
            await before(await catalog.NodeAsync(), number);
            faults.EndAt(0);
            var victim = await catalog.NodeAsync(faults, clock);
            var audited = await AuditedAsync(catalog);
            faults.EndAt(number);

            hasEnded = await KilledAsync(() => change(victim, number));

            // The connections of a process end with it, and so do their locks.
            victim.Services.GetRequiredService<NpgsqlDataSource>().Clear();
            faults.EndAt(0);
            var isStored = await AuditedAsync(catalog) > audited;
            (isStored || hasEnded).ShouldBeTrue("a change that was not killed is stored");
            await WholeAsync(catalog);
            await after(await catalog.NodeAsync(), number, isStored);
        }

        number.ShouldBeGreaterThan(10);
    }

    private async Task<bool> KilledAsync(Func<Task> change)
    {
        try
        {
            await change();
        }
        catch (Exception error) when (faults.HasEnded && error.GetBaseException() is KilledException)
        {
        }

        return faults.HasEnded;
    }

    // No token without a provider, and nothing that was planted in clear, in any table.
    private static async Task WholeAsync(CatalogWorld catalog)
    {
        await using var connection = new NpgsqlConnection(catalog.World.ConnectionString);
        await connection.OpenAsync();
        await using var orphans = new NpgsqlCommand("SELECT count(*) FROM tokens WHERE provider NOT IN (SELECT name FROM providers)", connection);
        (await orphans.ExecuteScalarAsync()).ShouldBe(0L);
        await using var dump = new NpgsqlCommand("SELECT schema_to_xml('public', true, false, '')::text", connection);
        ((string)(await dump.ExecuteScalarAsync())!).ShouldNotContain(CatalogWorld.Planted);
        catalog.World.LogLines.ToList().ShouldNotContain(line => line.Contains(CatalogWorld.Planted, StringComparison.Ordinal));
    }

    private static async Task<int> AuditedAsync(CatalogWorld catalog)
    {
        await using var db = await catalog.World.ContextAsync();
        return await db.Audit.CountAsync();
    }

    private static void Repeated(CatalogResult result, bool isStored, CatalogRefusal refusal)
    {
        if (isStored)
        {
            result.ShouldBeOfType<CatalogResult.Refused>().Why.ShouldBe(refusal);
        }
        else
        {
            result.ShouldBeOfType<CatalogResult.Done>();
        }
    }

    private static async Task Done(Task<CatalogResult> change) => (await change).ShouldBeOfType<CatalogResult.Done>();
}
