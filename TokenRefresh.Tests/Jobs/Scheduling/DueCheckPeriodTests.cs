using Shouldly;
using TokenRefresh.Jobs;

namespace TokenRefresh.Tests.Jobs.Scheduling;

public sealed class DueCheckPeriodTests
{
    [Theory]
    [InlineData("* * * * *", "00:01:00")]
    [InlineData("*/10 * * * * *", "00:00:10")]
    [InlineData("* 8-18 * * *", "13:01:00")]
    [InlineData("0 9 * * 1-5", "3.00:00:00")]
    [InlineData("0 0 1 1 *", "8.00:00:00")]
    public void The_longest_rest_between_two_checks_is_measured_over_a_week(string cron, string longest)
    {
        var options = new ScheduleOptions { DueCheckCron = cron, TimeZone = "Etc/UTC" };

        // A Wednesday at noon, and the same options asked again at night.
        options.DueCheckPeriod(new(2026, 3, 4, 12, 0, 0, TimeSpan.Zero)).ShouldBe(TimeSpan.Parse(longest, System.Globalization.CultureInfo.InvariantCulture));
        options.DueCheckPeriod(new(2026, 3, 4, 23, 0, 0, TimeSpan.Zero)).ShouldBe(TimeSpan.Parse(longest, System.Globalization.CultureInfo.InvariantCulture));
    }
}
