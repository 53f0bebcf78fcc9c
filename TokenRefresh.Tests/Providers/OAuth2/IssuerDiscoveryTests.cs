using Shouldly;
using TokenRefresh.Providers;
using TokenRefresh.Providers.OAuth2;

namespace TokenRefresh.Tests.Providers.OAuth2;

public sealed class IssuerDiscoveryTests : IDisposable
{
    private const string Issuer = "https://login.example/realms/ours", Token = "https://login.example/token";

    private readonly StubHttp http = new();
    private readonly IssuerDiscovery discovery;

    public IssuerDiscoveryTests() => discovery = new(new HttpOptions { AllowedAddresses = "10.1.0.0/16" }, TimeProvider.System, http);

    public void Dispose() => discovery.Dispose();

    [Fact]
    public async Task The_document_of_rfc_8414_comes_first_and_its_path_stands_between_host_and_path()
    {
        http.Reply(200, Document());

        (await FoundAsync()).ShouldBe(new Dictionary<string, string> { ["TokenUrl"] = Token });
        http.Sent.ShouldHaveSingleItem().Address.ShouldBe(new Uri("https://login.example/.well-known/oauth-authorization-server/realms/ours"));
    }

    [Fact]
    public async Task Where_there_is_none_that_of_openid_connect_is_asked_for()
    {
        http.Reply(404, "nothing");
        http.Reply(200, Document());

        (await FoundAsync())["TokenUrl"].ShouldBe(Token);
        http.Sent[1].Address.ShouldBe(new Uri("https://login.example/realms/ours/.well-known/openid-configuration"));
    }

    [Theory]
    [InlineData("""["client_secret_post"]""", "Body")]
    [InlineData("""["none"]""", "None")]
    [InlineData("""["client_secret_post","client_secret_basic"]""", null)]
    [InlineData("[]", null)]
    public async Task The_way_to_authenticate_is_filled_where_the_usual_one_is_not_taken(string methods, string? filled)
    {
        http.Reply(200, Document(methods: methods));

        (await FoundAsync()).GetValueOrDefault("ClientAuthentication").ShouldBe(filled);
    }

    [Theory]
    [InlineData(404, "nothing", "HTTP 404")]
    [InlineData(302, "", "a redirect, which is not followed")]
    [InlineData(200, "<html>", "the answer is HTML or XML")]
    [InlineData(200, """{"token_endpoint":"https://login.example/token"}""", "the document names no issuer")]
    [InlineData(200, """{"issuer":"https://login.example/realms/ours/","token_endpoint":"https://login.example/token"}""", "of another issuer, https://login.example/realms/ours/")]
    [InlineData(200, """{"issuer":"https://login.example/realms/ours"}""", "has no token_endpoint")]
    [InlineData(200, """{"issuer":"https://login.example/realms/ours","token_endpoint":"http://login.example/token"}""", "token_endpoint is no https address")]
    [InlineData(200, """{"issuer":"https://login.example/realms/ours","token_endpoint":"https://login.example/token","token_endpoint_auth_methods_supported":["private_key_jwt"]}""", "by private_key_jwt only, which is not supported")]
    public async Task What_cannot_be_used_is_refused_in_a_sentence(int status, string body, string words)
    {
        http.Reply(status, body);
        http.Reply(status, body);

        var reason = (await discovery.AskAsync(Issuer, CancellationToken.None)).ShouldBeOfType<DiscoveryResult.Failed>().Reason;

        reason.ShouldContain(words);
        reason.ShouldEndWith("Correct Issuer, or set TokenUrl by hand.");
    }

    [Fact]
    public async Task A_document_that_is_too_large_is_not_read()
    {
        http.Reply(200, new string(' ', 2 * 1024 * 1024));
        http.Reply(200, new string(' ', 2 * 1024 * 1024));

        (await discovery.AskAsync(Issuer, CancellationToken.None)).ShouldBeOfType<DiscoveryResult.Failed>().Reason.ShouldContain("larger than 1 MB");
    }

    [Theory]
    [InlineData("http://login.example")]
    [InlineData("http://10.2.0.1")]
    [InlineData("ftp://login.example")]
    [InlineData("https://login.example/?a=b")]
    [InlineData("login.example")]
    [InlineData("")]
    public async Task An_issuer_that_is_not_secure_is_not_asked(string issuer)
    {
        (await discovery.AskAsync(issuer, CancellationToken.None)).ShouldBeOfType<DiscoveryResult.Failed>().Reason.ShouldStartWith("Issuer must be an https address");

        http.Sent.ShouldBeEmpty();
    }

    [Theory]
    [InlineData("http://localhost:8080")]
    [InlineData("http://127.0.0.1:8080")]
    [InlineData("http://10.1.2.3")]
    public async Task Plain_http_is_for_loopback_and_what_a_setting_allows(string issuer)
    {
        http.Reply(200, $$"""{"issuer":"{{issuer}}","token_endpoint":"{{issuer}}/token"}""");

        (await discovery.AskAsync(issuer, CancellationToken.None)).ShouldBeOfType<DiscoveryResult.Found>();
    }

    [Fact]
    public void A_provider_of_the_settings_with_an_issuer_and_no_address_is_refused_at_the_start_with_what_to_set()
    {
        using var world = OAuth2World.With(("Issuer", Issuer), ("TokenUrl", ""));

        var wrong = Should.Throw<Microsoft.Extensions.Options.OptionsValidationException>(world.Validate);

        wrong.Message.ShouldContain("Providers__Acme__TokenUrl is missing");
        wrong.Message.ShouldContain($"{Issuer}/.well-known/openid-configuration");
    }

    private async Task<IReadOnlyDictionary<string, string>> FoundAsync() => (await discovery.AskAsync(Issuer, CancellationToken.None)).ShouldBeOfType<DiscoveryResult.Found>().Settings;

    private static string Document(string methods = """["client_secret_basic"]""") =>
        $$"""{"issuer":"{{Issuer}}","token_endpoint":"{{Token}}","token_endpoint_auth_methods_supported":{{methods}}}""";
}
