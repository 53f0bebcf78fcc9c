using Shouldly;
using TokenRefresh.Server.Cli;

namespace TokenRefresh.Tests.Server.Cli;

public sealed class TextTableTests
{
    private static readonly Column[] Columns = ["TOKEN", new("PROVIDER", 5), new("NEXT REFRESH", 3), new("OUTCOME", 4, IsProse: true)];

    private static readonly string[][] Rows =
    [
        ["fino_credit", "finnotech", "2026-03-02 11:00:00", "provider_down: no connection to the server, the third time"],
        ["jibit", "jibit", "2026-03-02 12:00:00", "success"],
    ];

    [Fact]
    public void In_a_pipe_every_row_is_whole()
    {
        var (lines, hidden) = TextTable.Render(Columns, Rows, width: null);

        lines.ShouldBe(
        [
            "TOKEN        PROVIDER   NEXT REFRESH         OUTCOME",
            "fino_credit  finnotech  2026-03-02 11:00:00  provider_down: no connection to the server, the third time",
            "jibit        jibit      2026-03-02 12:00:00  success",
        ]);
        hidden.ShouldBeEmpty();
    }

    [Fact]
    public void The_least_important_column_goes_first_and_then_words_are_cut_at_their_ends()
    {
        var (lines, hidden) = TextTable.Render(Columns, Rows, width: 70);

        lines.ShouldBe(
        [
            "TOKEN        NEXT REFRESH         OUTCOME",
            "fino_credit  2026-03-02 11:00:00  provider_down: no connection to …",
            "jibit        2026-03-02 12:00:00  success",
        ]);
        hidden.ShouldBe(["PROVIDER"]);
    }

    [Fact]
    public void Too_little_of_a_sentence_is_left_out_whole()
    {
        var (lines, hidden) = TextTable.Render(Columns, Rows, width: 40);

        lines.ShouldBe(["TOKEN        NEXT REFRESH", "fino_credit  2026-03-02 11:00:00", "jibit        2026-03-02 12:00:00"]);
        hidden.ShouldBe(["PROVIDER", "OUTCOME"]);
    }

    [Fact]
    public void The_name_stays_at_any_width() =>
        TextTable.Render(Columns, Rows, width: 5).Lines.ShouldBe(["TOKEN", "fino_credit", "jibit"]);

    [Fact]
    public void No_line_is_wider_than_the_terminal_and_no_word_is_broken_at_any_width()
    {
        var words = Rows.SelectMany(row => row).SelectMany(cell => cell.Split(' ')).Concat(Columns.SelectMany(column => column.Heading.Split(' '))).Append("…").ToHashSet();
        for (var width = 11; width <= 130; width++)
        {
            var (lines, _) = TextTable.Render(Columns, Rows, width);

            lines.ShouldAllBe(line => line.Length <= width);
            lines.SelectMany(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries)).Where(word => !words.Contains(word) && !words.Contains(word + ",") && !words.Contains(word + ":")).ShouldBeEmpty($"{width}");
        }
    }

    [Fact]
    public void Wide_and_combining_characters_are_counted_as_the_terminal_shows_them() =>
        TextTable.Render(["A", "B"], [["漢字", "x"], ["ab", "y"]], width: 80).Lines.ShouldBe(["A     B", "漢字  x", "ab    y"]);
}
