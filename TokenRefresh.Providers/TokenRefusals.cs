using System.Text.Json;
using TokenRefresh.Providers.Finnotech;
using TokenRefresh.Providers.Jibit;

namespace TokenRefresh.Providers;

/// <summary>The ways in which providers' APIs say that the token of a call is wrong, other than 401: each provider's folder has its own, and a new one is added here.</summary>
internal static class TokenRefusals
{
    private static readonly Func<JsonElement, bool>[] Known = [JibitErrors.IsTokenRefusal, FinnotechAnswers.IsTokenRefusal];

    /// <summary>True where an answer is one of them.</summary>
    public static bool AreIn(JsonElement answer) => Array.Exists(Known, isRefusal => isRefusal(answer));
}
