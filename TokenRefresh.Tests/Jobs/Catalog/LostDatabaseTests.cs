using System.Net.Sockets;
using Npgsql;
using Shouldly;
using TokenRefresh.Jobs.Catalog;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Jobs.Catalog;

/// <summary>The database goes away during a change.</summary>
public sealed class LostDatabaseTests(PostgresFixture postgres)
{
    private readonly NodeFaults faults = new() { Fault = () => new NpgsqlException("Exception while reading from stream", new IOException("broken")) };

    [Fact]
    public async Task A_change_whose_commit_is_answered_by_nothing_is_looked_up_and_is_done()
    {
        await using var catalog = await CatalogWorld.CreateAsync(postgres);
        var node = await catalog.NodeAsync(faults, new WaitlessClock());
        (faults.IsBrief, faults.Only) = (true, "committed");
        foreach (var change in new Func<Task<CatalogResult>>[] { () => node.AddProviderAsync(), () => node.ChangeProviderAsync(1), () => node.AddTokenAsync(), () => node.ChangeTokenAsync(1), () => node.RemoveTokenAsync(), node.RemoveProviderAsync })
        {
            faults.EndAt(1);

            var result = await change();

            faults.HasEnded.ShouldBeTrue();
            result.ShouldBeOfType<CatalogResult.Done>();
        }

        (await node.ProviderNumberAsync()).ShouldBeNull();
    }

    [Fact]
    public async Task A_change_whose_commit_never_came_is_looked_up_and_nothing_is_stored()
    {
        await using var catalog = await CatalogWorld.CreateAsync(postgres);
        var node = await catalog.NodeAsync(faults, new WaitlessClock());
        (faults.IsBrief, faults.Only) = (true, "committing");
        faults.EndAt(1);

        var error = await Should.ThrowAsync<IOException>(() => node.AddProviderAsync());

        DatabaseFaults.IsAway(error).ShouldBeTrue();
        error.Message.ShouldContain("nothing was changed");
        (await node.ProviderNumberAsync()).ShouldBeNull();
        (await node.AddProviderAsync()).ShouldBeOfType<CatalogResult.Done>();
    }

    [Fact]
    public async Task A_change_whose_commit_cannot_be_looked_up_is_said_to_be_unknown()
    {
        await using var catalog = await CatalogWorld.CreateAsync(postgres);
        var node = await catalog.NodeAsync(faults, new WaitlessClock());
        faults.Only = "committed";
        faults.EndAt(1);

        var refused = (await node.AddProviderAsync()).ShouldBeOfType<CatalogResult.Refused>();

        refused.Why.ShouldBe(CatalogRefusal.Unconfirmed);
        refused.Reasons.ShouldHaveSingleItem().ShouldContain("Read acme again before you repeat the change.");
        (await (await catalog.NodeAsync()).ProviderNumberAsync()).ShouldBe(0);
    }

    [Fact]
    public async Task A_change_that_is_stored_is_done_although_this_node_cannot_read_it_yet()
    {
        await using var catalog = await CatalogWorld.CreateAsync(postgres);
        var node = await catalog.NodeAsync(faults, new WaitlessClock());
        faults.Fault = () => new NpgsqlException("Nobody listens.", new SocketException((int)SocketError.ConnectionRefused));
        (faults.IsBrief, faults.Only) = (true, "connecting");

        // Whether the name is in use, the change itself, and then the reading.
        faults.EndAt(3);

        (await node.AddProviderAsync()).ShouldBeOfType<CatalogResult.Done>();
        faults.HasEnded.ShouldBeTrue();
        catalog.World.Events.ShouldContain(line => line.Id == 1309);
        (await (await catalog.NodeAsync()).ProviderNumberAsync()).ShouldBe(0);
    }
}
