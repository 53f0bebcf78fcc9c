using Microsoft.Playwright;

namespace TokenRefresh.Tests.Browser;

/// <summary>The distribution's Chromium, headless. Notes what a person would see in its console.</summary>
internal sealed class Chromium : IAsyncDisposable
{
    private static readonly string[] Places = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome", "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"];

    private readonly IPlaywright playwright;
    private readonly IBrowser browser;

    private Chromium(IPlaywright playwright, IBrowser browser) => (this.playwright, this.browser) = (playwright, browser);

    /// <summary>Errors of pages and their console, refused loads included.</summary>
    public List<string> Findings { get; } = [];

    public static string? MissingBecause => Places.Any(File.Exists) ? null : "install Chromium first, as .ci/run does";

    public static async Task<Chromium> StartAsync()
    {
        var playwright = await Playwright.CreateAsync();
        return new(playwright, await playwright.Chromium.LaunchAsync(new()
        {
            ExecutablePath = Places.First(File.Exists),
            Args = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
        }));
    }

    public async Task<IPage> OpenAsync(string address, int width, ColorScheme scheme, bool withScript = true)
    {
        var context = await browser.NewContextAsync(new() { BaseURL = address, ViewportSize = new() { Width = width, Height = 900 }, ColorScheme = scheme, JavaScriptEnabled = withScript });
        var page = await context.NewPageAsync();
        page.Console += (_, message) =>
        {
            // A refused form answers 4xx, which the console calls an error too.
            if (message.Type is "error" or "warning" && !message.Text.Contains("Failed to load resource", StringComparison.Ordinal))
            {
                Findings.Add(message.Text);
            }
        };
        page.PageError += (_, error) => Findings.Add(error);
        return page;
    }

    public async ValueTask DisposeAsync()
    {
        await browser.DisposeAsync();
        playwright.Dispose();
    }
}
