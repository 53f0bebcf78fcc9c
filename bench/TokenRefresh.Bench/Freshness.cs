using System.Globalization;
using System.Text;

namespace TokenRefresh.Bench;

/// <summary>What came of one life and one outage.</summary>
/// <param name="Ways">Under each of <see cref="RenewalPolicyModel.All"/>: expired seconds of a token-year, and calls at the provider for a token a day.</param>
internal sealed record Cell(string Life, string Outage, double AtBest, (double Expired, double Calls)[] Ways);

/// <summary>
/// For how many seconds of a year a token is expired under five ways to renew it, by the token's life and the length of the provider's outage,
/// of which there is one a week at a random instant. Seeded, so that it gives the same table on every machine.
/// </summary>
internal static class Freshness
{
    private const int Tokens = 40;
    private const double SecondsOfYear = 365 * 24 * 3600d;

    private static readonly (TimeSpan Span, string Words)[] Lives =
        [(TimeSpan.FromMinutes(1), "60 s"), (TimeSpan.FromMinutes(20), "20 min"), (TimeSpan.FromHours(1), "1 h"), (TimeSpan.FromHours(24), "24 h"), (TimeSpan.FromDays(10), "10 d")];

    private static readonly (TimeSpan Span, string Words)[] Outages =
        [(TimeSpan.FromMinutes(5), "5 min"), (TimeSpan.FromMinutes(30), "30 min"), (TimeSpan.FromHours(2), "2 h"), (TimeSpan.FromHours(6), "6 h")];

    /// <summary>Writes the table as Markdown, and a chart of it.</summary>
    public static async Task RunAsync(string tableFile, string chartFile)
    {
        var cells = Lives.SelectMany(life => Outages.Select(outage => (life, outage)))
            .Select(cell => new Cell(cell.life.Words, cell.outage.Words, AtBest(cell.life.Span, cell.outage.Span), [.. RenewalPolicyModel.All.Select(policy => Year(policy, cell.life.Span, cell.outage.Span))]))
            .ToList();
        await File.WriteAllTextAsync(tableFile, Table(cells));
        await File.WriteAllTextAsync(chartFile, FreshnessChart.Draw([.. cells.Where(cell => cell.Life is "24 h" or "10 d")]));
    }

    private static string Table(List<Cell> cells)
    {
        var text = new StringBuilder();
        text.AppendLine("# For how many seconds of a year is a token expired?").AppendLine();
        text.AppendLine("`bench/freshness.sh`: five ways to renew, a provider that is down once a week at a random time, 40 tokens, seeded. Programs read each token every 30 s. *Unavoidable* is what remains if every token were renewed immediately before each outage.").AppendLine();
        var (names, columns) = (string.Join(" | ", RenewalPolicyModel.All.Select(policy => policy.Name)), string.Join(" | ", RenewalPolicyModel.All.Select(_ => "---:")));
        text.AppendLine(CultureInfo.InvariantCulture, $"| lifetime | outage per week | unavoidable | {names} |").AppendLine(CultureInfo.InvariantCulture, $"| --- | --- | ---: | {columns} |");
        foreach (var cell in cells)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"| {cell.Life} | {cell.Outage} | {InWords(cell.AtBest)} | {string.Join(" | ", cell.Ways.Select(way => InWords(way.Expired)))} |");
        }

        text.AppendLine().AppendLine("Calls at the provider per token and day, including failed ones.").AppendLine();
        text.AppendLine(CultureInfo.InvariantCulture, $"| lifetime | outage per week | {names} |").AppendLine(CultureInfo.InvariantCulture, $"| --- | --- | {columns} |");
        foreach (var cell in cells.Where(cell => cell.Outage == Outages[1].Words))
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"| {cell.Life} | {cell.Outage} | {string.Join(" | ", cell.Ways.Select(way => way.Calls.ToString(way.Calls < 10 ? "0.0" : "#,0", CultureInfo.InvariantCulture)))} |");
        }

        return text.ToString();
    }

    private static string InWords(double seconds) => seconds.ToString("#,0", CultureInfo.InvariantCulture);

    /// <summary>What nobody can avoid: renewed in the very instant before each outage, a token still dies in an outage longer than its life.</summary>
    private static double AtBest(TimeSpan life, TimeSpan outage) => Math.Max(0, (outage - life).TotalSeconds) * 365 / 7;

    private static (double Expired, double Calls) Year(RenewalPolicyModel policy, TimeSpan life, TimeSpan outage)
    {
        // Short lives make many attempts, and need fewer weeks for a steady figure.
        var weeks = life < TimeSpan.FromHours(1) ? 8 : 104;
        var random = new Random(20_26);
        var (expired, calls) = (TimeSpan.Zero, 0);
        for (var number = 0; number < Tokens; number++)
        {
            var start = DateTimeOffset.UnixEpoch.AddYears(56);
            var outages = Enumerable.Range(0, weeks).Select(week => start.AddDays(7 * week) + (random.NextDouble() * (TimeSpan.FromDays(7) - outage))).ToArray();
            var run = Run(policy, new($"token-{number}", random.NextDouble() * TimeSpan.FromHours(12), start, start + life, null, 0), life, outages, outage, start.AddDays(7 * weeks));
            (expired, calls) = (expired + run.Expired, calls + run.Calls);
        }

        var days = Tokens * weeks * 7d;
        return (expired.TotalSeconds / (days * 86_400d) * SecondsOfYear, calls / days);
    }

    private static (TimeSpan Expired, int Calls) Run(RenewalPolicyModel policy, TokenLifetime token, TimeSpan life, DateTimeOffset[] outages, TimeSpan outage, DateTimeOffset end)
    {
        var expired = TimeSpan.Zero;
        for (var (week, calls) = (0, 0); ; calls++)
        {
            var at = policy.NextAttempt(token);
            if (at >= end)
            {
                return (expired + Max(end - token.ExpiresAt, TimeSpan.Zero), calls);
            }

            while (week < outages.Length && outages[week] + outage <= at)
            {
                week++;
            }

            var isDown = week < outages.Length && outages[week] <= at;
            expired += isDown ? TimeSpan.Zero : Max(at - token.ExpiresAt, TimeSpan.Zero);
            token = isDown
                ? token with { FailedAt = at, Failures = token.Failures + 1 }
                : token with { IssuedAt = at, ExpiresAt = at + life, FailedAt = null, Failures = 0 };
        }
    }

    private static TimeSpan Max(TimeSpan one, TimeSpan other) => one > other ? one : other;
}
