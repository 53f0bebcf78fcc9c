using System.Text;

namespace TokenRefresh.Providers.Finnotech;

/// <summary>Finnotech: one token a set of scopes, started with the client's credentials or, for grants of a citizen, by a person.</summary>
internal sealed class FinnotechProvider(ProviderParts<FinnotechOptions> parts) : HttpTokenProvider<FinnotechOptions>(parts)
{
    private const string ClientCredential = "CLIENT-CREDENTIAL";
    private const string Code = "CODE";
    private const string Sms = "SMS";

    public override string? TimeZone => FinnotechAnswers.TimeZone;

    public override Task<ProviderResult> AcquireAsync(TokenOrder order, CancellationToken limit)
    {
        if (order.Grant == Grant.Imported)
        {
            return Refuse(new(FailureKind.GrantRevoked, "a person's approval is needed to start this grant"));
        }

        return order.Scopes.Count == 0
            ? Refuse(new(FailureKind.Configuration, $"Finnotech needs scopes: set Tokens__{order.Name}__Scopes"))
            : WithCredentialAsync(credential => Call(credential).IssueAsync(
                cancellationToken => Api().AcquireAsync(new("client_credentials", Options.NationalId, string.Join(',', order.Scopes)), Basic(credential), cancellationToken),
                FinnotechAnswers.Token, reply => FinnotechAnswers.Classify(reply, isRenewal: false), limit));
    }

    public override Task<ProviderResult> RenewAsync(TokenOrder order, HeldToken held, CancellationToken limit)
    {
        var refreshToken = held.RefreshToken ?? throw new ArgumentException("There is no refresh token to renew with.", nameof(held));
        if (WrongBank(order) is { } wrong)
        {
            return Refuse(wrong);
        }

        var (type, bank, auth) = KindOf(order);
        var body = new FinnotechRenewal("refresh_token", type, refreshToken)
        {
            Bank = bank,
            Deposit = bank is null ? null : order.Parameters.GetValueOrDefault("deposit"),
            AuthType = auth,
        };
        return WithCredentialAsync(credential => Call(credential, held: held).IssueAsync(
            cancellationToken => Api().RenewAsync(body, Basic(credential), cancellationToken),
            FinnotechAnswers.Token, reply => FinnotechAnswers.Classify(reply, isRenewal: true), limit));
    }

    // The list needs the scope boomrang:tokens:get, which the documents' index gives every client. Should a token lack it, the refusal
    // (403, whose body no document shows) cannot be told from an invalid token's and counts as one; a probe decides nothing, people read it.
    public override async Task<ProbeResult> ProbeAsync(TokenOrder order, HeldToken held, CancellationToken limit)
    {
        var trackId = NewTrackId();
        var (failure, latency) = await Call(Options.Credential, trackId, held).CheckAsync(
            cancellationToken => Api().ListAsync(Options.ClientId, held.AccessToken, trackId, cancellationToken),
            reply => FinnotechAnswers.Done(reply), reply => FinnotechAnswers.Classify(reply, isRenewal: false), limit);
        return new(failure is null, latency, failure is null ? 200 : failure.HttpStatus, failure);
    }

    public override async Task<ProviderFailure?> RevokeAsync(TokenOrder order, HeldToken held, CancellationToken limit)
    {
        if (WrongBank(order) is { } wrong)
        {
            return wrong;
        }

        var (type, bank, auth) = KindOf(order);
        var trackId = NewTrackId();
        var (failure, _) = await Call(Options.Credential, trackId, held).CheckAsync(
            cancellationToken => Api().RevokeAsync(
                Options.ClientId, new(held.AccessToken, type) { Bank = bank, AuthType = auth }, held.AccessToken, trackId, cancellationToken),
            reply => FinnotechAnswers.Done(reply), reply => FinnotechAnswers.Classify(reply, isRenewal: false), limit);
        return failure;
    }

    /// <summary>A token of a bank's sign-in names its bank; any other that a person started was approved by SMS.</summary>
    private static (string Type, string? Bank, string? Auth) KindOf(TokenOrder order) =>
        order.Grant == Grant.ClientCredentials ? (ClientCredential, null, null)
        : order.Parameters.TryGetValue("bank", out var bank) ? (Code, bank, null)
        : (Code, null, Sms);

    // The documents list different banks on different pages, so any three digits may be one.
    private static ProviderFailure? WrongBank(TokenOrder order) =>
        KindOf(order).Bank is null or { Length: 3 } && KindOf(order).Bank?.All(char.IsAsciiDigit) != false
            ? null
            : new(FailureKind.Configuration, $"bank must have three digits, such as 062: correct Tokens__{order.Name}__Parameters");

    private static Task<ProviderResult> Refuse(ProviderFailure failure) => Task.FromResult<ProviderResult>(new ProviderResult.Failed(failure));

    /// <inheritdoc />
    protected override string? TrackId(ProviderReply reply) => FinnotechAnswers.TrackId(reply);

    private ProviderCall Call(ClientCredential credential, string? trackId = null, HeldToken? held = null) =>
        NewCall(trackId, credential.Secret, Options.NationalId, Basic(credential), held?.AccessToken, held?.RefreshToken);

    private static string Basic(ClientCredential credential) => Convert.ToBase64String(Encoding.UTF8.GetBytes($"{credential.Id}:{credential.Secret}"));

    // At most 40 characters, letters and digits; unique per request.
    private static string NewTrackId() => Guid.NewGuid().ToString("N");

    private IFinnotechApi Api() => Api<IFinnotechApi>();
}
