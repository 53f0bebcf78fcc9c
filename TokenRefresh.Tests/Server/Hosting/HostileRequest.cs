using System.Text;

namespace TokenRefresh.Tests.Server.Hosting;

/// <summary>Requests that nobody sends in good faith, drawn from a seed: what is sensible in one place stands beside what is not in another.</summary>
internal sealed class HostileRequest(int seed)
{
    public const string Nul = "%00";

    private static readonly string[] Verbs = ["GET", "GET", "POST", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"];

    // As they stand in an address: percent-encoded, some of them wrongly.
    private static readonly string[] Texts =
    [
        "jibit", "jibit", "JIBIT", "nobody", "1", "0", "-1", "2147483648", "9223372036854775807", "-9223372036854775809", "1e400", "NaN", "Infinity", "1.5", "true", "maybe", "",
        "%20", "*", "%27%20OR%201=1--", "%22%3E%3Cscript%3Ealert(1)%3C/script%3E", "%0D%0ASet-Cookie:%20a=b", Nul, "jibit%00", "%E2%80%AE%D8%AA%D9%88%DA%A9%D9%86", "%F0%9F%94%91",
        "%ED%A0%80", "%FF%FE", "%C0%AF", "%2e%2e%2f%2e%2e%2fetc%2fpasswd", "..%5C..%5C", "%25", "%", "%zz", "{0}", "$%7Bjndi:x%7D", "2026-03-01", "99999-01-01", "0001-01-01T00:00", "2026-03-01T00:00:00%2B99:00",
        "failed", "success", "automatic", "expires_at", "desc", "/access/tokens", "//example.com", "https://example.com", new('a', 65), new('9', 400), string.Concat(Enumerable.Repeat("%F0%9F%94%91", 200)), new('x', 10_000),
    ];

    private static readonly string[] Fields =
    [
        "name", "names", "reason", "hours", "id", "what", "until", "signature", "access", "refresh", "expires", "anyway", "why", "tokens", "provider", "mode", "failNext", "lifetime", "token", "force",
        "back", "role", "password", "to", "min_validity", "limit", "cursor", "status", "trigger", "code", "from", "page", "search", "state", "sort", "period", "returnUrl", "scope", "version", "format",
    ];

    private static readonly string[] Bodies =
    [
        "", " ", "null", "true", "0", "[]", "{}", "not JSON", "{", "\"", "{\"token\":\"jibit\"}", "{\"token\":\"jibit\",\"force\":true}", "{\"token\":null,\"provider\":null,\"force\":null}", "{\"token\":5}", "{\"token\":{}}", "{\"force\":\"yes\"}",
        "{\"provider\":\"nobody\"}", "{\"token\":\"\\u0000\"}", "{\"provider\":\"\\u0000\"}", "{\"token\":\"\\ud800\"}", "{\"token\":\"jibit\",\"token\":\"nobody\"}", "{\"unknown\":1}", "{\"version\":1}", "{\"version\":-1}", "{\"version\":1.5}",
        "{\"version\":\"1\"}", "{\"version\":9223372036854775808}", "{\"version\":1e400}", "{\"version\":null}", "{\"mode\":\"normal\"}", "{\"mode\":7}", "{\"mode\":\"slow\",\"lifetime_seconds\":-1}", "{\"fail_next\":99999999999}", "{\"lifetime_seconds\":1e308}",
        new('[', 100_000), "{\"token\":\"" + new string('x', 100_000) + "\"}", string.Concat(Enumerable.Repeat("a=b&", 2000)), "<?xml version=\"1.0\"?><!DOCTYPE a [<!ENTITY b SYSTEM \"file:///etc/passwd\">]><a>&b;</a>", "\ufeff{}",
        "--x\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\njibit\r\n--x--",
    ];

    private static readonly string[] Types =
    [
        "application/json", "application/json", "application/json", "application/json; charset=utf-16", "application/json; charset=nonsense", "text/plain", "application/xml", "application/x-www-form-urlencoded",
        "application/x-www-form-urlencoded; charset=utf-7", "multipart/form-data", "multipart/form-data; boundary=x", "nonsense", "",
    ];

    private static readonly (string Name, string[] Values)[] Headers =
    [
        ("Idempotency-Key", ["", "a", new string('k', 500), "'; --"]),
        ("If-None-Match", ["*", "\"", "W/\"x\", \"y", new string('"', 200)]),
        ("Accept", ["*/*", "text/html", "application/xml;q=nonsense", "////"]),
        ("X-Forwarded-For", ["8.8.8.8", "nonsense", "1.1.1.1, 2.2.2.2, 3.3.3.3"]),
        ("X-Forwarded-Proto", ["https", "javascript", ""]),
        ("Cookie", ["tokenrefresh=nonsense", "tokenrefresh=; a", "=;;=="]),
        ("traceparent", ["00-nonsense", "00-00000000000000000000000000000000-0000000000000000-00"]),
        ("Range", ["bytes=5-1", "bytes=0-0,1-1,2-2"]),
        ("Accept-Language", ["fa-IR", new string('a', 300)]),
        ("HX-Request", ["true"]),
        ("Origin", ["https://evil.example", "null"]),
        ("Last-Event-ID", ["-1"]),
    ];

    private readonly Random random = new(seed);

    /// <summary>An address of that pattern, its parameters and query filled in.</summary>
    public string Address(string pattern, IReadOnlyList<string> handlers)
    {
        var address = new StringBuilder("/");
        foreach (var (part, at) in pattern.Trim('/').Split('/').Select((part, at) => (part, at)))
        {
            address.Append(at > 0 ? "/" : "").Append(part.Contains('{', StringComparison.Ordinal) ? Text() : part);
        }

        var query = Enumerable.Range(0, random.Next(4)).Select(_ => $"{Field()}={Text()}").ToList();
        if (handlers.Count > 0 && random.Next(3) > 0)
        {
            query.Add($"handler={Pick(handlers)}");
        }

        return query.Count == 0 ? address.ToString() : $"{address}?{string.Join('&', query.Concat(random.Next(4) == 0 ? query : []))}";
    }

    public HttpRequestMessage Message(string address, IReadOnlyList<string> verbs, IReadOnlyList<(string Name, string Value)> formFields)
    {
        var verb = verbs.Count > 0 && random.Next(4) > 0 ? Pick(verbs) : Pick(Verbs);
        var message = new HttpRequestMessage(new(verb), new Uri(address, new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true }));
        for (var header = random.Next(3); header > 0; header--)
        {
            var (name, values) = Pick(Headers);
            message.Headers.TryAddWithoutValidation(name, Pick(values));
        }

        if (verb is not ("GET" or "HEAD" or "OPTIONS"))
        {
            message.Content = formFields.Count > 0 && random.Next(5) > 0 ? Form(formFields) : Body();
        }

        return message;
    }

    private ByteArrayContent Form(IEnumerable<(string Name, string Value)> known)
    {
        var pairs = known.Select(field => $"{field.Name}={Uri.EscapeDataString(field.Value)}").Concat(Enumerable.Range(0, random.Next(1, 12)).Select(_ => $"{Field()}={Text()}"));
        return Content(Encoding.ASCII.GetBytes(string.Join('&', pairs)), "application/x-www-form-urlencoded");
    }

    private ByteArrayContent Body() => random.Next(12) == 0
        ? Content([0xff, 0xfe, 0x00, 0xc0, 0xaf], Pick(Types))
        : Content(Encoding.UTF8.GetBytes(Pick(Bodies)), Pick(Types));

    private static ByteArrayContent Content(byte[] bytes, string type)
    {
        var content = new ByteArrayContent(bytes);
        content.Headers.TryAddWithoutValidation("Content-Type", type);
        return content;
    }

    private string Text() => Pick(Texts);

    private string Field() => random.Next(20) == 0 ? Text() : Pick(Fields);

    private T Pick<T>(IReadOnlyList<T> from) => from[random.Next(from.Count)];
}
