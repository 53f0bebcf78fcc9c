using System.Buffers.Text;
using System.Text;

namespace TokenRefresh.Tests.Providers;

internal static class Jwt
{
    /// <summary>An unsigned token with these claims.</summary>
    public static string With(string claims) => $"eyJhbGciOiJub25lIn0.{Base64Url.EncodeToString(Encoding.UTF8.GetBytes(claims))}.sig";

    public static string Expiring(DateTimeOffset at) => With($$"""{"exp":{{at.ToUnixTimeSeconds()}}}""");
}
