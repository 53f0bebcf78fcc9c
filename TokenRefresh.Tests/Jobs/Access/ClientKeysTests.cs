using Microsoft.Extensions.DependencyInjection;
using Shouldly;
using TokenRefresh.Jobs.Access;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Jobs.Access;

public sealed class ClientKeysTests(PostgresFixture postgres)
{
    [Fact]
    public async Task Of_two_people_who_add_one_name_at_once_the_second_is_told_that_it_is_taken()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        var keys = world.Node.GetRequiredService<ClientKeys>();

        var made = await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => TryAsync()));

        made.Count(problem => problem is null).ShouldBe(1);
        made.OfType<string>().ShouldAllBe(problem => problem.StartsWith("There is a client 'billing' already."));

        async Task<string?> TryAsync()
        {
            try
            {
                await keys.IssueAsync("billing", "jibit", "a test", CancellationToken.None);
                return null;
            }
            catch (ArgumentException error)
            {
                return error.Message;
            }
        }
    }
}
