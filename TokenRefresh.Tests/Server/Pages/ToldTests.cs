using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc.RazorPages;
using Microsoft.AspNetCore.Mvc.ViewFeatures;
using Shouldly;
using TokenRefresh.Server.Pages;

namespace TokenRefresh.Tests.Server.Pages;

/// <summary>What an action tells on the page after it travels in a cookie.</summary>
public sealed class ToldTests
{
    [Theory]
    [InlineData(100, "Refreshed; expires 2026-03-02 12:00:00Z.")]
    [InlineData(100, "credential_rejected: HTTP 401 «گذرواژه نادرست است»")]
    [InlineData(3, "“quotes” and \"quotes\"")]
    public void It_fits_into_what_browsers_and_proxies_take_however_much_there_is_to_tell(int tokens, string text)
    {
        var page = new AnyPage();

        var told = page.Tell(new(true, $"{tokens} tokens.") { Each = [.. Enumerable.Range(0, tokens).Select(number => new SaidOf($"token-{number}", number % 2 == 0, text))] });

        page.Packed.ShouldBeLessThanOrEqualTo(1700);
        told.Each.ShouldNotBeEmpty();
        told.Each[0].ShouldBe(new SaidOf("token-1", false, text));
        told.Text.ShouldBe(tokens == told.Each.Count ? $"{tokens} tokens." : $"{tokens} tokens. {tokens - told.Each.Count} more are told of on their own pages.");
    }

    private sealed class AnyPage : PanelPage
    {
        public int Packed => System.Text.Json.JsonEncodedText.Encode((string)TempData[nameof(Said)]!).EncodedUtf8Bytes.Length;

        public Said Tell(Said said)
        {
            PageContext = new PageContext { HttpContext = new DefaultHttpContext { Request = { Path = "/access/tokens" } } };
            TempData = new TempDataDictionary(PageContext.HttpContext, new Nowhere());
            Tell(said, to: null);
            return Told(TempData)!;
        }
    }

    private sealed class Nowhere : ITempDataProvider
    {
        public IDictionary<string, object> LoadTempData(HttpContext context) => new Dictionary<string, object>();

        public void SaveTempData(HttpContext context, IDictionary<string, object> values)
        {
        }
    }
}
