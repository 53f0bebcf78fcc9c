using System.Net;
using System.Text.RegularExpressions;
using Microsoft.Extensions.DependencyInjection;
using Shouldly;
using TokenRefresh.Jobs;
using TokenRefresh.Jobs.Administration;
using TokenRefresh.Providers;
using TokenRefresh.Server.Access;
using TokenRefresh.Server.Hosting;
using TokenRefresh.Server.Pages;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Server.Pages;

public sealed partial class LanguageTests(PostgresFixture postgres, SharedServer shared, LanguageTests.Failing failing) : IClassFixture<SharedServer>, IClassFixture<LanguageTests.Failing>
{
    // Names of products, formats and units that Persian pages write in Latin letters, too.
    private static readonly HashSet<string> International = new(StringComparer.OrdinalIgnoreCase)
    {
        "TokenRefresh", "Hangfire", "Postgres", "Debian", "HTTP", "CSV", "JSON", "JWT", "curl", "PHP", "C", "p95", "UTC", "English", "GB", "MB", "cron", "env", "API", "TLS", "URL", "x", "GET", "Development", "Delete", "Requeue",

        // Names of these tests' tokens, and what started their attempts.
        "jibit", "fino", "schedule",
    };

    public static TheoryData<string> Pages { get; } =
    [
        "/access", "/access/tokens", "/access/tokens/jibit", "/access/tokens/jibit?tab=Clients", "/access/tokens/jibit?tab=Scopes", "/access/tokens/jibit?tab=Settings", "/access/bulk", "/access/incidents",
        "/access/token-refresh-logs?skips=true", "/access/token-refresh-logs/1", "/access/providers", "/access/providers/jibit", "/access/clients", "/access/token-health", "/access/settings", "/access/users",
        "/access/new-provider", "/access/new-provider?type=OAuth2", "/access/new-token", "/access/search?q=jibit", "/access/search?q=nothing", "/no/such/page", "/access/tokens/unknown",
    ];

    [Theory]
    [MemberData(nameof(Pages))]
    public async Task No_page_has_an_english_word_left_for_those_who_read_persian(string page)
    {
        await using var panel = await shared.OpenAsync(Role.Admin);

        English(await PersianAsync(panel, page)).ShouldBeEmpty(page);
    }

    [Theory]
    [InlineData("/access")]
    [InlineData("/access/tokens")]
    [InlineData("/access/tokens/jibit")]
    [InlineData("/access/incidents")]
    [InlineData("/access/incidents/1")]
    [InlineData("/access/token-refresh-logs")]
    [InlineData("/access/providers/jibit")]
    [InlineData("/access/token-health")]
    public async Task Nor_while_something_is_wrong(string page)
    {
        await using var panel = await failing.OpenAsync(Role.Admin);

        English(await PersianAsync(panel, page)).ShouldBeEmpty(page);
    }

    [Fact]
    public void Every_phrase_that_pages_write_has_persian_words()
    {
        var persian = PanelPreferences.Languages.Single(language => language.Code == "fa");
        var pages = Directory.EnumerateFiles(Path.Combine(HostPaths.Current.RepositoryRoot!, "TokenRefresh.Server", "Pages"), "*.cs*", SearchOption.AllDirectories).Select(File.ReadAllText).ToList();

        var written = pages.SelectMany(page => Written().Matches(page)).Select(phrase => phrase.Groups[1].Value.Replace("\\\"", "\"", StringComparison.Ordinal)).Distinct().ToList();

        written.Count.ShouldBeGreaterThan(300);
        written.Where(phrase => persian.Knows(phrase) is null).ShouldBeEmpty();
    }

    [Fact]
    public async Task The_sign_in_is_in_the_language_that_the_browser_asks_for()
    {
        await using var panel = await shared.OpenAsync(Role.Viewer);
        panel.Expire();

        var persian = await PersianAsync(panel, "/account/login");

        persian.ShouldContain("<html lang=\"fa\" dir=\"rtl\"");
        English(persian).ShouldBeEmpty();
        (await panel.ReadAsync("/account/login")).ShouldContain("<html lang=\"en\" dir=\"ltr\"");
    }

    [Fact]
    public async Task Language_calendar_and_theme_are_kept_with_the_account_whatever_the_browser_asks_for()
    {
        await using var panel = await Panel.OpenAsync(postgres, Role.Viewer);

        var chosen = await panel.SendAsync("/access/tokens", "/access/preferences", ("language", "fa"), ("calendar", "Gregorian"), ("theme", "Dark"), ("back", "/access/tokens"));
        await panel.EnterAsync("Viewer");
        var later = await panel.ReadAsync("/access/tokens");

        foreach (var page in new[] { chosen, later })
        {
            page.ShouldContain("<html lang=\"fa\" dir=\"rtl\" data-theme=\"dark\"");
            page.ShouldContain("<option value=\"Gregorian\" selected=\"selected\">");
        }
    }

    [Fact]
    public async Task Dates_are_in_the_calendar_of_the_language_until_another_is_chosen()
    {
        await using var panel = await Panel.OpenAsync(postgres, Role.Viewer);
        await panel.Server.ExecuteAsync("UPDATE token_refresh_logs SET new_expires_at = '2026-11-30T20:29:00Z'");
        async Task<string> SavedAsync(string language, string? calendar = null)
        {
            // As a browser posts it: the calendar that the form has preselected, unless another was chosen.
            var selected = Calendar().Match(await panel.ReadAsync("/access")).Groups[1].Value;
            await panel.PostAsync("/access", "/access/preferences", ("language", language), ("calendar", calendar ?? selected), ("theme", "System"));
            return ExpiryAt().Match(await panel.ReadAsync("/access/token-refresh-logs/1")).Groups[1].Value;
        }

        (await SavedAsync("fa")).ShouldBe("۱۴۰۵-۰۹-۰۹ ۲۳:۵۹:۰۰");
        (await SavedAsync("en")).ShouldBe("2026-11-30 23:59:00");
        (await SavedAsync("en", "Jalali")).ShouldBe("1405-09-09 23:59:00");
        (await SavedAsync("fa", "Gregorian")).ShouldBe("۲۰۲۶-۱۱-۳۰ ۲۳:۵۹:۰۰");
        (await SavedAsync("fa", "AsLanguage")).ShouldBe("۱۴۰۵-۰۹-۰۹ ۲۳:۵۹:۰۰");
        (await SavedAsync("en")).ShouldBe("2026-11-30 23:59:00");
    }

    [Fact]
    public async Task The_details_of_the_audit_have_persian_names()
    {
        await using var panel = await shared.OpenAsync(Role.Admin);
        string[] keys =
        [
            "by", "role", "issuer", "from", "to", "mode", "fail_next", "lifetime_seconds", "channel", "reason", "until", "accepted", "http_status", "failure", "expires_at", "incident", "Subjects", "job", "stored_version",
            "known_version", "version", "saved_back", "tokens", "id", "unopened", "with_refresh_token", "From", "Rows",
        ];
        var subject = $"{Guid.NewGuid():N}";
        await panel.Server.Services.GetRequiredService<AuditTrail>().WriteAsync("user:olga", "token.tested", subject, keys.ToDictionary(key => key, _ => 7));

        var names = DetailName().Matches(await PersianAsync(panel, $"/access/audit?text={subject}")).Select(name => WebUtility.HtmlDecode(name.Groups[1].Value)).ToList();

        names.Count.ShouldBe(keys.Length);
        names.Where(name => Latin().IsMatch(name.Replace("HTTP", "", StringComparison.Ordinal))).ShouldBeEmpty();
    }

    [Theory]
    [InlineData("nonsense", "Never", "Purple")]
    [InlineData("", "", "")]
    public async Task What_is_no_choice_changes_nothing(string language, string calendar, string theme)
    {
        await using var panel = await shared.OpenAsync(Role.Viewer);

        var page = await panel.SendAsync("/access/tokens", "/access/preferences", ("language", language), ("calendar", calendar), ("theme", theme), ("back", "https://example.com/"));

        page.ShouldContain("<html lang=\"en\" dir=\"ltr\" data-theme=\"system\"");
    }

    [Theory]
    [InlineData("2026-11-30T20:29:00Z", "۱۴۰۵-۰۹-۰۹ ۲۳:۵۹:۰۰")]
    [InlineData("2026-03-20T20:30:00Z", "۱۴۰۵-۰۱-۰۱ ۰۰:۰۰:۰۰")]
    [InlineData("2025-03-20T20:29:59Z", "۱۴۰۳-۱۲-۳۰ ۲۳:۵۹:۵۹")]
    public async Task Dates_are_jalali_in_the_zone_with_persian_digits(string expiry, string written)
    {
        await using var panel = await Panel.OpenAsync(postgres, Role.Viewer);
        await panel.Server.ExecuteAsync($"UPDATE token_refresh_logs SET new_expires_at = '{expiry}'");

        (await PersianAsync(panel, "/access/token-refresh-logs/1")).ShouldContain($">{written}</time>");
    }

    [Theory]
    [InlineData("Refreshed; expires 2026-12-02T03:04:27Z.")]
    [InlineData("scheduled at 67 % of its 24-hour lifetime")]
    [InlineData("retries stopped: update the credentials")]
    [InlineData("after 3 failures (provider_down)")]
    [InlineData("jibit: accepted by the provider (HTTP 200, 5 ms).")]
    [InlineData("Paused 2 tokens. Valid tokens are still served; no automatic refresh for 4 h.")]
    [InlineData("the last due check was 3 min ago")]
    [InlineData("2 h 5 min")]
    [InlineData("1.4 s")]
    [InlineData("24.1 %")]
    [InlineData("21 s ago")]
    [InlineData("due, by schedule")]
    public void What_is_stored_in_english_is_read_back_in_persian(string kept)
    {
        var persian = Language.Persian.With("TokenRefresh.Server.Pages.Persian", typeof(Role)).Read(kept);

        Latin().Matches(persian).Select(word => word.Value).Except(["jibit", "HTTP", "provider", "down", "T", "Z"], StringComparer.Ordinal).ShouldBeEmpty(persian);
        persian.ShouldNotBe(kept);
    }

    [Theory]
    [InlineData("A name of somebody")]
    [InlineData("in the meantime")]
    [InlineData("long ago")]
    [InlineData("a letter, by somebody")]
    [InlineData("token.expired: the client is unknown")]
    public void What_others_wrote_stays_as_it_is(string kept) => Language.Persian.Read(kept).ShouldBe($"\u2068{kept}\u2069");

    [Fact]
    public async Task A_page_with_its_sheets_and_its_script_is_small()
    {
        await using var panel = await shared.OpenAsync(Role.Admin);
        var files = (await panel.ReadAsync("/site.css")).Length + (await panel.ReadAsync("/panel.css")).Length + (await panel.ReadAsync("/site.js")).Length;

        foreach (var page in Pages.Select(row => row.Data))
        {
            (files + System.Text.Encoding.UTF8.GetByteCount(await PersianAsync(panel, page))).ShouldBeLessThan(150 * 1024, page);
        }
    }

    [Fact]
    public async Task Letters_stay_letters_and_what_hides_or_turns_text_does_not()
    {
        await using var panel = await shared.OpenAsync(Role.Admin);

        foreach (var page in Pages.Select(row => row.Data))
        {
            (await PersianAsync(panel, page)).ShouldNotContain("&#x6", customMessage: page);
        }

        PageEncoder.Html.Encode("<نام\u202e\0\u0085>").ShouldBe("&lt;نام&#x202E;&#x0;&#x85;&gt;");
    }

    [Fact]
    public void A_long_text_of_somebody_else_is_read_at_once()
    {
        var hostile = string.Concat(Enumerable.Repeat("Refreshed; expires . in 3 failures (, ", 2000));

        Language.Persian.Read(hostile).ShouldContain("Refreshed; expires");
        Language.Persian.Read(new string('n', 2000)).ShouldContain("nnn");
        Language.Persian.Read($"{new string('n', 2000)} and").ShouldContain("nnn");
    }

    private static async Task<string> PersianAsync(Panel panel, string page)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, page) { Headers = { { "Accept-Language", "fa-IR,fa;q=0.9,en;q=0.5" } } };
        return await (await panel.Http.SendAsync(request)).Content.ReadAsStringAsync();
    }

    // What people read: texts and the attributes that are read out, without names, code, and what another wrote.
    private static List<string> English(string page)
    {
        var main = Hidden().Replace(page, " ");
        var attributes = Spoken().Matches(main).Select(match => match.Groups[2].Value);
        var texts = string.Join(" ", Tags().Replace(main, " "), string.Join(" ", attributes.Select(text => Isolated().Replace(WebUtility.HtmlDecode(text), " "))));
        return [.. Latin().Matches(Setting().Replace(WebUtility.HtmlDecode(texts), " ")).Select(word => word.Value).Where(word => !International.Contains(word)).Distinct()];
    }

    [GeneratedRegex("<(script|style|code|pre|bdi|textarea|kbd)\\b.*?</\\1>|<time [^>]*>|data-words=\"[^\"]*\"|<output.*?</output>|<option value=\"(?<same>[^\"]*)\"[^>]*>\\k<same></option>|<option[^>]* lang=\"en\".*?</option>|<option>.*?</option>|<summary><bdi>.*?</small>|<datalist.*?</datalist>", RegexOptions.Singleline)]
    private static partial Regex Hidden();

    [GeneratedRegex(@"(?:\bT\[|T\.Plain\(|text\.Plain\(|\(Phrase\))""((?:[^""\\]|\\.)*)""")]
    private static partial Regex Written();

    [GeneratedRegex("<select name=\"calendar\">.*?<option value=\"(\\w+)\" selected", RegexOptions.Singleline)]
    private static partial Regex Calendar();

    [GeneratedRegex("<time datetime=\"2026-11-30T20:29:00Z\"[^>]*>([^<]*)</time>")]
    private static partial Regex ExpiryAt();

    [GeneratedRegex("<span><i>(.*?)</i>")]
    private static partial Regex DetailName();

    [GeneratedRegex("(title|placeholder|aria-label|alt)=\"([^\"]*)\"")]
    private static partial Regex Spoken();

    [GeneratedRegex("<[^>]*>")]
    private static partial Regex Tags();

    [GeneratedRegex("\u2068[^\u2069]*\u2069")]
    private static partial Regex Isolated();

    [GeneratedRegex("[A-Za-z]+__[A-Za-z_]+|\\.env")]
    private static partial Regex Setting();

    [GeneratedRegex("[A-Za-z][A-Za-z0-9]*")]
    private static partial Regex Latin();

    /// <summary>A token that has expired at a provider that refuses the credentials, with an incident of it.</summary>
    public sealed class Failing(PostgresFixture postgres) : SharedServer(postgres)
    {
        private protected override async Task<RunningServer> StartAsync(PostgresFixture postgres)
        {
            var server = await RunningServer.StartAsync(postgres, provider: new ModelProvider { Before = ModelProvider.Failing(FailureKind.ProviderDown) });
            await RunningServer.UntilAsync(async () => (await server.TokenAsync()).ConsecutiveFailures > 0, "it has failed");
            await server.ExecuteAsync(
                """
                INSERT INTO incidents (key, kind, scope, cause, detail, subjects, told_subjects, opened_at, joined_at, flaps, reminders, told_stage, was_mailed)
                VALUES ('failed:jibit:provider_down', 'failed', 'jibit', 'provider_down', 'HTTP 503', ARRAY['jibit'], ARRAY[]::text[], now(), now(), 0, 0, 0, FALSE);
                INSERT INTO client_reads (token_name, client, hour, reads, refused, last_at) VALUES ('jibit', 'client:billing', date_trunc('hour', now()), 5, 7, now())
                """);
            return server;
        }
    }
}
