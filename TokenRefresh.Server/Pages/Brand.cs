using Microsoft.AspNetCore.Html;

namespace TokenRefresh.Server.Pages;

/// <summary>The sign that stands before the name at the top of every page.</summary>
internal static class Brand
{
    public static readonly HtmlString Mark = new(
        """
        <svg aria-hidden="true" viewBox="0 0 16 16" width="20" height="20"><path d="M13.5 8a5.5 5.5 0 1 1-1.6-3.9M13.5 1.5v3h-3" fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round"/></svg>
        """);
}
