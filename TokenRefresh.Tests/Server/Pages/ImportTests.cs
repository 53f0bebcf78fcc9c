using System.Net;
using System.Text;
using System.Text.Json;
using Shouldly;
using TokenRefresh.Providers;
using TokenRefresh.Server.Access;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Server.Pages;

public sealed class ImportTests(PostgresFixture postgres, SharedServer shared) : IClassFixture<SharedServer>
{
    private const string Page = "/access/tokens/jibit";

    [Fact]
    public async Task A_pasted_jwt_is_read_tried_stored_and_can_be_rolled_back_and_forth()
    {
        await using var panel = await Panel.OpenAsync(postgres, Role.Admin);
        var before = await panel.Server.TokenAsync();
        var jwt = Jwt(TimeSpan.FromDays(9));

        var page = await panel.SendAsync(Page, $"{Page}?handler=Import", ("access", $" Bearer {jwt[..30]}\r\n{jwt[30..]} "), ("refresh", "planted-refresh-token-of-import"));

        Panel.FlashMessage(page).ShouldMatch("^Imported jibit\\. It expires .* Asia/Tehran, in 8 d 23 h; accepted by the provider \\(HTTP 200, 5 ms\\)\\. The previous token is kept");
        panel.Server.Provider.Probed.ShouldBe([jwt]);
        var imported = await panel.Server.TokenAsync();
        (imported.Version, imported.ExpiresAt > before.ExpiresAt).ShouldBe((2, true));
        page.ShouldNotContain(jwt);
        page.ShouldNotContain("planted-refresh");

        Panel.FlashMessage(await panel.SendAsync(Page, $"{Page}?handler=RollBack")).ShouldStartWith("Rolled back jibit to the previous token.");
        var back = await panel.Server.TokenAsync();
        (back.Version, back.AccessToken, back.RefreshToken, back.ExpiresAt, back.RefreshExpiresAt).ShouldBe((3, before.AccessToken, before.RefreshToken, before.ExpiresAt, before.RefreshExpiresAt));

        await panel.SendAsync(Page, $"{Page}?handler=RollBack");
        (await panel.Server.TokenAsync()).AccessToken.ShouldBe(imported.AccessToken);
        (await panel.AuditAsync(4)).Select(entry => entry.Action).ShouldBe(["token.rolled_back", "token.rolled_back", "token.imported", "token.import_tried"]);
        (await panel.Server.LogAsync()).TakeLast(3).ShouldAllBe(row => row.TriggeredBy == "user:Admin" && row.NewExpiresAt != null);
    }

    [Fact]
    public async Task What_the_provider_refuses_is_stored_only_by_whoever_insists()
    {
        await using var panel = await Panel.OpenAsync(postgres, Role.Admin);
        panel.Server.Provider.ProbeFailure = new(FailureKind.CredentialRejected, "HTTP 401 token.expired") { HttpStatus = 401 };
        var jwt = Jwt(TimeSpan.FromDays(9));

        var refused = await panel.SendAsync(Page, $"{Page}?handler=Import", ("access", jwt), ("expires", "2099-01-01T10:00"));
        Panel.FlashMessage(refused).ShouldMatch("^Nothing was stored\\. It expires .* not accepted by the provider: HTTP 401 token.expired \\(5 ms\\)\\.");
        refused.ShouldContain("value=\"2099-01-01T10:00\"");
        refused.ShouldNotContain(jwt);
        (await panel.Server.TokenAsync()).Version.ShouldBe(1);

        Panel.FlashMessage(await panel.SendAsync(Page, $"{Page}?handler=Import", ("access", jwt), ("anyway", "true"))).ShouldStartWith("Imported jibit.");
        (await panel.Server.TokenAsync()).Version.ShouldBe(2);
    }

    [Theory]
    [InlineData("2030-01-01T10:00")]
    [InlineData("2030-01-01T06:30:00Z")]
    [InlineData("2030-01-01T08:30:00+02:00")]
    public async Task Trying_a_token_stores_nothing_and_takes_its_end_in_the_zone_that_it_names(string expires)
    {
        await using var panel = await shared.OpenAsync(Role.Admin);

        var page = await panel.SendAsync(Page, $"{Page}?handler=Check", ("access", "opaque-token"), ("expires", expires));

        Panel.FlashMessage(page).ShouldMatch("^It expires at 2030-01-01 10:00:00 Asia/Tehran, in .*; accepted by the provider .* Nothing was stored\\.$");
        (await panel.Server.TokenAsync()).Version.ShouldBe(1);
    }

    [Theory]
    [InlineData("", "", "access_token is missing")]
    [InlineData("two words", "2030-01-01T10:00", "contains white space")]
    [InlineData("توکن", "2030-01-01T10:00", "characters that are not allowed in a header")]
    [InlineData("opaque", "", "expires_at is missing")]
    [InlineData("opaque", "soon", "not a date and time")]
    [InlineData("opaque", "2001-01-01T10:00", "must be in the future")]
    [InlineData("opaque", "2999-01-01T10:00", "must be in the future")]
    [InlineData("opaque", "0001-01-01T00:00", "not a date and time")]
    [InlineData("opaque", "9999-12-31T23:59", "not a date and time")]
    public async Task What_cannot_be_a_token_is_refused_with_a_reason(string access, string expires, string reason)
    {
        await using var panel = await shared.OpenAsync(Role.Admin);

        var page = await panel.SendAsync(Page, $"{Page}?handler=Import", ("access", access), ("expires", expires));

        Panel.FlashMessage(page).ShouldStartWith("Nothing was stored.");
        Panel.FlashMessage(page).ShouldContain(reason);
        panel.Server.Provider.Probed.ShouldNotContain(access);
        (await panel.Server.TokenAsync()).Version.ShouldBe(1);
    }

    [Theory]
    [InlineData("07/01/2099 10:00")]
    [InlineData("23:59")]
    [InlineData("tomorrow")]
    public async Task An_ambiguous_end_is_refused_with_the_forms_that_are_taken(string expires)
    {
        await using var panel = await shared.OpenAsync(Role.Admin);

        Panel.FlashMessage(await panel.SendAsync(Page, $"{Page}?handler=Import", ("access", "opaque"), ("expires", expires))).ShouldContain("Allowed: 2027-01-31T12:00:00Z");
    }

    [Fact]
    public async Task A_providers_whole_answer_is_read_as_the_verb_reads_it()
    {
        await using var panel = await Panel.OpenAsync(postgres, Role.Admin);

        var page = await panel.SendAsync(Page, $"{Page}?handler=Import", ("access", "{\r\n \"access_token\":\"opaque-token\", \"token_type\":\"JWT\", \"expires_in\":\"3600\" }"));
        Panel.FlashMessage(page).ShouldContain("Note: token_type is JWT: read as bearer.");
        panel.Server.Provider.Probed.ShouldBe(["opaque-token"]);
        (await panel.Server.TokenAsync()).RefreshToken.ShouldBeNull();

        Panel.FlashMessage(await panel.SendAsync(Page, $"{Page}?handler=Import", ("access", """{"access_token":"a","access_token":"b","expires_in":60}"""))).ShouldContain("duplicate keys");
        Panel.FlashMessage(await panel.SendAsync(Page, $"{Page}?handler=Import", ("access", """{"access_token":"a","expires_in":60}"""), ("refresh", "r"))).ShouldContain("first field only");
        (await panel.Server.TokenAsync()).Version.ShouldBe(2);
    }

    [Fact]
    public async Task Without_an_import_there_is_nothing_to_roll_back_to()
    {
        await using var panel = await shared.OpenAsync(Role.Admin);

        Panel.FlashMessage(await panel.SendAsync(Page, $"{Page}?handler=RollBack")).ShouldStartWith("There is no token to roll back to");
        (await panel.Server.TokenAsync()).Version.ShouldBe(1);
    }

    [Theory]
    [InlineData("Import")]
    [InlineData("Check")]
    [InlineData("RollBack")]
    [InlineData("Tails")]
    public async Task An_operator_may_not_import_roll_back_or_see_tails(string handler)
    {
        await using var panel = await shared.OpenAsync(Role.Operator);

        var answer = await panel.PostAsync(Page, $"{Page}?handler={handler}", ("access", Jwt(TimeSpan.FromDays(1))), ("why", "because"));

        answer.StatusCode.ShouldBe(HttpStatusCode.Forbidden);
        (await panel.ReadAsync(Page)).ShouldNotContain("Import a token");
    }

    [Fact]
    public async Task Tails_are_shown_only_for_a_reason_which_the_audit_keeps()
    {
        await using var panel = await Panel.OpenAsync(postgres, Role.Admin);
        var secret = "a-long-planted-access-token-that-ends-in-WXYZ";
        await panel.PostAsync(Page, $"{Page}?handler=Import", ("access", secret), ("refresh", "refresh-of-a-paste"), ("expires", "2030-01-01T10:00"));
        (await panel.ReadAsync(Page)).ShouldNotContain("WXYZ");

        var without = await panel.SendAsync(Page, $"{Page}?handler=Tails", ("why", " "));
        var shown = await panel.SendAsync(Page, $"{Page}?handler=Tails", ("why", "the provider's support asked"));

        without.ShouldNotContain("WXYZ");
        Panel.FlashMessage(without).ShouldContain("Enter a purpose");
        WebUtility.HtmlDecode(shown).ShouldContain("…WXYZ (45 characters)");
        WebUtility.HtmlDecode(shown).ShouldContain("18 characters, too short to show a part");
        shown.ShouldNotContain(secret);
        var entry = (await panel.AuditAsync(1))[0];
        (entry.Actor, entry.Action).ShouldBe(("user:Admin", "token.tail_shown"));
        JsonDocument.Parse(entry.Details).RootElement.GetProperty("reason").GetString().ShouldBe("the provider's support asked");
    }

    private static string Jwt(TimeSpan life) => string.Join('.', new[] { """{"alg":"HS256"}""", $$"""{"exp":{{TimeProvider.System.GetUtcNow().Add(life).ToUnixTimeSeconds()}}}""", "planted signature" }
        .Select(part => Convert.ToBase64String(Encoding.UTF8.GetBytes(part)).TrimEnd('=').Replace('+', '-').Replace('/', '_')));
}
