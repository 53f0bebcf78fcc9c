using System.Net;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.Cookies;
using Microsoft.AspNetCore.Http;
using Shouldly;
using TokenRefresh.Server.Access;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Server.Pages;

public sealed partial class ExpiredSignInTests(PostgresFixture postgres, SharedServer shared) : IClassFixture<SharedServer>
{
    private const string Page = "/access/tokens/jibit";

    [Fact]
    public async Task A_form_sent_after_the_sign_in_ended_does_nothing_and_is_offered_again_as_it_was_typed()
    {
        await using var panel = await Panel.OpenAsync(postgres, Role.Operator);

        var expired = await ExpireAsync(panel, "Pause", ("reason", "<b>\"moving\"</b> خانه"), ("hours", "4"));
        expired.ShouldContain("Your session had ended, so nothing was done.");
        (await panel.Server.TokenAsync()).PausedAt.ShouldBeNull();

        var again = await SignInAsync(panel, expired);
        again.ShouldContain("Nothing was done yet.");
        again.ShouldNotContain("<b>\"moving");
        Fields(again)["reason"].ShouldBe("<b>\"moving\"</b> خانه");
        (await panel.Server.TokenAsync()).PausedAt.ShouldBeNull();

        var done = await (await panel.Http.PostAsync($"{Page}?handler=Pause", new FormUrlEncodedContent(Fields(again)))).Content.ReadAsStringAsync();
        Panel.FlashMessage(done).ShouldStartWith("Paused jibit.");
        (await panel.Server.TokenAsync()).PauseReason.ShouldBe("<b>\"moving\"</b> خانه (user:Operator)");
    }

    [Theory]
    [InlineData("Sec-Fetch-Site", "cross-site", false)]
    [InlineData("Sec-Fetch-Site", "same-site", false)]
    [InlineData("Sec-Fetch-Site", "same-origin", true)]
    [InlineData("Origin", "https://evil.example", false)]
    [InlineData("Origin", "null", false)]
    [InlineData("Origin", "here", true)]
    public async Task Another_sites_form_is_not_offered_as_what_the_person_was_about_to_send(string header, string from, bool isOffered)
    {
        await using var panel = await shared.OpenAsync();
        using var request = new HttpRequestMessage(HttpMethod.Post, "/account/expired?to=/access/users%3Fhandler%3DRole") { Content = new FormUrlEncodedContent([new("name", "mallory"), new("role", "Admin")]) };
        request.Headers.Add(header, from == "here" ? panel.Http.BaseAddress!.GetLeftPart(UriPartial.Authority) : from);

        var answer = await panel.Http.SendAsync(request);

        answer.StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
        (await answer.Content.ReadAsStringAsync()).Contains("mallory", StringComparison.Ordinal).ShouldBe(isOffered);
    }

    [Fact]
    public async Task What_is_secret_never_comes_back_to_a_page()
    {
        await using var panel = await Panel.OpenAsync(postgres, Role.Admin);

        var expired = await ExpireAsync(panel, "Import", ("access", "planted-access"), ("refresh", "planted-refresh"), ("expires", "2030-01-01T10:00"));
        var again = await SignInAsync(panel, expired, "Admin");

        (expired + again).ShouldNotContain("planted");
        Fields(again)["expires"].ShouldBe("2030-01-01T10:00");
        again.ShouldContain("name=\"access\" type=\"password\"");
    }

    [Theory]
    [InlineData("https://evil.example/access/tokens")]
    [InlineData("//evil.example")]
    [InlineData("/account/logout")]
    [InlineData("not json")]
    public async Task A_kept_form_that_is_none_of_the_panels_is_dropped(string to)
    {
        await using var panel = await shared.OpenAsync();
        await panel.AddAsync($"olga-{to.Length}", Role.Operator);
        var kept = to == "not json" ? to : $$"""{"To":"{{to}}","Fields":[]}""";

        var answer = await panel.PostAsync("/account/login", "/account/login", ("Name", $"olga-{to.Length}"), ("Password", Panel.Password), ("Kept", kept));

        answer.RequestMessage!.RequestUri!.AbsolutePath.ShouldBe("/access");
    }

    [Fact]
    public async Task A_form_of_another_person_or_of_an_earlier_sign_in_is_refused()
    {
        await using var panel = await Panel.OpenAsync(postgres, Role.Operator);
        await using var other = await panel.BesideAsync("olga", Role.Operator);
        var token = Fields(await other.ReadAsync(Page))["__RequestVerificationToken"];

        var answer = await panel.Http.PostAsync($"{Page}?handler=Force", new FormUrlEncodedContent([new("__RequestVerificationToken", token)]));

        answer.StatusCode.ShouldBe(HttpStatusCode.BadRequest);
        (await panel.Server.TokenAsync()).Version.ShouldBe(1);
    }

    [Fact]
    public async Task Cookies_are_for_http_of_this_site_only()
    {
        await using var panel = await Panel.OpenAsync(postgres, Role.Operator);
        var form = await panel.Server.Http.GetAsync("/account/login");
        var cookies = form.Headers.GetValues("Set-Cookie").ToList();
        using var quiet = new HttpClient(new HttpClientHandler { AllowAutoRedirect = false, UseCookies = false }) { BaseAddress = panel.Http.BaseAddress };
        using var signIn = new HttpRequestMessage(HttpMethod.Post, "/account/login")
        {
            Content = new FormUrlEncodedContent([new("Name", "Operator"), new("Password", Panel.Password), new("__RequestVerificationToken", Fields(await form.Content.ReadAsStringAsync())["__RequestVerificationToken"])]),
        };
        signIn.Headers.Add("Cookie", cookies[0].Split(';')[0]);
        cookies.AddRange((await quiet.SendAsync(signIn)).Headers.GetValues("Set-Cookie"));

        cookies.ShouldContain(cookie => cookie.StartsWith("tokenrefresh=", StringComparison.Ordinal));

        cookies.ShouldAllBe(cookie => cookie.Contains("httponly", StringComparison.OrdinalIgnoreCase) && cookie.Contains("samesite", StringComparison.OrdinalIgnoreCase));
    }

    [Theory]
    [InlineData(null, true)]
    [InlineData("fetch", false)]
    [InlineData("XMLHttpRequest", false)]
    public async Task A_page_that_renews_itself_does_not_prolong_the_sign_in(string? requestedWith, bool isProlonged)
    {
        var request = new DefaultHttpContext();
        request.Request.Headers.XRequestedWith = requestedWith;
        var ticket = new AuthenticationTicket(new(), "a scheme");
        var context = new CookieSlidingExpirationContext(request, new("a scheme", null, typeof(CookieAuthenticationHandler)), new(), ticket, TimeSpan.FromHours(5), TimeSpan.FromHours(3)) { ShouldRenew = true };

        await new SignInEvents().CheckSlidingExpiration(context);

        context.ShouldRenew.ShouldBe(isProlonged);
    }

    [Fact]
    public async Task Whoever_signs_out_after_the_sign_in_has_ended_is_signed_out_and_a_forged_form_signs_nobody_out()
    {
        await using var panel = await Panel.OpenAsync(postgres, Role.Operator);
        var token = Fields(await panel.ReadAsync(Page))["__RequestVerificationToken"];

        (await panel.Http.PostAsync("/account/logout", null)).StatusCode.ShouldBe(HttpStatusCode.BadRequest);
        panel.Expire();
        var answer = await panel.Http.PostAsync("/account/logout", new FormUrlEncodedContent([new("__RequestVerificationToken", token)]));

        (answer.StatusCode, answer.RequestMessage!.RequestUri!.AbsolutePath).ShouldBe((HttpStatusCode.OK, "/account/login"));
    }

    private static async Task<string> ExpireAsync(Panel panel, string handler, params (string Name, string Value)[] fields)
    {
        var token = Fields(await panel.ReadAsync(Page))["__RequestVerificationToken"];
        panel.Expire();
        var answer = await panel.Http.PostAsync($"{Page}?handler={handler}", new FormUrlEncodedContent([.. fields.Select(field => KeyValuePair.Create(field.Name, field.Value)), new("__RequestVerificationToken", token)]));
        answer.StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
        return await answer.Content.ReadAsStringAsync();
    }

    private static async Task<string> SignInAsync(Panel panel, string page, string name = "Operator")
    {
        var fields = Fields(page);
        (fields["Name"], fields["Password"]) = (name, Panel.Password);
        return await (await panel.Http.PostAsync("/account/login", new FormUrlEncodedContent(fields))).Content.ReadAsStringAsync();
    }

    // The fields of the page's own form; the one for signing out has but its token.
    private static Dictionary<string, string> Fields(string page) => Inputs().Matches(page)
        .GroupBy(match => match.Groups[1].Value).ToDictionary(group => group.Key, group => WebUtility.HtmlDecode(Value().Match(group.Last().Value).Groups[1].Value));

    [GeneratedRegex("<input [^>]*?name=\"([^\"]+)\"[^>]*>")]
    private static partial Regex Inputs();

    [GeneratedRegex("value=\"([^\"]*)\"")]
    private static partial Regex Value();
}
