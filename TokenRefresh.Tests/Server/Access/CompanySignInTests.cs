using System.Net;
using Microsoft.AspNetCore.Authentication.Cookies;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Shouldly;

namespace TokenRefresh.Tests.Server.Access;

/// <summary>The way to a real identity provider and back.</summary>
public sealed class CompanySignInTests(CompanyServer shared) : IClassFixture<CompanyServer>
{
    private const string Start = "/account/oidc", Callback = "/account/oidc/callback";

    [Fact]
    public async Task The_sign_in_page_links_to_the_company_and_keeps_where_the_person_was_on_the_way_to()
    {
        var company = await shared.OpenAsync();
        using var visitor = company.Visit();

        var page = await visitor.Http.GetStringAsync("/account/login?ReturnUrl=%2Faccess%2Faudit");

        page.ShouldContain("href=\"/account/oidc?ReturnUrl=%2Faccess%2Faudit\">Sign in with your company account</a>");
    }

    [Theory]
    [InlineData("/access/token-refresh-logs?status=Failed", "/access/token-refresh-logs?status=Failed")]
    [InlineData("https://evil.example", "/access")]
    [InlineData("//evil.example", "/access")]
    [InlineData("/\\evil.example", "/access")]
    [InlineData("~//evil.example", "/access")]
    [InlineData("/زهرا", "/%D8%B2%D9%87%D8%B1%D8%A7")]
    [InlineData("/a\r\nb", "/access")]
    [InlineData("", "/access")]
    public async Task A_return_address_is_kept_if_it_is_of_this_server(string returnUrl, string expected)
    {
        var company = await shared.OpenAsync();
        await company.Provider.HasAsync("walker", "staff");
        using var visitor = company.Visit();

        using var answer = await visitor.SignInAsync("walker", returnUrl);

        (answer.StatusCode, answer.Headers.Location!.ToString()).ShouldBe((HttpStatusCode.Redirect, expected));
    }

    [Fact]
    public async Task The_cookies_of_the_way_are_ours_alone_and_come_back_by_a_link_only()
    {
        var company = await shared.OpenAsync();
        using var visitor = company.Visit();

        using var answer = await visitor.Http.GetAsync(Start);

        var cookies = answer.Headers.GetValues("Set-Cookie").ToList();
        cookies.Count.ShouldBe(2);
        cookies.ShouldAllBe(cookie => cookie.StartsWith("tokenrefresh-oidc-", StringComparison.Ordinal) && cookie.Contains($"; path={Callback};", StringComparison.Ordinal)
            && cookie.Contains("; samesite=lax", StringComparison.Ordinal) && cookie.Contains("; httponly", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Nothing_of_the_way_is_kept_once_the_person_is_signed_in()
    {
        var company = await shared.OpenAsync();
        await company.Provider.HasAsync("tidy", "staff");
        using var visitor = company.Visit();

        using var answer = await visitor.SignInAsync("tidy");

        visitor.Cookies.Where(cookie => cookie.Name.StartsWith("tokenrefresh", StringComparison.Ordinal)).Select(cookie => cookie.Name).ShouldBe(["tokenrefresh"]);
    }

    [Theory]
    [InlineData("state=", "state=x")]
    [InlineData("state=", "other=")]
    [InlineData("code=", "code=x")]
    [InlineData("code=", "other=")]
    [InlineData("code=", "error=x&code=")]
    [InlineData("?", "?id_token=x&")]
    [InlineData("?", "?x#")]
    public async Task An_answer_that_was_altered_is_refused_with_a_page(string part, string altered)
    {
        var company = await shared.OpenAsync();
        await company.Provider.HasAsync("altered", "staff");
        using var visitor = company.Visit();
        var back = await visitor.ReturnAsync("altered");

        using var answer = await visitor.Http.GetAsync(back.ToString().Replace(part, altered, StringComparison.Ordinal));

        ((int)answer.StatusCode).ShouldBeOneOf([400, 502]);
        (await answer.Content.ReadAsStringAsync()).ShouldContain("Back to sign-in");
        visitor.Cookies.ShouldNotContain(cookie => cookie.Name == "tokenrefresh");
    }

    [Theory]
    [InlineData("tokenrefresh-oidc-state")]
    [InlineData("tokenrefresh-oidc-nonce")]
    public async Task An_answer_is_of_use_only_in_the_browser_that_started_the_sign_in(string cookie)
    {
        var company = await shared.OpenAsync();
        await company.Provider.HasAsync("victim", "staff");
        using var visitor = company.Visit();
        var back = await visitor.ReturnAsync("victim");
        visitor.Forget(cookie);

        using var answer = await visitor.Http.GetAsync(back);

        answer.StatusCode.ShouldBe(HttpStatusCode.BadRequest);
        (await answer.Content.ReadAsStringAsync()).ShouldContain("Sign-in not verified");
        visitor.Cookies.ShouldNotContain(cookie => cookie.Name == "tokenrefresh");
    }

    [Fact]
    public async Task An_answer_is_of_use_once()
    {
        var company = await shared.OpenAsync();
        await company.Provider.HasAsync("once", "staff");
        using var visitor = company.Visit();
        var back = await visitor.ReturnAsync("once");
        await visitor.Http.GetAsync(back);

        (await visitor.Http.GetAsync(back)).StatusCode.ShouldBe(HttpStatusCode.BadRequest);
    }

    [Theory]
    [InlineData(Start)]
    [InlineData(Callback)]
    public async Task A_form_that_is_sent_there_is_refused_with_a_page(string address)
    {
        var company = await shared.OpenAsync();
        using var visitor = company.Visit();

        using var answer = await visitor.Http.PostAsync(address, new FormUrlEncodedContent([new("code", "x"), new("state", "x")]));

        answer.StatusCode.ShouldBe(HttpStatusCode.BadRequest);
        (await answer.Content.ReadAsStringAsync()).ShouldContain("Form not accepted");
    }

    [Fact]
    public async Task A_person_who_cancels_is_told_so()
    {
        var company = await shared.OpenAsync();
        using var visitor = company.Visit();

        using var answer = await visitor.Http.GetAsync(await visitor.ReturnAsync("", act: "cancel"));

        answer.StatusCode.ShouldBe(HttpStatusCode.Forbidden);
        (await answer.Content.ReadAsStringAsync()).ShouldContain("Sign-in cancelled");
    }

    [Theory]
    [InlineData("cross-site")]
    [InlineData("same-site")]
    public async Task A_link_of_another_site_leads_to_the_sign_in_page_and_starts_nothing(string site)
    {
        var company = await shared.OpenAsync();
        using var visitor = company.Visit();
        visitor.Http.DefaultRequestHeaders.Add("Sec-Fetch-Site", site);

        using var answer = await visitor.Http.GetAsync($"{Start}?ReturnUrl=%2Faccess%2Faudit");

        answer.Headers.Location!.ToString().ShouldBe("/account/login?ReturnUrl=%2Faccess%2Faudit");
        visitor.Cookies.ShouldBeEmpty();
    }

    [Fact]
    public async Task Who_is_signed_in_already_is_not_asked_again()
    {
        var company = await shared.OpenAsync();
        await using var panel = await company.AdministerAsync("already");

        (await panel.Http.GetAsync($"{Start}?ReturnUrl=%2Faccess%2Faudit")).RequestMessage!.RequestUri!.ToString().ShouldBe($"{panel.Http.BaseAddress}access/audit");
    }

    [Fact]
    public async Task A_session_is_not_extended_by_use_because_the_role_may_have_been_taken_away()
    {
        var company = await shared.OpenAsync();
        await company.Provider.HasAsync("limited", "staff");
        using var visitor = company.Visit();
        await visitor.SignInAsync("limited");

        var cookie = company.Server.Services.GetRequiredService<IOptionsMonitor<CookieAuthenticationOptions>>().Get(IdentityConstants.ApplicationScheme);
        var session = cookie.TicketDataFormat.Unprotect(visitor.Cookies.Single(one => one.Name == "tokenrefresh").Value)!.Properties;

        session.AllowRefresh.ShouldBe(false);
        (session.ExpiresUtc - session.IssuedUtc).ShouldBe(TimeSpan.FromHours(8));
    }

    [Theory]
    [InlineData("/signout-oidc")]
    [InlineData("/signout-callback-oidc")]
    public async Task No_address_of_the_handler_ends_a_session(string address)
    {
        var company = await shared.OpenAsync();
        await company.Provider.HasAsync("staying", "staff");
        using var visitor = company.Visit();
        await visitor.SignInAsync("staying");

        (await visitor.Http.GetAsync(address)).StatusCode.ShouldBe(HttpStatusCode.NotFound);
        (await visitor.Http.GetAsync("/access/tokens")).StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task One_address_starts_so_many_sign_ins_a_minute_and_no_more()
    {
        var company = await shared.OpenAsync();
        using var visitor = company.Visit();
        var statuses = new List<HttpStatusCode>();
        for (var tries = 0; tries < 62; tries++)
        {
            using var answer = await visitor.Http.GetAsync($"{Callback}?state=x");
            statuses.Add(answer.StatusCode);
        }

        statuses.ShouldContain(HttpStatusCode.TooManyRequests);
        statuses.Count(status => status == HttpStatusCode.BadRequest).ShouldBeGreaterThanOrEqualTo(60);
    }
}
