using System.Net;
using TokenRefresh.Server.Access.Oidc;

namespace TokenRefresh.Tests.Server.Access;

/// <summary>A person's browser that goes from address to address only when it is told to.</summary>
internal sealed class CompanyVisitor : IDisposable
{
    private static int visitors;

    private readonly HttpClientHandler handler = new() { AllowAutoRedirect = false, CookieContainer = new() };
    private readonly string prefix;

    /// <summary>A browser at a panel, which may be below a path.</summary>
    public CompanyVisitor(Uri panel, string prefix = "")
    {
        (this.prefix, Http) = (prefix, new(handler) { BaseAddress = panel });

        // Each from a machine of its own: one alone may not try as often as all tests together.
        var number = Interlocked.Increment(ref visitors);
        Http.DefaultRequestHeaders.Add("X-Forwarded-For", $"10.1.{number / 250}.{number % 250}");
    }

    public HttpClient Http { get; }

    public IEnumerable<Cookie> Cookies => handler.CookieContainer.GetAllCookies();

    /// <summary>Goes to the identity provider, says who one is, and stops at the address that it leads back to.</summary>
    public async Task<Uri> ReturnAsync(string person, string? returnUrl = null, string act = "go")
    {
        var form = await FollowAsync(new(Http.BaseAddress!, prefix + OidcRegistration.StartLink(returnUrl)));
        using var answer = await Http.PostAsync(form, new FormUrlEncodedContent([new("account", person), new("act", act)]));
        return await FollowAsync(new(form, answer.Headers.Location!));
    }

    /// <summary>Signs in and stops where the panel sends on, or refuses.</summary>
    public async Task<HttpResponseMessage> SignInAsync(string person, string? returnUrl = null) => await Http.GetAsync(await ReturnAsync(person, returnUrl));

    /// <summary>Removes the cookies whose name starts like this.</summary>
    public void Forget(string name)
    {
        foreach (var cookie in Cookies.Where(cookie => cookie.Name.StartsWith(name, StringComparison.Ordinal)))
        {
            cookie.Expired = true;
        }
    }

    public void Dispose() => Http.Dispose();

    // Until a page, or the way back into the panel.
    private async Task<Uri> FollowAsync(Uri address)
    {
        while (!address.AbsolutePath.EndsWith(OidcRegistration.CallbackPath, StringComparison.Ordinal))
        {
            using var answer = await Http.GetAsync(address);
            if (answer.Headers.Location is not { } location)
            {
                return answer.IsSuccessStatusCode ? address : throw new InvalidOperationException($"{address} {answer.StatusCode}: {await answer.Content.ReadAsStringAsync()}");
            }

            address = new(address, location);
        }

        return address;
    }
}
