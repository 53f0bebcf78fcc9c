using System.Text;
using System.Text.Json.Nodes;
using CsCheck;
using Shouldly;
using TokenRefresh.Providers;
using TokenRefresh.Tests.Providers.OAuth2;

namespace TokenRefresh.Tests.Providers;

/// <summary>Whatever an answer holds, it is issued sanely or failed in plain words, and nothing throws.</summary>
public sealed class AnswerPropertyTests
{
    private const int Samples = 1000;

    private const string Jibit = """{ "accessToken": "access-2", "refreshToken": "refresh-2" }""";

    private const string Finnotech = """
        { "result": { "value": "access-2", "scopes": [ "a:b:get" ], "lifeTime": 864000000, "creationDate": "14030615084530", "refreshToken": "refresh-2" },
          "status": "DONE", "error": { "code": "X", "message": "y" }, "trackId": "t-1" }
        """;

    private const string OAuth2 = """
        { "access_token": "access-2", "token_type": "bearer", "expires_in": 3600, "refresh_token": "refresh-2", "refresh_expires_in": 7200, "scope": "a:b:get" }
        """;

    private static readonly TokenOrder Order = ProviderWorld.Order("fino", "a:b:get");

    private static readonly Gen<int> Statuses = Gen.OneOf(200, 200, 200, 200, 201, 204, 302, 400, 401, 403, 404, 408, 429, 500, 503);

    // Values that readers stumble over: half a surrogate pair, numbers out of every range, dates near the calendar's ends.
    private static readonly Gen<string> Values = Gen.OneOf(
        Gen.String.Select(text => JsonValue.Create(text).ToJsonString()),
        Gen.OneOf("null", "true", "[]", "{}", "\"\"", "\" \"", "\"\\ud800\"", "[ \"\\udc00\", 1, null, \"a,b\" ]", "1e999", "-1e999", "9223372036854775808", "\"NaN\"", "\"1e400\"", "\"-1e400\"", "1725513340000", "\"3600 s\"", "\"P1D\"", "\"9999-12-31T23:59:59-14:00\"", "\"2024-09-05T06:15:40\""),
        Gen.OneOf("\"DONE\"", "\"FAILED\"", "\"invalid token\"", "\"UNAUTHORIZED\"", "\"93781013235959\"", "\"99991231235959\"", "\"00010101000000\""),
        Gen.Double.Select(number => double.IsFinite(number) ? JsonValue.Create(number).ToJsonString() : "0"),
        Gen.Long.Select(number => JsonValue.Create(number).ToJsonString()),
        Gen.Select(Gen.Int[0, 99_999_999], Gen.Int[0, 999_999]).Select(parts => $"\"{parts.Item1:D8}{parts.Item2:D6}\""),
        Gen.Select(Gen.Int[1395, 1410], Gen.Int[1, 13], Gen.Int[1, 32]).Select(parts => $"\"{parts.Item1:D4}{parts.Item2:D2}{parts.Item3:D2}084530\""),
        Gen.Long.Select(exp => $"\"{Jwt.With($$"""{"exp":{{exp}}}""")}\""),
        Gen.Int[-100, 100].Select(days => $"\"{Jwt.Expiring(ProviderWorld.Now.AddDays(days))}\""),
        Gen.String.Select(claims => $"\"{Jwt.With(claims)}\""));

    [Theory]
    [InlineData("jibit", Jibit)]
    [InlineData("finnotech", Finnotech)]
    [InlineData("acme", OAuth2)]
    public Task Bytes_changed_at_random(string provider, string answer)
    {
        var good = Encoding.UTF8.GetBytes(answer);
        var changes = Gen.Select(Gen.Int[0, good.Length - 1], Gen.Int[0, 12], Gen.Byte.Array[0, 12]).Array[1, 4];

        return Gen.Select(Statuses, changes).SampleAsync((status, made) => HoldsAsync(provider, status, made.Aggregate(good, Change)), iter: Samples);
    }

    [Theory]
    [InlineData("jibit", Jibit, new[] { "accessToken", "refreshToken", "code", "errors" })]
    [InlineData("finnotech", Finnotech, new[] { "result", "status", "error", "trackId", "message" })]
    [InlineData("finnotech", Finnotech, new[] { "result.value", "result.refreshToken", "result.lifeTime", "result.creationDate", "result.scopes", "error.code", "error.message" })]
    [InlineData("acme", OAuth2, new[] { "access_token", "token_type", "expires_in", "refresh_token", "scope", "error", "error_description", "error_code", "errors", "refresh_expires_in", "refresh_token_expires_in", "expires_at", "expires_on", "expires", "ext_expires_in" })]
    public Task Values_put_into_the_fields_at_random(string provider, string answer, string[] fields) =>
        Gen.Select(Statuses, Gen.Select(Gen.OneOf(fields), Values).Array[1, 3])
            .SampleAsync((status, changes) => HoldsAsync(provider, status, Encoding.UTF8.GetBytes(Put(answer, changes))), iter: Samples);

    private static byte[] Change(byte[] answer, (int At, int Cut, byte[] Put) change)
    {
        var at = Math.Min(change.At, answer.Length);
        return [.. answer[..at], .. change.Put, .. answer[Math.Min(at + change.Cut, answer.Length)..]];
    }

    // By place holder, because a JSON tree refuses some of the values that a wire can bring.
    private static string Put(string answer, (string Field, string Value)[] changes)
    {
        var root = JsonNode.Parse(answer)!;
        for (var change = 0; change < changes.Length; change++)
        {
            var path = changes[change].Field.Split('.');
            (path.Length == 1 ? root : root[path[0]]!)[path[^1]] = $"@{change}@";
        }

        return changes.Select((change, index) => (change.Value, index))
            .Aggregate(root.ToJsonString(), (text, change) => text.Replace($"\"@{change.index}@\"", change.Value, StringComparison.Ordinal));
    }

    private static async Task HoldsAsync(string provider, int status, byte[] body)
    {
        using var world = OAuth2World.With();
        world.Http.ReplyBytes(status, body);
        world.Http.ReplyBytes(status, body);
        var asked = world.Providers.Find(provider)!;

        ShouldBeSane(await asked.AcquireAsync(Order, default));
        ShouldBeSane(await asked.RenewAsync(Order, new("access-1", "refresh-1"), default));
    }

    private static void ShouldBeSane(ProviderResult result)
    {
        if (result is ProviderResult.Issued { Token: var token })
        {
            token.AccessToken.ShouldNotBeNullOrWhiteSpace();
            token.RefreshToken?.Trim().ShouldNotBeEmpty();
            (token.ExpiresAt > ProviderWorld.Now && token.ExpiresAt <= ProviderWorld.Now.AddDays(366)).ShouldBeTrue($"{token}");
        }
        else
        {
            var reason = ((ProviderResult.Failed)result).Failure.Reason;
            reason.ShouldNotBeNullOrWhiteSpace();
            reason.Any(sign => sign is < ' ' or > '~').ShouldBeFalse(reason);
        }
    }
}
