using Deque.AxeCore.Commons;
using Microsoft.Playwright;
using Shouldly;
using TokenRefresh.Tests.Browser;
using TokenRefresh.Tests.Server.Pages;

[assembly: AssemblyFixture(typeof(Chromium))]

namespace TokenRefresh.Tests.Browser;

/// <summary>The distribution's Chromium, headless: one for the whole run, started when the first test asks. Each test is a person of its own in it.</summary>
public sealed class Chromium : IAsyncDisposable
{
    private static readonly string[] Places = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome", "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"];

    private readonly Lazy<Task<(IPlaywright Playwright, IBrowser Browser)>> started = new(StartAsync);

    /// <summary>Opens a window without cookies or anything else of other tests. Where there is no Chromium, the test is skipped.</summary>
    internal async Task<Visitor> OpenAsync(string address, int width, ColorScheme scheme, bool withScript = true, string locale = "en-GB")
    {
        Assert.SkipUnless(Places.Any(File.Exists), "install Chromium first, as .ci/run does");
        var context = await (await started.Value).Browser.NewContextAsync(new() { BaseURL = address, ViewportSize = new() { Width = width, Height = 900 }, ColorScheme = scheme, JavaScriptEnabled = withScript, Locale = locale });

        // A machine with many tests at once is slow; what never comes still fails.
        context.SetDefaultTimeout(90_000);
        context.SetDefaultNavigationTimeout(90_000);
        return new(context, await context.NewPageAsync());
    }

    /// <summary>Ends the browser, if one was started.</summary>
    public async ValueTask DisposeAsync()
    {
        if (started.IsValueCreated)
        {
            var (playwright, browser) = await started.Value;
            await EndAsync(browser.DisposeAsync());
            playwright.Dispose();
        }
    }

    /// <summary>Waits for something of the browser to close; what does not close in time is left to the end of Playwright's own process.</summary>
    internal static async Task EndAsync(ValueTask closing)
    {
        try
        {
            await closing.AsTask().WaitAsync(TimeSpan.FromSeconds(20), TimeProvider.System);
        }
        catch (TimeoutException)
        {
            // What a test checks was checked before; its page must not keep all others from ending.
        }
    }

    private static async Task<(IPlaywright Playwright, IBrowser Browser)> StartAsync()
    {
        var playwright = await Playwright.CreateAsync();
        return (playwright, await playwright.Chromium.LaunchAsync(new()
        {
            ExecutablePath = Places.First(File.Exists),
            Args = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
        }));
    }
}

/// <summary>A person at a browser. Notes what one would see in its console.</summary>
internal sealed class Visitor : IAsyncDisposable
{
    /// <summary>Desktop, tablet and phone. Light or dark changes colours, never a width.</summary>
    private static readonly int[] Widths = [1920, 820, 390, 360, 1280];

    /// <summary>Where axe looks: the layout changes once, and the colours once.</summary>
    private static readonly (int Width, ColorScheme Scheme)[] Looked = [(360, ColorScheme.Light), (1280, ColorScheme.Light), (1280, ColorScheme.Dark), (820, ColorScheme.Dark)];

    // Only what is wrong is described; describing all that is right takes most of the time. Of the rules only those about colours can tell dark from light.
    private const string FindSerious = """
        async (isDark) => (await axe.run(document, { resultTypes: ['violations'], ...(isDark ? { runOnly: ['color-contrast', 'link-in-text-block'] } : {}) })).violations
            .filter((rule) => rule.impact === 'serious' || rule.impact === 'critical')
            .map((rule) => `${rule.id}: ${rule.help}: ${rule.nodes.slice(0, 3).map((node) => node.html).join(' | ')}`)
        """;

    private static readonly string Axe = new BundledAxeScriptProvider().GetScript();

    private readonly IBrowserContext context;

    public Visitor(IBrowserContext context, IPage page)
    {
        (this.context, Page) = (context, page);
        page.Console += (_, message) =>
        {
            // A refused form answers 4xx, which the console calls an error too.
            if (message.Type is "error" or "warning" && !message.Text.Contains("Failed to load resource", StringComparison.Ordinal))
            {
                Findings.Add(message.Text);
            }
        };
        page.PageError += (_, error) => Findings.Add(error);
    }

    public IPage Page { get; }

    /// <summary>Errors of pages and their console, refused loads included.</summary>
    public List<string> Findings { get; } = [];

    /// <summary>Takes over the sign-in of a browser without script.</summary>
    public Task EnterAsync(Panel panel) => context.AddCookiesAsync(panel.Cookies.Select(cookie => new Microsoft.Playwright.Cookie { Name = cookie.Name, Value = cookie.Value, Url = $"{panel.Http.BaseAddress}" }));

    /// <summary>Signs in by the form that the window shows.</summary>
    public async Task SignInAsync(string name, string password)
    {
        await Page.Locator("input[name=Name]").FillAsync(name);
        await Page.Locator("input[name=Password]").FillAsync(password);
        await ClickThroughAsync(Page.Locator("main form button"));
    }

    /// <summary>Opens the menu of a token in a list.</summary>
    public Task OpenMenuAsync(string token) => Page.Locator($"summary[aria-label='Actions for {token}']").ClickAsync();

    /// <summary>Clicks a button that sends a form, and waits for the page that answers: the old one may have the next button, too.</summary>
    public Task ClickThroughAsync(string button) => ClickThroughAsync(Page.GetByRole(AriaRole.Button, new() { Name = button, Exact = true }).First);

    /// <summary>The same for a button that is found otherwise.</summary>
    public async Task ClickThroughAsync(ILocator button)
    {
        // The load of the page before may be told late: what counts is that the window has gone on to another.
        var gone = new TaskCompletionSource();
        void Note(object? sender, IFrame frame)
        {
            if (frame == Page.MainFrame)
            {
                gone.TrySetResult();
            }
        }

        Page.FrameNavigated += Note;
        await button.ClickAsync();
        await gone.Task.WaitAsync(TimeSpan.FromSeconds(60), TimeProvider.System);
        Page.FrameNavigated -= Note;
        await Page.WaitForLoadStateAsync(LoadState.Load, new() { Timeout = 60_000 });
    }

    /// <summary>The page, with all that can be unfolded folded and unfolded, fits each window, and axe finds nothing serious.</summary>
    public async Task CheckAsync(string path)
    {
        await ShouldFitAsync(path);
        await Page.EvaluateAsync("document.querySelectorAll('details').forEach((part) => part.open = true)");
        await ShouldFitAsync($"{path}, unfolded");
        await Page.EvaluateAsync(Axe);
        foreach (var (width, scheme) in Looked)
        {
            await ResizeAsync(width, scheme);
            (await Page.EvaluateAsync<string[]>(FindSerious, scheme == ColorScheme.Dark)).ShouldBeEmpty($"{path} at {width} px, {scheme}");
        }
    }

    private async Task ShouldFitAsync(string path)
    {
        foreach (var width in Widths)
        {
            await Page.SetViewportSizeAsync(width, 900);
            (await Page.EvaluateAsync<bool>("document.documentElement.scrollWidth <= innerWidth")).ShouldBeTrue($"{path} is wider than {width} px");
        }
    }

    /// <summary>The window as it was opened: a page that loads while it is small may be laid out otherwise.</summary>
    public Task ResetAsync() => ResizeAsync(1280, ColorScheme.Light);

    private async Task ResizeAsync(int width, ColorScheme scheme)
    {
        await Page.SetViewportSizeAsync(width, 900);
        await Page.EmulateMediaAsync(new() { ColorScheme = scheme });
    }

    public async ValueTask DisposeAsync() => await Chromium.EndAsync(context.DisposeAsync());
}
