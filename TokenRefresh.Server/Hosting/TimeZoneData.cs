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
