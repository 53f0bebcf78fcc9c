using System.Text;
using TokenRefresh.Providers.Settings;

namespace TokenRefresh.Providers.OAuth2;

/// <summary>Any authorization server by settings alone: client credentials and refresh tokens by RFC 6749.</summary>
internal sealed class OAuth2Provider(ProviderParts<OAuth2Options> parts) : HttpTokenProvider<OAuth2Options>(parts)
{
    public override Task<ProviderResult> AcquireAsync(TokenOrder order, CancellationToken limit)
    {
        if (order.Grant == Grant.Imported)
        {
            return Refuse(new(FailureKind.GrantRevoked, "a person has to start this grant"));
        }

        var form = new Dictionary<string, string> { ["grant_type"] = "client_credentials" };
        if (order.Scopes.Count > 0)
        {
            form["scope"] = string.Join(' ', order.Scopes);
        }

        if (Options.Audience.Length > 0)
        {
            form["audience"] = Options.Audience;
        }

        return AskAsync(order, form, null, limit);
    }

    public override Task<ProviderResult> RenewAsync(TokenOrder order, HeldToken held, CancellationToken limit)
    {
        var refreshToken = held.RefreshToken ?? throw new ArgumentException("There is no refresh token to renew with.", nameof(held));
        return AskAsync(order, new() { ["grant_type"] = "refresh_token", ["refresh_token"] = refreshToken }, held, limit);
    }

    public override async Task<ProbeResult> ProbeAsync(TokenOrder order, HeldToken held, CancellationToken limit)
    {
        if (Options.ProbeUrl.Length == 0)
        {
            return new(false, TimeSpan.Zero, null, new(FailureKind.Configuration, $"no URL to test a token at: set {Key(nameof(Options.ProbeUrl))}"));
        }

        var status = 200;
        var (failure, latency) = await NewCall(null, held.AccessToken, held.RefreshToken).CheckAsync(
            cancellationToken => SendAsync(new(HttpMethod.Get, Options.ProbeUrl), $"Bearer {held.AccessToken}", cancellationToken),
            reply => status = (int)reply.Status, OAuth2Answers.ClassifyProbe, limit);
        return new(failure is null, latency, failure is null ? status : failure.HttpStatus, failure);
    }

    public override Task<ProviderFailure?> RevokeAsync(TokenOrder order, HeldToken held, CancellationToken limit) =>
        Task.FromResult<ProviderFailure?>(new(FailureKind.Configuration, "revocation is not supported for OAuth2 providers"));

    // A server that refuses the client has not looked at the grant, so the same refresh token may be sent with the other secret.
    private async Task<ProviderResult> AskAsync(TokenOrder order, Dictionary<string, string> form, HeldToken? held, CancellationToken limit)
    {
        if (!AddParameters(order, form))
        {
            return new ProviderResult.Failed(new(
                FailureKind.Configuration, $"Tokens__{order.Name}__Parameters must not contain {string.Join(", ", OAuth2Options.Reserved)}"));
        }

        return await WithCredentialAsync(credential =>
        {
            var (authorization, body) = Authenticate(form, credential);
            return NewCall(null, credential.Secret, authorization, held?.AccessToken, held?.RefreshToken).IssueAsync(
                cancellationToken => SendAsync(new(HttpMethod.Post, Options.TokenUrl) { Content = new FormUrlEncodedContent(body) }, authorization, cancellationToken),
                (reply, requestedAt) => OAuth2Answers.Token(reply, requestedAt, Options.DefaultLifetime, isRenewal: held is not null),
                reply => OAuth2Answers.Classify(reply, isRenewal: held is not null),
                limit);
        });
    }

    // Not by Refit, which drops a slash at the end of an address and its query: here the whole address is the settings'.
    private async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, string? authorization, CancellationToken cancellationToken)
    {
        using (request)
        {
            request.Headers.Accept.ParseAdd("application/json");
            if (authorization is not null)
            {
                request.Headers.TryAddWithoutValidation("Authorization", authorization);
            }

            return await NewClient().SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        }
    }

    private bool AddParameters(TokenOrder order, Dictionary<string, string> form)
    {
        foreach (var (key, value) in PairsRuleAttribute.Read(Options.Parameters).Concat(order.Parameters))
        {
            if (OAuth2Options.Reserved.Contains(key, StringComparer.OrdinalIgnoreCase))
            {
                return false;
            }

            form[key] = value;
        }

        return true;
    }

    // Both parts are form-encoded before they go into the header (RFC 6749, section 2.3.1).
    private (string? Authorization, Dictionary<string, string> Body) Authenticate(Dictionary<string, string> form, ClientCredential client) => Options.ClientAuthentication switch
    {
        ClientAuthentication.Basic => ($"Basic {Convert.ToBase64String(Encoding.UTF8.GetBytes($"{Encode(client.Id)}:{Encode(client.Secret)}"))}", form),
        ClientAuthentication.Body => (null, new(form) { ["client_id"] = client.Id, ["client_secret"] = client.Secret }),
        ClientAuthentication.None => (null, new(form) { ["client_id"] = client.Id }),
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    private static string Encode(string text) => Uri.EscapeDataString(text).Replace("%20", "+", StringComparison.Ordinal);

    private static Task<ProviderResult> Refuse(ProviderFailure failure) => Task.FromResult<ProviderResult>(new ProviderResult.Failed(failure));
}
