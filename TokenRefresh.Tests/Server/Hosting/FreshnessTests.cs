using Microsoft.Extensions.DependencyInjection;
using Shouldly;
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

        var (one, other) = (freshness.WhyNotAsync(CancellationToken.None), freshness.WhyNotAsync(CancellationToken.None));

        other.ShouldBeSameAs(one);
        await one;
        freshness.WhyNotAsync(CancellationToken.None).ShouldNotBeSameAs(one);
    }
}
