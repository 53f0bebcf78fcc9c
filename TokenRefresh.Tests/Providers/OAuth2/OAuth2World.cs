using Shouldly;
using TokenRefresh.Providers;

namespace TokenRefresh.Tests.Providers.OAuth2;

/// <summary>A provider of type OAuth2 that exists by settings alone.</summary>
internal static class OAuth2World
{
    public const string Secret = "s3cret:with/signs +1", NextSecret = "the-next-secret-0002";

    public static readonly HeldToken Held = new("access-1", "refresh-1");

    public static ProviderWorld With(params (string Key, string? Value)[] settings) => new(
    [
        ("Providers:Acme:Type", "OAuth2"),
        ("Providers:Acme:TokenUrl", "https://login.example.com/oauth/token"),
        ("Providers:Acme:ClientId", "my app"),
        ("Providers:Acme:ClientSecret", Secret),
        .. settings.Select(setting => ($"Providers:Acme:{setting.Key}", setting.Value)),
    ]);

    public static ITokenProvider Acme(this ProviderWorld world) => world.Providers.Find("acme")!;

    public static TokenOrder Order(string scopes = "", Grant grant = Grant.ClientCredentials, params (string Key, string Value)[] parameters) =>
        ProviderWorld.Order("crm", scopes, grant, parameters);

    public static Dictionary<string, string> Form(this SentRequest request) =>
        request.Body.Split('&').Select(pair => pair.Split('=')).ToDictionary(pair => Decode(pair[0]), pair => Decode(pair[1]));

    public static void ShouldHaveForm(this SentRequest request, params (string Field, string Value)[] fields) =>
        request.Form().Select(pair => (pair.Key, pair.Value)).ShouldBe(fields, ignoreOrder: true);

    public static (string Id, string Secret) Basic(this SentRequest request)
    {
        var header = request.Headers["Authorization"].Split(' ');
        var pair = System.Text.Encoding.UTF8.GetString(Convert.FromBase64String(header[1])).Split(':');
        return header[0] == "Basic" && pair.Length == 2 ? (Decode(pair[0]), Decode(pair[1])) : throw new FormatException(request.Headers["Authorization"]);
    }

    private static string Decode(string text) => Uri.UnescapeDataString(text.Replace('+', ' '));
}
