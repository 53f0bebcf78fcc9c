using System.Text;
using System.Text.Json;

namespace TokenRefresh.Providers.OAuth2;

/// <summary>What a refusal says, from whatever shape it came in: RFC 6749's, an object in its place, other names, or form-encoded.</summary>
/// <param name="Codes">Its codes; the first is the one to show.</param>
/// <param name="Texts">Its texts for people, to be judged by where the codes say little. Never shown.</param>
internal sealed record OAuth2Refusal(IReadOnlyList<string> Codes, IReadOnlyList<string> Texts)
{
    private const int Deepest = 4, MostTexts = 20, LongestText = 1000, LongestPlain = 300;

    // In the order in which they count; names without separators and in lower case.
    private static readonly string[] CodeNames = ["error", "errorcode", "errcode", "code", "suberror", "errortype", "errorname", "status", "type"];
    private static readonly string[] Sentences = ["errordescription", "errormessage", "errmsg", "message", "msg", "description", "detail", "details", "title", "hint", "reason", "cause", "faultstring"];
    private static readonly string[] Wrappers = ["error", "errors", "fault", "faults", "detail", "details"];

    /// <summary>The members that tell of an error even beside a good token.</summary>
    private static readonly string[] Telling = ["error", "errorcode", "errcode"];

    /// <summary>Texts by which careless servers say that there is no error.</summary>
    private static readonly string[] Nothing = ["", "0", "null", "none", "false", "ok", "success", "no error"];

    /// <summary>What the answer says.</summary>
    public static OAuth2Refusal Read(byte[] body) => ProviderJson.ObjectOrNull(body) is { } answer ? Read(answer) : OfPlain(body);

    // A line of text may be a server's code or sentence; what leaves open whose it is, such as a firewall's "Access denied", is no code.
    private static OAuth2Refusal OfPlain(byte[] body)
    {
        if (body.Length > LongestPlain || body.Contains((byte)'<') || body.Contains((byte)'{') || body.AsSpan().Trim(" \t\r\n"u8).IsEmpty)
        {
            return new([], []);
        }

        var text = Encoding.UTF8.GetString(body).Trim();
        return RefusalWords.IsVague(text) ? new([], [text]) : new([text], []);
    }

    private static OAuth2Refusal Read(JsonElement answer)
    {
        var codes = new List<(int Rank, string Text)>();
        var texts = new List<string>();
        Collect(answer, codes, texts, 0);
        return new([.. codes.OrderBy(code => code.Rank).Select(code => code.Text).Take(MostTexts)], [.. texts.Take(MostTexts)]);
    }

    /// <summary>True where the answer tells of an error. Empty ones are told beside good tokens, too.</summary>
    public static bool IsIn(JsonElement answer) =>
        answer.EnumerateObject().Any(member => Telling.Contains(ProviderJson.NameOf(member)) && !IsNothing(member.Value));

    /// <summary>True where a member that tells of errors is there, and empty.</summary>
    public static bool IsDenied(JsonElement answer) => answer.EnumerateObject().Any(member => Telling.Contains(ProviderJson.NameOf(member))) && !IsIn(answer);

    private static void Collect(JsonElement answer, List<(int Rank, string Text)> codes, List<string> texts, int depth)
    {
        foreach (var member in answer.EnumerateObject())
        {
            var name = ProviderJson.NameOf(member);
            if (Array.IndexOf(CodeNames, name) is >= 0 and var rank && (depth > 0 || name is not ("status" or "type")) && TextOf(member.Value) is { } code)
            {
                // A number says less than any word.
                codes.Add(((member.Value.ValueKind == JsonValueKind.Number ? 100 : 0) + rank, code));
            }
            else if (Sentences.Contains(name) && TextOf(member.Value) is { } sentence)
            {
                texts.Add(sentence);
            }
            else if (Wrappers.Contains(name) && depth < Deepest)
            {
                foreach (var inner in member.Value.ValueKind == JsonValueKind.Array ? [.. member.Value.EnumerateArray().Take(3)] : new[] { member.Value })
                {
                    if (inner.ValueKind == JsonValueKind.Object)
                    {
                        Collect(inner, codes, texts, depth + 1);
                    }
                    else if (TextOf(inner) is { } text)
                    {
                        texts.Add(text);
                    }
                }
            }
        }
    }

    private static string? TextOf(JsonElement value) =>
        value.ValueKind is JsonValueKind.Object or JsonValueKind.Array || IsNothing(value) ? null
        : value.ValueKind == JsonValueKind.Number ? value.GetRawText()
        : ProviderJson.TextOrNull(value) is { } text ? text[..Math.Min(text.Length, LongestText)] : null;

    private static bool IsNothing(JsonElement value, int depth = 0) => value.ValueKind switch
    {
        JsonValueKind.Null or JsonValueKind.False or JsonValueKind.Undefined => true,
        JsonValueKind.String => ProviderJson.TextOrNull(value) is { } text && Nothing.Contains(RefusalWords.InOneSpelling(text)),
        JsonValueKind.Number => value.TryGetDouble(out var number) && number == 0,
        JsonValueKind.Array => depth < Deepest && value.EnumerateArray().All(item => IsNothing(item, depth + 1)),
        JsonValueKind.Object => depth < Deepest && (value.EnumerateObject().Where(member => CodeNames.Contains(ProviderJson.NameOf(member))).ToList() is { Count: > 0 } codes
            ? codes.All(code => IsNothing(code.Value, depth + 1))
            : value.EnumerateObject().All(member => IsNothing(member.Value, depth + 1))),
        _ => false,
    };
}
