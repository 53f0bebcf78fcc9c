using System.Text.Json.Nodes;

namespace TokenRefresh.Server.Sandbox;

/// <summary>What differs between the providers when something goes wrong.</summary>
internal interface ISandboxProvider
{
    /// <summary>As in the address: <c>/sandbox/{name}/…</c>.</summary>
    string Name { get; }

    /// <summary>The provider's own words for a 500, 503, 429 or refused credentials.</summary>
    IResult Refuse(HttpContext context, SandboxCall call, SandboxMode mode);

    /// <summary>A token answer of the documented form around tokens that were never issued.</summary>
    /// <param name="accessToken">Null for an answer that lacks it.</param>
    JsonObject TokenAnswer(string? accessToken);

    /// <summary>A refusal that hides behind status 200.</summary>
    JsonObject FailedAnswer();
}
