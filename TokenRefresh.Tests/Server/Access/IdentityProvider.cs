using System.Diagnostics;
using System.Net.Http.Json;
using System.Text.Json;
using TokenRefresh.Tests.Providers.OAuth2;

namespace TokenRefresh.Tests.Server.Access;

/// <summary>A company's identity provider: the npm package oidc-provider, as a child process.</summary>
internal sealed class IdentityProvider : IAsyncDisposable
{
    public const string ClientId = "panel", ClientSecret = "secret-of-the-panel", Roles = "token-admins=admin,ops=operator,staff=viewer";

    private readonly Process node;
    private readonly HttpClient http;

    private IdentityProvider(Process node, string issuer) => (this.node, Issuer, http) = (node, issuer, new() { BaseAddress = new(issuer) });

    public string Issuer { get; }

    /// <summary>The settings of a server that uses it.</summary>
    public (string Key, string Value)[] Settings =>
        [("Access:Oidc:Authority", Issuer), ("Access:Oidc:ClientId", ClientId), ("Access:Oidc:ClientSecret", ClientSecret), ("Access:Oidc:Roles", Roles)];

    /// <summary>Starts one. Where it cannot be, the test is skipped.</summary>
    public static async Task<IdentityProvider> StartAsync()
    {
        Assert.SkipWhen(AuthorizationServerProcess.MissingBecause is not null, AuthorizationServerProcess.MissingBecause ?? "");
        var node = AuthorizationServerProcess.Start("identity-provider.mjs");
        var line = await node.StandardOutput.ReadLineAsync() ?? throw new InvalidOperationException("The identity provider did not start.");
        return new(node, JsonDocument.Parse(line).RootElement.GetProperty("issuer").GetString()!);
    }

    /// <summary>Registers the callback of a panel.</summary>
    public async Task AllowAsync(Uri panel) => (await http.PutAsync("/test/callbacks", new StringContent($"{panel.ToString().TrimEnd('/')}/account/oidc/callback"))).EnsureSuccessStatusCode();

    /// <summary>Has a person with these values of the claim <c>roles</c>, under the usual name.</summary>
    public Task HasAsync(string person, params string[] roles) => HasAsync(person, new { preferred_username = person, roles });

    /// <summary>Has a person with these claims.</summary>
    public async Task HasAsync(string person, object claims) => (await http.PutAsJsonAsync($"/test/people/{Uri.EscapeDataString(person)}", claims)).EnsureSuccessStatusCode();

    /// <summary>Stops it, as an outage does.</summary>
    public async Task EndAsync()
    {
        node.StandardInput.Close();
        await node.WaitForExitAsync();
    }

    public async ValueTask DisposeAsync()
    {
        http.Dispose();
        await EndAsync();
        node.Dispose();
    }
}
