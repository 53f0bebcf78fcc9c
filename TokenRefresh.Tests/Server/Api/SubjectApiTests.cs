using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using Shouldly;
using TokenRefresh.Jobs.Administration;
using TokenRefresh.Server.Access;
using TokenRefresh.Tests.Fixtures;
using TokenRefresh.Tests.Server.Pages;

namespace TokenRefresh.Tests.Server.Api;

/// <summary>Whom a token belongs to: written, found and shown masked, by programs and people.</summary>
public sealed class SubjectApiTests(SharedServer shared) : IClassFixture<SharedServer>
{
    private static int numbers;

    // Of its own in each test, because they share a server.
    private readonly string mobile = $"0912{Interlocked.Increment(ref numbers):0000000}";
    private readonly string name = $"granted-{Guid.NewGuid():N}";

    [Fact]
    public async Task A_subject_is_written_and_comes_back_masked()
    {
        using var http = await ManagerAsync("*");

        var added = await AddAsync(http, mobile);
        var read = await http.GetStringAsync($"/api/tokens/{name}");

        foreach (var answer in new[] { added, read })
        {
            JsonDocument.Parse(answer).RootElement.GetProperty("subject").GetString().ShouldBe($"•••{mobile[^4..]}");
            answer.ShouldNotContain(mobile);
        }
    }

    [Fact]
    public async Task It_is_found_in_each_spelling_by_those_whose_key_is_for_the_token()
    {
        using var http = await ManagerAsync("*");
        using var other = await ManagerAsync("other-*");
        await AddAsync(http, mobile);

        (await FindAsync(http, $"+98 {mobile[1..4]} {mobile[4..]}")).ShouldBe([name]);
        (await FindAsync(http, $"{mobile}0")).ShouldBeEmpty();
        (await FindAsync(other, mobile)).ShouldBeEmpty();
    }

    [Fact]
    public async Task A_key_without_the_act_finds_nobody()
    {
        using var reader = (await shared.ProgramAsync("*")).Http;

        (await reader.PostAsJsonAsync("/api/tokens/find", new { subject = mobile })).StatusCode.ShouldBe(HttpStatusCode.Forbidden);
    }

    [Fact]
    public async Task A_change_without_a_subject_leaves_it_and_an_empty_one_removes_it()
    {
        using var http = await ManagerAsync("*");
        await AddAsync(http, mobile);

        await SendAsync(http, HttpMethod.Patch, new { labels = new { team = "billing" } });
        (await FindAsync(http, mobile)).ShouldBe([name]);
        await SendAsync(http, HttpMethod.Put, new { provider = "jibit", labels = new { team = "billing" } });
        (await FindAsync(http, mobile)).ShouldBe([name]);
        var tag = (await http.GetAsync($"/api/tokens/{name}")).Headers.ETag;
        await SendAsync(http, HttpMethod.Patch, new { subject = "" });

        (await FindAsync(http, mobile)).ShouldBeEmpty();
        (await RowAsync()).ShouldBe((null, null));
        (await http.GetAsync($"/api/tokens/{name}")).Headers.ETag.ShouldNotBe(tag);
    }

    [Fact]
    public async Task It_is_deleted_with_the_token_and_nothing_keeps_it()
    {
        using var http = await ManagerAsync("*");
        await AddAsync(http, mobile);
        var (sealedSubject, hash) = await RowAsync();

        (await http.DeleteAsync(new Uri($"/api/tokens/{name}", UriKind.Relative))).StatusCode.ShouldBe(HttpStatusCode.NoContent);

        var everything = await EverythingAsync();
        foreach (var trace in new[] { mobile, sealedSubject!, hash! })
        {
            everything.ShouldNotContain(trace);
        }

        everything.ShouldContain(name);
    }

    [Theory]
    [InlineData("a\nb", "1 to 128 characters")]
    [InlineData("•••4567", "1 to 128 characters")]
    [InlineData("planted-long", "1 to 128 characters")]
    public async Task One_that_is_not_allowed_is_refused_in_words_that_do_not_repeat_it(string subject, string words)
    {
        using var http = await ManagerAsync("*");

        var refused = await http.PostAsJsonAsync("/api/tokens?untested=true", new { name, provider = "jibit", subject = subject == "planted-long" ? new string('p', 129) : subject });

        var told = await refused.Content.ReadAsStringAsync();
        refused.StatusCode.ShouldBe(HttpStatusCode.BadRequest);
        told.ShouldContain(words);
        told.ShouldNotContain("pppp");
        (await http.GetAsync($"/api/tokens/{name}")).StatusCode.ShouldBe(HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task A_name_or_a_label_that_tells_the_subject_is_refused()
    {
        using var http = await ManagerAsync("*");
        foreach (var order in new object[] { new { name = $"of-{mobile}", provider = "jibit", subject = mobile }, new { name, provider = "jibit", subject = mobile, labels = new { mobile = $"+98{mobile[1..]}" } } })
        {
            var refused = await http.PostAsJsonAsync("/api/tokens?untested=true", order);

            refused.StatusCode.ShouldBe(HttpStatusCode.BadRequest);
            (await refused.Content.ReadAsStringAsync()).ShouldContain("must not be in the name");
        }
    }

    [Fact]
    public async Task Without_a_name_one_is_made_that_tells_nothing_of_the_subject()
    {
        using var http = await ManagerAsync("*");

        var added = await http.PostAsJsonAsync("/api/tokens?untested=true", new { provider = "jibit", subject = mobile });

        var made = (await added.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("name").GetString()!;
        made.ShouldMatch("^token-[0-9a-f]{16}$");
        (await FindAsync(http, mobile)).ShouldBe([made]);
    }

    [Fact]
    public async Task The_panel_takes_a_subject_and_shows_it_masked()
    {
        await using var panel = await shared.OpenAsync(Role.Admin);

        await panel.PostAsync("/access/new-token", "/access/new-token", ("newName", name), ("provider", "jibit"), ("grant", "ClientCredentials"), ("secret.subject", mobile), ("untested", "true"));
        var page = await panel.ReadAsync($"/access/tokens/{name}?tab=Settings");
        var form = await panel.ReadAsync($"/access/new-token?name={name}");

        foreach (var html in new[] { page, form })
        {
            html.ShouldContain(mobile[^4..]);
            html.ShouldNotContain(mobile);
        }
    }

    private async Task<string> AddAsync(HttpClient http, string subject)
    {
        var added = await http.PostAsJsonAsync("/api/tokens?untested=true", new { name, provider = "jibit", subject });
        var text = await added.Content.ReadAsStringAsync();
        added.StatusCode.ShouldBe(HttpStatusCode.Created, text);
        return text;
    }

    private async Task SendAsync(HttpClient http, HttpMethod method, object body)
    {
        using var request = new HttpRequestMessage(method, $"/api/tokens/{name}?untested=true") { Content = JsonContent.Create(body) };
        var answer = await http.SendAsync(request);
        answer.StatusCode.ShouldBe(HttpStatusCode.OK, await answer.Content.ReadAsStringAsync());
    }

    private static async Task<IEnumerable<string?>> FindAsync(HttpClient http, string subject)
    {
        var found = await http.PostAsJsonAsync("/api/tokens/find", new { subject });
        found.StatusCode.ShouldBe(HttpStatusCode.OK, await found.Content.ReadAsStringAsync());
        return (await found.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("tokens").EnumerateArray().Select(token => token.GetString()).ToList();
    }

    private async Task<HttpClient> ManagerAsync(string patterns)
    {
        var server = await shared.Server;
        var keys = server.Services.GetRequiredService<ClientKeys>();
        var key = await keys.IssueAsync($"manager-{Guid.NewGuid():N}", patterns, "a test", CancellationToken.None, string.Join(',', ClientActs.All));
        await keys.ReloadAsync(CancellationToken.None);
        return new ApiProgram(server, key).Http;
    }

    private async Task<(string? Sealed, string? Hash)> RowAsync()
    {
        var row = await (await shared.Server).TokenAsync(name);
        return (row.Subject, row.SubjectHash);
    }

    private async Task<string> EverythingAsync()
    {
        await using var connection = await (await shared.Server).Services.GetRequiredService<NpgsqlDataSource>().OpenConnectionAsync();
        await using var dump = new NpgsqlCommand("SELECT schema_to_xml('public', true, false, '')::text || schema_to_xml('hangfire', true, false, '')::text", connection);
        return (string)(await dump.ExecuteScalarAsync())!;
    }
}
