using System.Text.Json;
using System.Text.Json.Nodes;
using Shouldly;
using TokenRefresh.Tests.Fixtures;
using Xunit;

namespace TokenRefresh.Tests.Sandbox;

public sealed class MalformedAnswerTests(PostgresFixture postgres) : SandboxTest(postgres)
{
    [Theory]
    [InlineData("jibit")]
    [InlineData("finnotech")]
    public async Task A_malformed_answer_is_a_page_unless_said_otherwise(string provider)
    {
        await BehaveAsync(provider, """{"mode":"malformed"}""");

        var answer = await AcquireAsync(provider);

        (answer.Status, answer.ContentType).ShouldBe((200, "text/html"));
        answer.Text.ShouldStartWith("<!DOCTYPE html>");
    }

    [Theory]
    [InlineData("jibit", "empty", "")]
    [InlineData("finnotech", "empty", "")]
    [InlineData("jibit", "null", "null")]
    [InlineData("finnotech", "null", "null")]
    [InlineData("jibit", "array", "[]")]
    [InlineData("finnotech", "array", "[]")]
    public async Task A_malformed_answer_may_be_JSON_of_the_wrong_kind(string provider, string shape, string text)
    {
        var answer = await MalformedAsync(provider, shape);

        (answer.Status, answer.Text, answer.ContentType).ShouldBe((200, text, "application/json"));
    }

    [Theory]
    [InlineData("jibit", "accessToken")]
    [InlineData("finnotech", "value")]
    public async Task A_malformed_answer_may_break_off_in_the_middle(string provider, string field)
    {
        var answer = await MalformedAsync(provider, "half");

        answer.Text.ShouldStartWith("{");
        answer.Text.ShouldNotContain($"\"{field}\":null");
        Should.Throw<JsonException>(() => answer.Json);
    }

    [Theory]
    [InlineData("jibit", "accessToken")]
    [InlineData("finnotech", "value")]
    public async Task A_malformed_answer_may_lack_the_access_token(string provider, string field)
    {
        var token = Token(provider, await MalformedAsync(provider, "missing"));

        token.ContainsKey(field).ShouldBeFalse();
        token.ContainsKey("refreshToken").ShouldBeTrue();
    }

    [Theory]
    [InlineData("jibit", "accessToken")]
    [InlineData("finnotech", "value")]
    public async Task A_malformed_answer_may_have_a_blank_access_token(string provider, string field) =>
        ((string?)Token(provider, await MalformedAsync(provider, "blank"))[field]).ShouldBe(" ");

    [Theory]
    [InlineData("jibit")]
    [InlineData("finnotech")]
    public async Task A_malformed_answer_may_be_huge(string provider) =>
        (await MalformedAsync(provider, "huge")).Text.Length.ShouldBeGreaterThan(16_000_000);

    [Theory]
    [InlineData("jibit")]
    [InlineData("finnotech")]
    public async Task A_malformed_answer_may_lead_elsewhere(string provider)
    {
        var answer = await MalformedAsync(provider, "redirect");

        answer.Status.ShouldBe(302);
        answer.Headers.Location.ShouldNotBeNull();
    }

    [Fact]
    public async Task Jibits_failure_may_hide_behind_status_200()
    {
        var answer = await MalformedAsync("jibit", "failed");

        (answer.Status, answer.Code).ShouldBe((200, "server.error"));
    }

    [Fact]
    public async Task Finnotechs_failure_may_hide_behind_status_200()
    {
        var answer = await MalformedAsync("finnotech", "failed");

        (answer.Status, (string?)answer.Json["status"]).ShouldBe((200, "FAILED"));
        answer.Error.ShouldStartWith("SERVICE_CALL_ERROR: ");
    }

    [Fact]
    public async Task A_malformed_answer_to_a_refresh_has_rotated_nothing()
    {
        var pair = await Host.AcquireAsync();
        await BehaveAsync("jibit", """{"mode":"malformed","fail_next":1}""");
        await Host.RefreshAsync(pair);

        (await Host.RefreshAsync(pair)).Status.ShouldBe(200);
    }

    private static JsonObject Token(string provider, Answer answer) =>
        (provider == "jibit" ? answer.Json : answer.Json["result"]!).AsObject();

    private async Task<Answer> MalformedAsync(string provider, string shape)
    {
        await BehaveAsync(provider, $$"""{"mode":"malformed","malformed_shape":"{{shape}}"}""");
        return await AcquireAsync(provider);
    }

    private Task<Answer> AcquireAsync(string provider) =>
        provider == "jibit" ? Host.GenerateAsync() : Host.TokenAsync(FinnotechCalls.Credentials);
}
