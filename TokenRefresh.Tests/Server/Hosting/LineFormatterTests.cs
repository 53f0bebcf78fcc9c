using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Shouldly;
using TokenRefresh.Server.Cli;
using TokenRefresh.Server.Hosting;

namespace TokenRefresh.Tests.Server.Hosting;

public sealed class LineFormatterTests
{
    [Fact]
    public void An_event_is_one_line_with_its_instant_level_category_and_id()
    {
        Written("Refreshed jibit", null).ShouldBe("2026-01-02T03:04:05Z warn: TokenRefresh.Door[1001] Refreshed jibit\n");
    }

    [Theory]
    [InlineData("a\r\n2026-01-02T03:04:05Z info: forged", "a  2026-01-02T03:04:05Z info: forged")]
    [InlineData("a\u001b[2J\u009b1mb\0c\u007f", "a?[2J?1mb?c?")]
    [InlineData("a\u2028b\u202ec\u2066d", "a?b?c?d")]
    [InlineData("توکن\u200cها 🔑", "توکن\u200cها 🔑")]
    public void Whatever_a_name_or_a_provider_says_makes_no_second_line_and_commands_no_terminal(string said, string written)
    {
        Written(said, null).ShouldEndWith($"] {written}\n");
        Written("broke", new InvalidOperationException(said)).ShouldContain(written);
        Written("broke", new InvalidOperationException(said)).Count(sign => sign == '\n').ShouldBe(1);
    }

    [Fact]
    public void A_table_of_a_verb_commands_no_terminal_either() =>
        TextTable.Render(["REASON"], [["paused\u001b]0;owned\u0007\nby [nobody]"]], width: null).Lines.ShouldBe(["REASON", "paused?]0;owned? by [nobody]"]);

    private static string Written(string message, Exception? error)
    {
        var writer = new StringWriter { NewLine = "\n" };
        new LineFormatter(new FakeTimeProvider(new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero)))
            .Write(new LogEntry<string>(LogLevel.Warning, "TokenRefresh.Door", 1001, message, error, (state, _) => state), null, writer);
        return writer.ToString();
    }
}
