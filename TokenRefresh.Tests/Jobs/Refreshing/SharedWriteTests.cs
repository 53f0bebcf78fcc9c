using Shouldly;
using TokenRefresh.Jobs.Refreshing;

namespace TokenRefresh.Tests.Jobs.Refreshing;

public sealed class SharedWriteTests
{
    private readonly List<string> written = [];
    private readonly Queue<TaskCompletionSource> held = new();

    [Fact]
    public async Task One_alone_is_written_at_once_and_by_itself()
    {
        var writes = Of();

        (await writes.AddAsync("a", default)).ShouldBe("a!");
        (await writes.AddAsync("b", default)).ShouldBe("b!");

        written.ShouldBe(["a", "b"]);
    }

    [Fact]
    public async Task Who_comes_while_a_write_is_under_way_joins_the_next_one()
    {
        var (writes, first) = (Of(), Hold());
        var all = Add(writes, "a", "b", "c");

        first.SetResult();

        (await Task.WhenAll(all)).ShouldBe(["a!", "b!", "c!"]);
        written.ShouldBe(["a", "b c"]);
    }

    [Fact]
    public async Task No_more_are_written_together_than_allowed()
    {
        var (writes, first) = (Of(most: 2), Hold());
        var all = Add(writes, "a", "b", "c", "d");

        first.SetResult();
        await Task.WhenAll(all);

        written.ShouldBe(["a", "b c", "d"]);
    }

    [Fact]
    public async Task Only_what_is_of_one_kind_is_written_together_and_who_came_first_goes_first()
    {
        var (writes, first) = (Of(), Hold());
        var all = Add(writes, "a", "b1", "c", "b2", "d");

        first.SetResult();
        await Task.WhenAll(all);

        written.ShouldBe(["a", "b1 b2", "c d"]);
    }

    [Fact]
    public async Task One_that_a_shared_write_leaves_out_is_written_by_itself_and_only_then_refused()
    {
        var (writes, first) = (Of(refused: "c"), Hold());
        var all = Add(writes, "a", "b", "c", "d");

        first.SetResult();

        (await Task.WhenAll(all)).ShouldBe(["a!", "b!", null, "d!"]);
        written.ShouldBe(["a", "b c d", "c"]);
    }

    [Fact]
    public async Task A_mistake_of_one_is_told_to_that_one_alone()
    {
        var (writes, first) = (Of(wrong: "c"), Hold());
        var all = Add(writes, "a", "b", "c", "d");

        first.SetResult();

        (await all[1]).ShouldBe("b!");
        (await all[3]).ShouldBe("d!");
        (await Should.ThrowAsync<FormatException>(() => all[2])).Message.ShouldBe("c");
        written[..2].ShouldBe(["a", "b c d"]);
        written[2..].ShouldBe(["b", "c", "d"], ignoreOrder: true);
    }

    [Fact]
    public async Task What_befalls_all_is_told_to_each_and_nothing_is_tried_again()
    {
        var (writes, first) = (Of(away: "c"), Hold());
        var all = Add(writes, "a", "b", "c");

        first.SetResult();

        (await all[0]).ShouldBe("a!");
        await Should.ThrowAsync<TimeoutException>(() => all[1]);
        await Should.ThrowAsync<TimeoutException>(() => all[2]);
        written.ShouldBe(["a", "b c"]);
    }

    [Fact]
    public async Task After_a_write_that_failed_the_next_one_is_made_as_ever()
    {
        var writes = Of(away: "a");
        await Should.ThrowAsync<TimeoutException>(() => writes.AddAsync("a", default));

        (await writes.AddAsync("b", default)).ShouldBe("b!");
    }

    [Fact]
    public async Task Who_gives_up_waiting_is_not_written_and_the_others_are()
    {
        using var end = new CancellationTokenSource();
        var (writes, first) = (Of(), Hold());
        var (a, b, c) = (writes.AddAsync("a", default), writes.AddAsync("b", end.Token), writes.AddAsync("c", default));

        await end.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(() => b);
        first.SetResult();
        await Task.WhenAll(a, c);

        written.ShouldBe(["a", "c"]);
    }

    private static List<Task<string?>> Add(SharedWrite<string, string> writes, params string[] items) => [.. items.Select(item => writes.AddAsync(item, default))];

    /// <summary>The next write waits for this.</summary>
    private TaskCompletionSource Hold()
    {
        var hold = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        held.Enqueue(hold);
        return hold;
    }

    private SharedWrite<string, string> Of(int most = 10, string refused = "-", string wrong = "-", string away = "-") => new(
        most, item => item.Length,
        async (items, _) =>
        {
            lock (written)
            {
                written.Add(string.Join(' ', items));
            }

            if (held.TryDequeue(out var hold))
            {
                await hold.Task;
            }

            return items.Contains(away) ? throw new TimeoutException() : items.Contains(wrong) ? throw new FormatException(wrong) : [.. items.Select(item => item == refused ? null : $"{item}!")];
        },
        error => error is TimeoutException);
}
