namespace TokenRefresh.Server.Hosting;

/// <summary>The addresses that are for programs, which come with a key; all others are for people.</summary>
internal static class ProgramAddresses
{
    public static bool Contain(PathString path) =>
        path.StartsWithSegments("/api", StringComparison.OrdinalIgnoreCase) || path.StartsWithSegments("/openapi", StringComparison.OrdinalIgnoreCase);
}
