using Shouldly;
using TokenRefresh.Server.Hosting;

namespace TokenRefresh.Tests.Server.Hosting;

public sealed class TimeZoneDataTests
{
    [Fact]
    public void Data_in_which_iran_changes_its_clocks_in_summer_is_outdated()
    {
        var summer = TimeZoneInfo.AdjustmentRule.CreateAdjustmentRule(
            DateTime.MinValue.Date, DateTime.MaxValue.Date, TimeSpan.FromHours(1),
            TimeZoneInfo.TransitionTime.CreateFixedDateRule(new(1, 1, 1, 0, 0, 0), 3, 22), TimeZoneInfo.TransitionTime.CreateFixedDateRule(new(1, 1, 1, 0, 0, 0), 9, 21));

        TimeZoneData.IsOutdated(TimeZoneInfo.CreateCustomTimeZone("old", TimeSpan.FromHours(3.5), "old", "old", "old", [summer])).ShouldBeTrue();
        TimeZoneData.IsOutdated(TimeZoneInfo.CreateCustomTimeZone("new", TimeSpan.FromHours(3.5), "new", "new")).ShouldBeFalse();
        TimeZoneData.IsOutdated(null).ShouldBeFalse();
    }

    [Fact]
    public void The_data_of_this_machine_is_not() => TimeZoneData.IsOutdated().ShouldBeFalse();
}
