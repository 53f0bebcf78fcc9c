using Shouldly;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Jobs.Refreshing;

public sealed class ProviderSlotsTests(PostgresFixture postgres)
{
    private const int Tokens = 8;

    [Theory]
    [InlineData("2", null, 2)]
    [InlineData("5", null, 5)]
    [InlineData("5", 3, 3)]
    public async Task No_more_calls_are_in_flight_at_a_provider_than_the_settings_allow_and_so_many_are(string general, int? own, int most)
    {
        await using var world = await TokenWorld.CreateAsync(postgres,
            [("TokenRefresh:Performance:MaxConcurrencyPerProvider", general), .. Enumerable.Range(0, Tokens).Select(number => ($"Tokens:t{number}:Provider", "jibit"))]);
        world.Provider.MaxConcurrency = own;
        var (inFlight, full, released) = (0, new TaskCompletionSource(), new TaskCompletionSource());
        world.Provider.Before = async (_, _) =>
        {
            if (Interlocked.Increment(ref inFlight) == most && !released.Task.IsCompleted)
            {
                full.SetResult();
            }

            await released.Task;
            return null;
        };

        var refreshes = Task.WhenAll(Enumerable.Range(0, Tokens).Select(number => world.RefreshAsync(token: $"t{number}")));
        await full.Task;

        // The others wait before they take a lease, so the database tells that none of them has begun.
        (await world.LogAsync()).Count.ShouldBe(most);
        world.Provider.Calls.Count.ShouldBe(most);
        released.SetResult();
        await refreshes;
        world.Provider.Calls.Count.ShouldBe(Tokens);
    }
}
