using System.Diagnostics;
using System.Text.Json.Nodes;

namespace TokenRefresh.Server.Sandbox;

/// <summary>Answers that no client can use, as gateways, bugs and half-closed connections make them.</summary>
internal static class MalformedAnswer
{
    private const int HugeLength = 16 * 1024 * 1024;

    private const string Page = "<!DOCTYPE html><html><head><title>Gateway</title></head><body><h1>Please wait</h1></body></html>";

    public static IResult Of(ISandboxProvider provider, MalformedShape shape)
    {
        var whole = provider.TokenAnswer(SandboxTokenText.Opaque(200)).ToJsonString();
        return shape switch
        {
            MalformedShape.Html => Results.Text(Page, "text/html"),
            MalformedShape.Empty => Json(""),
            MalformedShape.Half => Json(whole[..(whole.Length / 2)]),
            MalformedShape.Null => Json("null"),
            MalformedShape.Array => Json("[]"),
            MalformedShape.Missing => Json(provider.TokenAnswer(accessToken: null)),
            MalformedShape.Blank => Json(provider.TokenAnswer(" ")),
            MalformedShape.Huge => Json(provider.TokenAnswer(new string('x', HugeLength))),
            MalformedShape.Redirect => Results.Redirect($"/sandbox/{provider.Name}/moved"),
            MalformedShape.Failed => Json(provider.FailedAnswer()),
            _ => throw new UnreachableException(),
        };
    }

    private static IResult Json(JsonObject answer) => Json(answer.ToJsonString(SandboxJson.Options));

    private static IResult Json(string text) => Results.Text(text, SandboxJson.ContentType);
}
