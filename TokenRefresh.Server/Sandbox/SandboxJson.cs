using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Unicode;

namespace TokenRefresh.Server.Sandbox;

/// <summary>How the stand-ins write JSON: snake case where a name is ours, and Persian as Persian, unescaped.</summary>
internal static class SandboxJson
{
    public const string ContentType = "application/json";

    public static JsonSerializerOptions Options { get; } = new(JsonSerializerDefaults.Web)
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Encoder = JavaScriptEncoder.Create(UnicodeRanges.All),
    };
}
