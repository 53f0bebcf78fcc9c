using System.Globalization;
using Microsoft.AspNetCore.Html;
using TokenRefresh.Jobs;
using TokenRefresh.Jobs.Health;
using TokenRefresh.Jobs.Tokens;

namespace TokenRefresh.Server.Pages;

/// <summary>A token's life as a bar, drawn as SVG: how much is gone, and where its renewal falls due.</summary>
internal static class LifetimeBar
{
    public static IHtmlContent Draw(TokenView token, PanelText text)
    {
        if (token.Stored is not { IssuedAt: { } issued, ExpiresAt: { } expires } || expires <= issued)
        {
            return HtmlString.Empty;
        }

        var gone = Share(token.AsOf);
        var due = (token.Stored.LastFailure is null ? token.Stored.RefreshDueAt : token.NextRefreshAt) is { } at ? Share(at) : (double?)null;
        var label = PageEncoder.Html.Encode(text.Plain(due is { } point ? $"{gone:0} % of the lifetime has passed; renewal at {point:0} %" : (Phrase)$"{gone:0} % of the lifetime has passed"));
        return new HtmlString(string.Create(
            CultureInfo.InvariantCulture,
            $"""<svg class="life" viewBox="0 0 100 6" preserveAspectRatio="none" role="img"><title>{label}</title><rect class="track" width="100" height="6"/><rect class="gone" width="{gone:0.#}" height="6"/>{(due is { } mark ? string.Create(CultureInfo.InvariantCulture, $"""<rect class="due" x="{Math.Min(99, mark):0.#}" width="1" height="6"/>""") : "")}</svg>"""));

        double Share(DateTimeOffset instant) => Math.Clamp((instant - issued) / (expires - issued) * 100, 0, 100);
    }

    /// <summary>How a token stands, as the stylesheet names it: one that is paused is ill once it has expired.</summary>
    public static string Kind(TokenView token) => token is { State: TokenState.Paused, IsWell: false } ? "is-ill" : Kind(token.State);

    /// <summary>How bad a state is, as the stylesheet names it.</summary>
    public static string Kind(TokenState state) => state switch
    {
        TokenState.Healthy => "is-well",
        TokenState.NotConfigured or TokenState.Paused or TokenState.Pending => "is-aside",
        TokenState.Degraded or TokenState.ActionRequired => "is-warning",
        _ => "is-ill",
    };
}
