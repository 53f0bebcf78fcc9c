using System.Text;
using Shouldly;
using TokenRefresh.Jobs.Catalog;
using TokenRefresh.Providers;
using TokenRefresh.Server.Cli;
using TokenRefresh.Server.Cli.Apply;

namespace TokenRefresh.Tests.Server.Cli.Apply;

/// <summary>The file of <c>apply</c>: what it may hold, and how it is told that it is wrong.</summary>
public sealed class CatalogFileReaderTests
{
    private const string Whole =
        """
        providers:
          acme:
            type: OAuth2
            TokenUrl: https://login.acme.example/token
            ClientId: ours
            ClientSecret: ${ACME_SECRET}
            Enabled: true
            Timeout: "00:00:20"
        tokens:
          acme-orders:
            provider: acme
            scopes: [orders.read, orders.write]
            parameters: { tenant: 7 }
            labels:
              team: billing
              note: costs $5 and $${X}
          acme-plain: { provider: acme, scopes: "a, b", grant: imported }
        """;

    [Fact]
    public void A_file_names_providers_with_settings_and_tokens_with_what_is_asked_for()
    {
        var file = Read(Whole);

        var provider = file.Providers.ShouldHaveSingleItem();
        (provider.Name, provider.Type).ShouldBe(("acme", "OAuth2"));
        provider.Settings["clientsecret"].ShouldBe("of the environment");
        provider.Settings["Enabled"].ShouldBe("true");
        provider.Settings["Timeout"].ShouldBe("00:00:20");
        var (orders, plain) = (file.Tokens[0], file.Tokens[1]);
        orders.Scopes.ShouldBe(["orders.read", "orders.write"]);
        orders.Parameters["tenant"].ShouldBe("7");
        orders.Labels["note"].ShouldBe("costs $5 and ${X}");
        (plain.Grant, string.Join('|', plain.Scopes)).ShouldBe((Grant.Imported, "a|b"));
    }

    [Fact]
    public void JSON_is_read_as_YAML_is()
    {
        var file = Read("""{"providers":{"acme":{"type":"OAuth2","ClientSecret":"${ACME_SECRET}","Audience":null}},"tokens":{"a":{"provider":"acme","scopes":["x"]}}}""");

        file.Providers[0].Settings["ClientSecret"].ShouldBe("of the environment");
        file.Providers[0].Settings["Audience"].ShouldBeNull();
        file.Tokens[0].Scopes.ShouldBe(["x"]);
    }

    [Theory]
    [InlineData("nonsense: {}", "nonsense is no field")]
    [InlineData("tokens: { a: { provider: p, planted-secret: x } }", "a token has provider, scopes")]
    [InlineData("tokens: { a: { provider: p, scopes: { b: c } } }", "tokens.a.scopes must be text")]
    [InlineData("tokens: { a: { provider: [p] } }", "tokens.a.provider must be text")]
    [InlineData("tokens: { a: { provider: p, grant: planted } }", "must be one of ClientCredentials")]
    [InlineData("tokens: { a: { provider: p, labels: planted } }", "tokens.a.labels needs names with values")]
    [InlineData("tokens: { a: planted }", "tokens.a needs its provider")]
    [InlineData("tokens: [planted]", "tokens needs names with values")]
    [InlineData("planted", "the file needs names with values")]
    [InlineData("providers: { a: { type: OAuth2, ClientSecret: { planted: x } } }", "providers.a.ClientSecret must be text")]
    [InlineData("providers: { a: { type: OAuth2, ClientSecret: \"${NOT_THERE}\" } }", "needs the environment variable NOT_THERE, which is not set")]
    [InlineData("providers: { a: { type: OAuth2, ClientSecret: \"${planted value}\" } }", "needs the name of an environment variable")]
    [InlineData("providers: { a: { type: OAuth2, ClientSecret: \"${planted\" } }", "needs the name of an environment variable")]
    public void What_is_wrong_is_told_with_its_line_and_place_and_repeats_no_value(string text, string words)
    {
        var reader = new CatalogFileReader(Variable);

        reader.Read(text);

        var told = reader.Wrong.ShouldHaveSingleItem();
        told.ShouldStartWith("line 1: ");
        told.ShouldContain(words);
        told.Replace("planted-secret", "", StringComparison.Ordinal).ShouldNotContain("planted");
    }

    [Theory]
    [InlineData("tokens:\n  a: { provider: p }\n  A: { provider: p }", "line 3: 'A' stands here and in line 2 already")]
    [InlineData("providers: { a: { ClientId: x, clientid: planted } }", "'clientid' stands here")]
    [InlineData("a: &planted [x]\nb: [*planted, *planted]", "line 1: anchors")]
    [InlineData("a: *planted", "line 1: aliases")]
    [InlineData("a: !!binary planted", "line 1: anchors (&name) and tags (!name)")]
    [InlineData("tokens: {}\n---\ntokens: {}", "a second document begins")]
    [InlineData("tokens: { a: [planted", "this is neither YAML nor JSON")]
    [InlineData("a: \"planted", "this is neither YAML nor JSON")]
    [InlineData("a: b: planted", "this is neither YAML nor JSON")]
    [InlineData("[a]: b", "a name must be text")]
    [InlineData("[[[[[[[[[[[[planted]]]]]]]]]]]]", "nested too deep")]
    [InlineData("", "the file is empty")]
    [InlineData("# nothing\n", "the file is empty")]
    [InlineData("{}", "the file is empty")]
    public void What_cannot_be_read_is_refused_at_once_and_repeats_no_value(string text, string words)
    {
        var told = Should.Throw<UsageException>(() => Read(text)).Message;

        told.ShouldContain(words);
        told.ShouldNotContain("planted");
    }

    [Fact]
    public void A_bomb_of_brackets_is_refused_soon() =>
        Should.Throw<UsageException>(() => Read(new string('[', 1_000_000))).Message.ShouldContain("nested too deep");

    [Fact]
    public async Task A_file_that_is_too_large_or_no_text_is_refused()
    {
        using var large = new MemoryStream(new byte[(CatalogFileReader.LargestMegabytes * 1024 * 1024) + 1]);
        using var binary = new MemoryStream([0xc3, 0x28, 0xff]);

        (await Should.ThrowAsync<UsageException>(() => CatalogFileReader.TextAsync(large, CancellationToken.None))).Message.ShouldContain("larger than 32 MB");
        (await Should.ThrowAsync<UsageException>(() => CatalogFileReader.TextAsync(binary, CancellationToken.None))).Message.ShouldContain("UTF-8");
    }

    [Fact]
    public async Task What_a_shell_of_Windows_pipes_is_read()
    {
        using var utf16 = new MemoryStream([.. Encoding.Unicode.GetPreamble(), .. Encoding.Unicode.GetBytes("tokens: {}")]);

        (await CatalogFileReader.TextAsync(utf16, CancellationToken.None)).ShouldBe("tokens: {}");
    }

    private static CatalogFile Read(string text)
    {
        var reader = new CatalogFileReader(Variable);
        var file = reader.Read(text);
        reader.Wrong.ShouldBeEmpty();
        return file;
    }

    private static string? Variable(string name) => name == "ACME_SECRET" ? "of the environment" : null;
}
