using System.Text;
using TokenRefresh.Providers.Settings;

namespace TokenRefresh.Providers.OAuth2;

/// <summary>Any authorization server by settings alone: client credentials and refresh tokens by RFC 6749.</summary>
internal sealed class OAuth2Provider(ProviderParts<OAuth2Options> parts) : HttpTokenProvider<OAuth2Options>(parts)
{
    /// <summary>The setting whose secret was taken last; it is tried first.</summary>
    private volatile string secretTakenLast = nameof(OAuth2Options.ClientSecret);

    private bool IsRollingOver => Options is { IsPublicClient: false, NextClientSecret.Length: > 0 };

    public override TimeSpan Timeout => IsRollingOver ? Options.Timeout * 2 : Options.Timeout;

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

        var first = secretTakenLast;
        var result = await TryAsync(first);
        if (!IsRollingOver)
        {
            return result;
        }

        var taken = first;
        if (result is ProviderResult.Failed { Failure.Kind: FailureKind.CredentialRejected })
        {
            taken = first == nameof(Options.ClientSecret) ? nameof(Options.NextClientSecret) : nameof(Options.ClientSecret);
            result = await TryAsync(taken);
        }

        switch (result)
        {
            case ProviderResult.Issued issued:
                secretTakenLast = taken;
                return issued with { Note = $"with {Key(taken)}" };
            case ProviderResult.Failed { Failure: { Kind: FailureKind.CredentialRejected } failure }:
                return new ProviderResult.Failed(failure with { Reason = $"{failure.Reason}, with {nameof(Options.ClientSecret)} and with {nameof(Options.NextClientSecret)}" });
            default:
                return result;
        }

        Task<ProviderResult> TryAsync(string setting)
        {
            var secret = setting == nameof(Options.ClientSecret) ? Options.ClientSecret : Options.NextClientSecret;
            var (authorization, body) = Authenticate(form, secret);
            return NewCall(null, secret, authorization, held?.AccessToken, held?.RefreshToken).IssueAsync(
                cancellationToken => SendAsync(new(HttpMethod.Post, Options.TokenUrl) { Content = new FormUrlEncodedContent(body) }, authorization, cancellationToken),
                (reply, requestedAt) => OAuth2Answers.Token(reply, requestedAt, Options.DefaultLifetime, isRenewal: held is not null),
                reply => OAuth2Answers.Classify(reply, isRenewal: held is not null),
                limit);
        }
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
    private (string? Authorization, Dictionary<string, string> Body) Authenticate(Dictionary<string, string> form, string secret) => Options.ClientAuthentication switch
    {
        ClientAuthentication.Basic => ($"Basic {Convert.ToBase64String(Encoding.UTF8.GetBytes($"{Encode(Options.ClientId)}:{Encode(secret)}"))}", form),
        ClientAuthentication.Body => (null, new(form) { ["client_id"] = Options.ClientId, ["client_secret"] = secret }),
        ClientAuthentication.None => (null, new(form) { ["client_id"] = Options.ClientId }),
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    private static string Encode(string text) => Uri.EscapeDataString(text).Replace("%20", "+", StringComparison.Ordinal);

    private static Task<ProviderResult> Refuse(ProviderFailure failure) => Task.FromResult<ProviderResult>(new ProviderResult.Failed(failure));
}
