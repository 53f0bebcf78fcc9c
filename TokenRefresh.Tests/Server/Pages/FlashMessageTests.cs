using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc.RazorPages;
using Microsoft.AspNetCore.Mvc.ViewFeatures;
using Shouldly;
using TokenRefresh.Server.Pages;

namespace TokenRefresh.Tests.Server.Pages;

/// <summary>What an action tells on the page after it travels in a cookie.</summary>
public sealed class FlashMessageTests
{
    [Theory]
    [InlineData(100, "Refreshed; expires 2026-03-02 12:00:00Z.")]
    [InlineData(100, "credential_rejected: HTTP 401 «گذرواژه نادرست است»")]
    [InlineData(3, "“quotes” and \"quotes\"")]
    public void It_fits_into_what_browsers_and_proxies_take_however_much_there_is_to_tell(int tokens, string text)
    {
        var page = new AnyPage();

        var told = page.Tell(new(true, $"{tokens} tokens.") { Each = [.. Enumerable.Range(0, tokens).Select(number => new FlashMessageOf($"token-{number}", number % 2 == 0, text))] });

        page.Packed.ShouldBeLessThanOrEqualTo(1600);
        told.Each.ShouldNotBeEmpty();
        told.Each[0].ShouldBe(new FlashMessageOf("token-1", false, text));
        told.Text.ShouldBe(tokens == told.Each.Count ? $"{tokens} tokens." : $"{tokens} tokens. {tokens - told.Each.Count} more are not shown.");
    }

    [Fact]
    public void Of_twenty_tokens_each_one_is_told()
    {
        var told = new AnyPage().Tell(new(true, "20 tokens.") { Each = [.. Enumerable.Range(0, 20).Select(number => new FlashMessageOf($"fino_{number}", true, "accepted by the provider (HTTP 200, 45 ms)."))] });

        (told.Each.Count, told.Text).ShouldBe((20, "20 tokens."));
    }

    private sealed class AnyPage : PanelPage
    {
        public int Packed => JsonSerializer.SerializeToUtf8Bytes((string[])TempData[nameof(FlashMessage)]!).Length;

        public FlashMessage Tell(FlashMessage said)
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
