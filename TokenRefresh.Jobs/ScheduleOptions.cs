using Cronos;
using TokenRefresh.Providers.Settings;

namespace TokenRefresh.Jobs;

/// <summary>A cron expression of five fields, or of six with seconds first.</summary>
public sealed class CronAttribute() : AllowedAttribute("a cron expression of five fields, or six with seconds first, such as '0 */12 * * *'")
{
    /// <inheritdoc />
    public override bool IsValid(object? value) => value is string text && CronExpression.TryParse(text, Format(text), out _);

    internal static CronFormat Format(string text) =>
        text.Split(' ', StringSplitOptions.RemoveEmptyEntries).Length == 6 ? CronFormat.IncludeSeconds : CronFormat.Standard;
}

/// <summary>The name of a time zone that this machine knows.</summary>
public sealed class TimeZoneNameAttribute() : AllowedAttribute("an IANA time zone that this machine knows, such as Asia/Tehran or UTC")
{
    /// <inheritdoc />
    public override bool IsValid(object? value) => value is string { Length: > 0 } text && TimeZoneInfo.TryFindSystemTimeZoneById(text, out _);
}

/// <summary>When and how jobs run, bound from <c>TokenRefresh:Schedule</c>.</summary>
public sealed class ScheduleOptions
{
    /// <summary>The section these settings are bound from.</summary>
    public const string Section = "TokenRefresh:Schedule";

    // Measured once: a check each second has 691,200 ticks in eight days.
    private TimeSpan? dueCheckPeriod;

    /// <summary>The sweep that looks at every token. Default: every twelve hours.</summary>
    [Cron]
    public string Cron { get; set; } = "0 */12 * * *";

    /// <summary>The check for tokens whose stored due time has come. Default: every minute.</summary>
    [Cron]
    public string DueCheckCron { get; set; } = "* * * * *";

    /// <summary>For all crons and for what people read. Default Asia/Tehran.</summary>
    [TimeZoneName]
    public string TimeZone { get; set; } = "Asia/Tehran";

    /// <summary>The longest that one job may take. Default ten minutes.</summary>
    [SpanBetween("00:00:01", "1.00:00:00")]
    public TimeSpan Timeout { get; set; } = TimeSpan.FromMinutes(10);

    /// <summary>Hangfire's automatic retries after a job's first run. Default 3.</summary>
    [Between(0, 20)]
    public int Retries { get; set; } = 3;

    /// <summary>The pause before each retry. Default one minute.</summary>
    [SpanBetween("00:00:01", "1.00:00:00")]
    public TimeSpan Backoff { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>The zone that <see cref="TimeZone"/> names.</summary>
    public TimeZoneInfo Zone => TimeZoneInfo.FindSystemTimeZoneById(TimeZone);

    /// <summary>The longest time between two due checks, measured once, over the eight days that follow <paramref name="now"/>; a scheduler silent for twice that is stuck.</summary>
    public TimeSpan DueCheckPeriod(DateTimeOffset now)
    {
        if (dueCheckPeriod is { } known)
        {
            return known;
        }

        // More than a week, as it may rest on a Friday; where every day is like the other, more than a day.
        var isAlikeEachDay = DueCheckCron.Split(' ', StringSplitOptions.RemoveEmptyEntries) is [.., "*", "*", "*"];
        var (longest, last) = (TimeSpan.Zero, DateTimeOffset.MaxValue);
        foreach (var tick in CronExpression.Parse(DueCheckCron, CronAttribute.Format(DueCheckCron)).GetOccurrences(now, now.AddDays(isAlikeEachDay ? 2 : 8), Zone))
        {
            longest = tick - last > longest ? tick - last : longest;
            last = tick;
        }

        return (dueCheckPeriod = longest > TimeSpan.Zero ? longest : TimeSpan.FromDays(8)).Value;
    }
}

/// <summary>The backup job, bound from <c>TokenRefresh:Backup</c>.</summary>
public sealed class BackupOptions
{
    /// <summary>The section these settings are bound from.</summary>
    public const string Section = "TokenRefresh:Backup";

    /// <summary>False takes the job off the timetable. Default true.</summary>
    public bool Enabled { get; set; } = true;

    /// <summary>When it looks. Default 8:00 and 20:00.</summary>
    [Cron]
    public string Cron { get; set; } = "0 8,20 * * *";

    /// <summary>
    /// True (default): only tokens that failed last and have not succeeded since, or that nothing has looked at for twelve hours.
    /// False: every token is acquired anew at each run.
    /// </summary>
    public bool OnlyOnFailure { get; set; } = true;
}

/// <summary>The queue, bound from <c>TokenRefresh:Queue</c>.</summary>
public sealed class QueueOptions
{
    /// <summary>The section these settings are bound from.</summary>
    public const string Section = "TokenRefresh:Queue";

    /// <summary>The queue's name. Default <c>tokens</c>.</summary>
    [QueueName]
    public string Name { get; set; } = "tokens";

    /// <summary>Jobs at once on one node. Default 5; a job holds many tokens when many are due.</summary>
    [Between(1, 100)]
    public int Workers { get; set; } = 5;
}

/// <summary>A queue's name as Hangfire allows it.</summary>
public sealed class QueueNameAttribute() : AllowedAttribute("1 to 20 characters of a-z, 0-9, '_' and '-'")
{
    /// <inheritdoc />
    public override bool IsValid(object? value) =>
        value is string { Length: > 0 and <= 20 } text && text.All(sign => char.IsAsciiLetterLower(sign) || char.IsAsciiDigit(sign) || sign is '_' or '-');
}
