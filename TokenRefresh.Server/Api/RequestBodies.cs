using Microsoft.AspNetCore.Http.Features;
using Microsoft.Net.Http.Headers;

namespace TokenRefresh.Server.Api;

/// <summary>What a body sent to the API may be: small, and JSON in UTF-8.</summary>
internal static class RequestBodies
{
    /// <summary>The most bytes of one.</summary>
    public const long Largest = 16 * 1024;

    /// <summary>Holds for those who come without a key, too.</summary>
    public static void UseSizeLimit(this IApplicationBuilder api) => api.Use((context, next) =>
    {
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } body)
        {
            body.MaxRequestBodySize = Largest;
        }

        return next(context);
    });

    public static void UseUtf8(this IApplicationBuilder api) => api.Use((context, next) =>
    {
        // JSON is UTF-8 (RFC 8259); the framework would report an unknown charset as an error of this program.
        // So it does with the quotes around one, which the standard allows.
        if (context.Request.GetTypedHeaders().ContentType is { Charset: { HasValue: true } charset } type)
        {
            if (!HeaderUtilities.RemoveQuotes(charset).Equals("utf-8", StringComparison.OrdinalIgnoreCase))
            {
                return Problem.NotJson.ExecuteAsync(context);
            }

            context.Request.ContentType = type.MediaType.Value;
        }

        return next(context);
    });
}
