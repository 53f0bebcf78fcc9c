using Microsoft.Extensions.DependencyInjection;
using Shouldly;
using TokenRefresh.Jobs.Administration;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Jobs.Administration;

public sealed class ClientKeysTests(PostgresFixture postgres)
{
    [Theory]
    [InlineData("=1+1")]
    [InlineData("-rf")]
    [InlineData("--tokens")]
    [InlineData("+1")]
    [InlineData("@SUM(A1)")]
    [InlineData("＝1+1")]
    [InlineData(" =1+1")]
    [InlineData("billing ")]
    public async Task A_name_that_a_spreadsheet_or_a_shell_would_take_for_more_is_refused(string name)
    {
        await using var world = await TokenWorld.CreateAsync(postgres);

        var adding = world.Node.GetRequiredService<ClientKeys>().IssueAsync(name, "jibit", "a test", CancellationToken.None);

        (await adding.ShouldThrowAsync<ArgumentException>()).Message.ShouldStartWith("A client name must not begin with");
    }

    [Theory]
    [InlineData("billing-2")]
    [InlineData("1=1")]
    [InlineData("حسابداری")]
    public async Task Elsewhere_in_a_name_they_are_taken(string name)
    {
        await using var world = await TokenWorld.CreateAsync(postgres);

        (await world.Node.GetRequiredService<ClientKeys>().IssueAsync(name, "jibit", "a test", CancellationToken.None)).ShouldStartWith(ClientKey.Prefix);
    }

    [Fact]
    public async Task Of_two_people_who_add_one_name_at_once_the_second_is_told_that_it_is_taken()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        var keys = world.Node.GetRequiredService<ClientKeys>();

        var made = await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => TryAsync()));

        made.Count(problem => problem is null).ShouldBe(1);
        made.OfType<string>().ShouldAllBe(problem => problem.StartsWith("A client 'billing' already exists."));

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
