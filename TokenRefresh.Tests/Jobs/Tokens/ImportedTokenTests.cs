using System.Text;
using System.Text.Json;
using CsCheck;
using Microsoft.Extensions.DependencyInjection;
using Shouldly;
using TokenRefresh.Jobs.Administration;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Tests.Fixtures;

namespace TokenRefresh.Tests.Jobs.Tokens;

/// <summary>What people bring, and what becomes of the grant that it replaces.</summary>
public sealed class ImportedTokenTests(PostgresFixture postgres)
{
    [Theory]
    [InlineData("\"expires_in\":600")]
    [InlineData("\"expires_in\":\"600\"")]
    [InlineData("\"expires_in\":600,\"expires_at\":\"2026-03-02T12:00:00Z\"")]
    [InlineData("\"expires_at\":1772367000")]
    [InlineData("\"expires_at\":1772367000.25")]
    [InlineData("\"expires_at\":1772367000000")]
    [InlineData("\"expires_at\":\"1772367000000\"")]
    [InlineData("\"expires_at\":\"2026-03-01T12:10:00Z\"")]
    [InlineData("\"expires_at\":\"2026-03-01T15:40:00+03:30\"")]
    [InlineData("\"expires_at\":\"2026-03-01 12:10:00\"")]
    [InlineData("\"expires_at\":\"Sun, 01 Mar 2026 12:10:00 GMT\"")]
    [InlineData("\"expires_on\":\"1772367000\"")]
    public void An_end_is_read_as_in_a_providers_answer(string field) =>
        Read($$"""{"access_token":"a",{{field}}}""").ExpiresAt.ShouldBe(Some.Now.AddMinutes(10), TimeSpan.FromSeconds(0.5));

    [Theory]
    [InlineData("07/01/2027")]
    [InlineData("1/7/2027")]
    [InlineData("07.01.2027")]
    [InlineData("07-01-2027")]
    [InlineData("01/07/27 12:00")]
    [InlineData("23:59")]
    [InlineData("Jan 7 2027")]
    [InlineData("7 January")]
    [InlineData("tomorrow")]
    [InlineData("2027-13-01")]
    [InlineData("2027-02-29T00:00:00Z")]
    [InlineData("9/5/2026 5:25:40 AM")]
    public void A_date_that_can_be_read_in_two_ways_is_refused_with_the_forms_that_are_taken(string text) =>
        Should.Throw<ImportException>(() => Read($$"""{"access_token":"a","expires_at":"{{text}}"}""")).Message.ShouldBe(
            "expires_at is not a time, or is ambiguous. Allowed: 2027-01-31T12:00:00Z, 2027-01-31T15:30:00+03:30, Sun, 31 Jan 2027 12:00:00 GMT, or the seconds or milliseconds since 1970.");

    [Theory]
    [InlineData("""{"access_token":"a","access_token":"b","expires_in":60}""", "duplicate keys")]
    [InlineData("""{"access_token":"a","expires_in":60,"x":{"y":1,"y":1}}""", "duplicate keys")]
    [InlineData("""{"\ud800":1,"\ud801":2,"access_token":"a"}""", "JSON")]
    [InlineData("""{"error":"invalid_grant"}""", "contains an error")]
    [InlineData("""{"access_token":"a","token_type":"DPoP","expires_in":60}""", "only bearer tokens can be served")]
    [InlineData("""{"access_token":"a","expires_in":-60}""", "expires_in is negative")]
    [InlineData("""{"access_token":"a","expires_in":0}""", "expires_at is missing")]
    [InlineData("""{"access_token":"a","expires_in":"never"}""", "expires_in is not a time")]
    [InlineData("""{"access_token":"a","expires_in":1000000000}""", "at most ten years ahead")]
    public void What_cannot_be_stored_is_refused_with_a_reason(string json, string reason) => Should.Throw<ImportException>(() => Read(json)).Message.ShouldContain(reason);

    [Fact]
    public void What_was_odd_is_told()
    {
        var imported = Read("""{"access_token":"a","token_type":"JWT","refresh_token":" ","expires_at":"2026-03-01T13:00:00","refresh_token_expires_in":600}""");

        (imported.RefreshToken, imported.RefreshExpiresAt).ShouldBe((null, Some.Now.AddMinutes(10)));
        imported.Notes.ShouldBe(["token_type is JWT: read as bearer", "expires_at has no offset: read as UTC", "refresh_token is blank: read as absent"]);
    }

    [Theory]
    [InlineData("utf-8", true)]
    [InlineData("utf-8", false)]
    [InlineData("utf-16", true)]
    [InlineData("utf-16", false)]
    [InlineData("utf-16BE", true)]
    [InlineData("utf-16BE", false)]
    [InlineData("utf-32", true)]
    public void Every_encoding_that_a_shell_writes_is_read(string charset, bool isMarked)
    {
        var encoding = Encoding.GetEncoding(charset);
        var bytes = encoding.GetBytes("""{"access_token":"a","refresh_token":"توکن","expires_in":600}""");

        ImportedToken.Read(isMarked ? [.. encoding.GetPreamble(), .. bytes] : bytes, Some.Now).RefreshToken.ShouldBe("توکن");
    }

    [Fact]
    public void Whatever_is_brought_it_is_read_or_refused_in_words_and_nothing_else_is_thrown() =>
        Gen.Select(Gen.Byte.Array[0, 60], Gen.String).Sample((bytes, text) =>
        {
            foreach (var input in new[] { bytes, Encoding.UTF8.GetBytes($$"""{"access_token":"a","expires_at":{{JsonSerializer.Serialize(text)}}}""") })
            {
                try
                {
                    ImportedToken.Read(input, Some.Now);
                }
                catch (ImportException error)
                {
                    error.Message.ShouldNotBeNullOrWhiteSpace();
                }
            }
        });

    [Fact]
    public async Task The_refresh_token_of_a_replaced_grant_goes_with_it_and_comes_back_with_a_rollback()
    {
        await using var world = await TokenWorld.CreateAsync(postgres, ("Tokens:jibit:Provider", "jibit"), ("Tokens:jibit:Grant", "Imported"));
        var controls = world.Node.GetRequiredService<TokenControls>();
        await controls.ImportAsync("jibit", new("access-1", "refresh-1", Some.Now.AddHours(1)) { RefreshExpiresAt = Some.Now.AddHours(5) }, "a person", default);
        var first = await world.TokenAsync();

        await controls.ImportAsync("jibit", new("access-2", null, Some.Now.AddHours(1)), "a person", default);
        await world.RefreshAsync(RefreshTrigger.Forced);

        world.Provider.Calls.ShouldBeEmpty();
        var second = await world.TokenAsync();
        (second.RefreshToken, second.RefreshExpiresAt, second.RefreshDueAt, first.RefreshExpiresAt).ShouldBe((null, null, null, Some.Now.AddHours(5)));

        await controls.RollBackAsync("jibit", "a person", default);
        (await world.TokenAsync()).RefreshToken.ShouldBe(first.RefreshToken);
    }

    [Fact]
    public async Task An_answer_that_tells_only_the_end_of_the_stored_refresh_token_makes_the_next_refresh_come_before_it()
    {
        await using var world = await TokenWorld.CreateAsync(postgres, ("Tokens:jibit:Provider", "jibit"), ("Tokens:jibit:Grant", "Imported"));
        await world.Node.GetRequiredService<TokenControls>().ImportAsync("jibit", new("access-1", "refresh-1", Some.Now.AddHours(1)), "a person", default);
        world.Provider.Before = (_, _) => Task.FromResult<TokenRefresh.Providers.ProviderResult?>(
            new TokenRefresh.Providers.ProviderResult.Issued(new("access-2", null, Some.Now, Some.Now.AddDays(9), Some.Now.AddHours(2), []), null));

        await world.RefreshAsync(RefreshTrigger.Forced);

        var token = await world.TokenAsync();
        token.RefreshExpiresAt.ShouldBe(Some.Now.AddHours(2));
        token.RefreshDueAt!.Value.ShouldBeLessThan(Some.Now.AddHours(2));
    }

    [Fact]
    public async Task A_token_that_the_credentials_renew_loses_the_old_refresh_token_too()
    {
        await using var world = await TokenWorld.CreateAsync(postgres);
        await world.RefreshAsync();

        await world.Node.GetRequiredService<TokenControls>().ImportAsync("jibit", new("access-2", null, Some.Now.AddHours(1)), "a person", default);
        await world.RefreshAsync(RefreshTrigger.Forced);

        world.Provider.Calls.ShouldBe(["acquire:jibit", "acquire:jibit"]);
    }

    private static ImportedToken Read(string json) => ImportedToken.Read(Encoding.UTF8.GetBytes(json), Some.Now);
}
