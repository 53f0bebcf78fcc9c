using System.Collections.Concurrent;
using System.Security.Cryptography;
using Microsoft.AspNetCore.StaticFiles;

namespace TokenRefresh.Server.Pages;

/// <summary>The addresses of the panel's files, with a mark of their content, so that a browser never pairs an old sheet with a new page.</summary>
/// <remarks>The framework's own way watches the files for changes that cannot come, with a watcher of the system for each host.</remarks>
internal sealed class Assets(IWebHostEnvironment environment)
{
    private readonly ConcurrentDictionary<string, string> addresses = new();

    /// <summary>The address of a file below <c>wwwroot</c>.</summary>
    public string this[string name] => addresses.GetOrAdd(name, Mark);

    /// <summary>Anybody may keep them: for good under the address with the mark, else only to ask whether they are still the same.</summary>
    public static void SetCaching(StaticFileResponseContext file)
    {
        var (context, assets) = (file.Context, file.Context.RequestServices.GetRequiredService<Assets>());
        context.Response.Headers.CacheControl = $"{context.Request.Path}{context.Request.QueryString}" == assets[file.File.Name] ? "public, max-age=31536000, immutable" : "public, no-cache";
    }

    private string Mark(string name)
    {
        using var file = environment.WebRootFileProvider.GetFileInfo(name).CreateReadStream();
        return $"/{name}?v={Convert.ToHexStringLower(SHA256.HashData(file))[..12]}";
    }
}
