using Microsoft.Extensions.Options;
using TokenRefresh.Jobs;
using TokenRefresh.Jobs.Tokens;

namespace TokenRefresh.Server.Hosting;

/// <summary>Whether this machine knows the time zones that are needed: a slim image has none but UTC.</summary>
internal static class TimeZoneData
{
    /// <summary>In every edition of the data.</summary>
    private static readonly string[] Everywhere = ["Asia/Tehran", "Europe/London", "America/New_York"];

    private const string Setting = "TokenRefresh__Schedule__TimeZone";

    /// <summary>Before the settings are checked, which know a wrong name but not a machine without data.</summary>
    /// <exception cref="OptionsValidationException">The zone of the schedule cannot be found because there is no data.</exception>
    public static void CheckSchedule(IConfiguration configuration)
    {
        if (Array.Exists(Everywhere, Knows))
        {
            return;
        }

        var zone = configuration[$"{ScheduleOptions.Section}:{nameof(ScheduleOptions.TimeZone)}"] is { Length: > 0 } text ? text : new ScheduleOptions().TimeZone;
        Demand(zone, Setting);
    }

    /// <summary>After the settings were checked: the zones of the providers that calls can be made to.</summary>
    /// <exception cref="OptionsValidationException">One cannot be found.</exception>
    public static void CheckProviders(ConfiguredTokens tokens)
    {
        foreach (var provider in tokens.All.Where(token => token.NotConfiguredBecause is null).Select(token => token.Provider).Distinct())
        {
            if (provider.TimeZone is { } zone)
            {
                Demand(zone, $"the times in {provider.Name}'s answers");
            }
        }
    }

    /// <summary>True for data older than 2022b, by which Iran still changes its clocks in summer: times, crons and expiries would be an hour off there.</summary>
    /// <param name="tehran">The zone <c>Asia/Tehran</c> of this machine; null where it has none.</param>
    public static bool IsOutdated(TimeZoneInfo? tehran) => tehran is not null && tehran.GetUtcOffset(new DateTimeOffset(2023, 7, 1, 12, 0, 0, TimeSpan.Zero)) != TimeSpan.FromHours(3.5);

    /// <summary>That of this machine.</summary>
    public static bool IsOutdated() => IsOutdated(TimeZoneInfo.TryFindSystemTimeZoneById("Asia/Tehran", out var tehran) ? tehran : null);

    private static bool Knows(string zone) => TimeZoneInfo.TryFindSystemTimeZoneById(zone, out _);

    private static void Demand(string zone, string reason)
    {
        if (!Knows(zone))
        {
            throw new OptionsValidationException(Setting, typeof(ScheduleOptions), [
                $"This machine has no time-zone data for {OneLine.Of(zone)} ({reason}): install the package tzdata (apt-get install tzdata, apk add tzdata)"
                + $"{(Environment.GetEnvironmentVariable("TZDIR") is { Length: > 0 } folder ? $", or unset TZDIR, which names {OneLine.Of(folder)}" : "")}."]);
        }
    }
}
