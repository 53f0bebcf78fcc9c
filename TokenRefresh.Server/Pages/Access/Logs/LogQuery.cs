using System.Globalization;
using Microsoft.AspNetCore.Http.Extensions;
using TokenRefresh.Jobs.Attempts;
using TokenRefresh.Jobs.Tokens;

namespace TokenRefresh.Server.Pages.Access.Logs;

/// <summary>What the address of the log page asks for. What it asks wrongly is told, not guessed.</summary>
internal sealed class LogQuery
{
    private const int LongestText = 100;

    private readonly IQueryCollection query;
    private readonly TimeZoneInfo zone;
    private readonly List<string> misunderstood = [];

    public LogQuery(IQueryCollection query, TimeZoneInfo zone, DateTimeOffset now)
    {
        (this.query, this.zone) = (query, zone);
        Provider = Text("provider")?.ToLowerInvariant();
        Token = Text("token");
        Status = Choice<AttemptStatus>("status", text => Enum.TryParse<AttemptStatus>(text, true, out var status) && Enum.IsDefined(status) ? status : null);
        Trigger = Choice<RefreshTrigger>("trigger", text => RefreshTriggers.Parse(text.ToLowerInvariant()));
        Error = Text("error");
        Job = Text("job");
        ShowsSkips = Text("skips") == "true" || Status == AttemptStatus.Skipped;
        Words = Text("text") is { } words ? Texts.Start(words, LongestText) : null;
        Hours = Choice<int>("hours", text => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var hours) && hours is > 0 and <= 24 * 3660 ? hours : null) ?? 24;
        From = Choice("from", Instant);
        Until = Choice("until", Instant);
        Chart = LogFigures.Spells.Select(spell => spell.Hours).FirstOrDefault(hours => Text("chart") == $"{hours}", 24);
        Order = Choice<AttemptOrder>("order", text => Enum.TryParse<AttemptOrder>(text, true, out var order) && Enum.IsDefined(order) ? order : null) ?? AttemptOrder.Newest;
        IsKeyWrong = Text("before") is { } key && AttemptKey.Parse(key) is null;
        Key = AttemptKey.Parse(Text("before"));

        // A job's attempts are few, and it may be an old one.
        Since = From ?? (Job is null ? now.AddHours(-Hours) : null);
    }

    public string? Provider { get; }

    public string? Token { get; }

    public AttemptStatus? Status { get; }

    public RefreshTrigger? Trigger { get; }

    public string? Error { get; }

    public string? Job { get; }

    public string? Words { get; }

    /// <summary>True where attempts that found nothing to do are shown, too.</summary>
    public bool ShowsSkips { get; }

    /// <summary>True where a filter is asked for that is folded away by default.</summary>
    public bool HasFurther => (Provider ?? Error ?? Job ?? Words) is not null || Trigger is not null || From is not null || Until is not null;

    /// <summary>True where the rows are of another period than the last 24 hours.</summary>
    public bool HasOwnPeriod => Hours != 24 || From is not null || Until is not null || Since is null;

    public int Hours { get; }

    public DateTimeOffset? From { get; }

    public DateTimeOffset? Until { get; }

    /// <summary>How many hours the charts show.</summary>
    public int Chart { get; }

    public AttemptOrder Order { get; }

    public AttemptKey? Key { get; }

    public bool IsKeyWrong { get; }

    public DateTimeOffset? Since { get; }

    /// <summary>What could not be understood, and was left out.</summary>
    public IReadOnlyList<string> Misunderstood => misunderstood;

    public AttemptScope Scope => new(Provider, Token is null ? null : [Token]);

    public AttemptFilter Filter => new()
    {
        Since = Since, Until = Until, Provider = Provider, Token = Token, Status = Status, Trigger = Trigger, ErrorCode = Error, JobId = Job, Text = Words, HidesSkips = !ShowsSkips,
    };

    public bool IsFiltered => (Provider ?? Token ?? Error ?? Job ?? Words) is not null || Status is not null || Trigger is not null || From is not null || Until is not null;

    /// <summary>An instant as a form's field has it.</summary>
    public string? Local(DateTimeOffset? instant) =>
        instant is { } at ? TimeZoneInfo.ConvertTime(at, zone).ToString("yyyy-MM-ddTHH:mm", CultureInfo.InvariantCulture) : null;

    /// <summary>The same question with some parts put otherwise; null takes a part away. Always from the first page on.</summary>
    public string With(params (string Name, string? Value)[] changes)
    {
        var kept = query.Where(pair => pair.Key is not ("before" or "handler" or "format" or "after" or "running" or "seen") && changes.All(change => change.Name != pair.Key))
            .SelectMany(pair => pair.Value, (pair, value) => (pair.Key, Value: value));
        var address = new QueryBuilder();
        foreach (var (name, value) in kept.Concat(changes.Select(change => (change.Name, change.Value))))
        {
            if (!string.IsNullOrEmpty(value))
            {
                address.Add(name, value);
            }
        }

        return $"{PanelPaths.Log}{address}";
    }

    // Postgres knows no NUL in a text.
    public static string? Blank(string? text) => string.IsNullOrWhiteSpace(text) ? null : text.Replace("\0", "", StringComparison.Ordinal).Trim() is { Length: > 0 } kept ? kept : null;

    private string? Text(string name) => Blank(query[name].FirstOrDefault());

    private T? Choice<T>(string name, Func<string, T?> read)
        where T : struct
    {
        if (Text(name) is not { } text)
        {
            return null;
        }

        var choice = read(text);
        if (choice is null)
        {
            misunderstood.Add($"{name}: {(text.Length > 50 ? text[..50] + "…" : text)}");
        }

        return choice;
    }

    private DateTimeOffset? Instant(string text)
    {
        if (!DateTime.TryParseExact(text, ["yyyy-MM-ddTHH:mm", "yyyy-MM-ddTHH:mm:ss"], CultureInfo.InvariantCulture, DateTimeStyles.None, out var local) || local.Year is < 2 or > 9998)
        {
            return null;
        }

        // An hour that a change of clocks leaves out is taken for the one after it.
        return new DateTimeOffset(TimeZoneInfo.ConvertTimeToUtc(zone.IsInvalidTime(local) ? local.AddHours(1) : local, zone), TimeSpan.Zero);
    }
}
