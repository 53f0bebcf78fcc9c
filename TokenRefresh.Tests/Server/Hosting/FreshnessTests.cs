using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using Shouldly;
using TokenRefresh.Jobs.Health;
using TokenRefresh.Server.Hosting;
using TokenRefresh.Tests.Fixtures;
using TokenRefresh.Tests.Server.Pages;

namespace TokenRefresh.Tests.Server.Hosting;

public sealed class FreshnessTests(PostgresFixture postgres)
{
    [Fact]
    public async Task Whoever_asks_while_it_is_looked_at_shares_the_answer_and_who_asks_later_gets_a_new_one()
    {
        await using var panel = await Panel.OpenAsync(postgres);
        var freshness = panel.Server.Services.GetRequiredService<Freshness>();
        await using var db = await panel.Server.Services.GetRequiredService<NpgsqlDataSource>().OpenConnectionAsync();
        await using var slow = await db.BeginTransactionAsync();
        await using var held = new NpgsqlCommand("LOCK TABLE tokens IN ACCESS EXCLUSIVE MODE", db);
        await held.ExecuteNonQueryAsync();

        var (one, other) = (freshness.LookAsync(CancellationToken.None), freshness.LookAsync(CancellationToken.None));

        (one.IsCompleted, other).ShouldBe((false, one));
        await slow.RollbackAsync();
        (await one).Overall.ShouldBe(OverallStatus.Operational);
        await panel.Server.ExecuteAsync("UPDATE tokens SET expires_at = '2000-01-01'");
        (await freshness.LookAsync(CancellationToken.None)).WrongWithoutNames.ShouldBe("a token needs attention");
    }
}
