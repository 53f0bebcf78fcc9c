using Deque.AxeCore.Commons;
using Deque.AxeCore.Playwright;
using Microsoft.Playwright;
using Shouldly;
using TokenRefresh.Tests.Browser;

[assembly: AssemblyFixture(typeof(Chromium))]

namespace TokenRefresh.Tests.Browser;

/// <summary>The distribution's Chromium, headless: one for the whole run, started when the first test asks. Each test is a person of its own in it.</summary>
public sealed class Chromium : IAsyncDisposable
{
    private static readonly string[] Places = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome", "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"];

    private readonly Lazy<Task<(IPlaywright Playwright, IBrowser Browser)>> started = new(StartAsync);

    /// <summary>Opens a window without cookies or anything else of other tests. Where there is no Chromium, the test is skipped.</summary>
    internal async Task<Visitor> OpenAsync(string address, int width, ColorScheme scheme, bool withScript = true)
    {
        Assert.SkipUnless(Places.Any(File.Exists), "install Chromium first, as .ci/run does");
        var context = await (await started.Value).Browser.NewContextAsync(new() { BaseURL = address, ViewportSize = new() { Width = width, Height = 900 }, ColorScheme = scheme, JavaScriptEnabled = withScript });
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
    // Only what is wrong is described; describing all that is right takes most of the time.
    private static readonly AxeRunOptions Violations = new() { ResultTypes = [ResultType.Violations] };

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

    public async Task SignInAsync(string name, string password)
    {
        await Page.GetByLabel("Name").FillAsync(name);
        await Page.GetByLabel("Password").FillAsync(password);
        await Page.GetByRole(AriaRole.Button, new() { Name = "Sign in", Exact = true }).First.ClickAsync();
    }

    /// <summary>The page fits its window, and axe finds nothing serious on it.</summary>
    public async Task CheckAsync(string path)
    {
        (await Page.EvaluateAsync<bool>("document.documentElement.scrollWidth <= innerWidth")).ShouldBeTrue($"{path} is wider than its window");
        (await Page.RunAxe(Violations)).Violations.Where(rule => rule.Impact is "serious" or "critical")
            .Select(rule => $"{path}: {rule.Id}: {rule.Help}: {string.Join(" | ", rule.Nodes.Take(3).Select(node => node.Html))}").ShouldBeEmpty();
    }

    public async ValueTask DisposeAsync() => await Chromium.EndAsync(context.DisposeAsync());
}
