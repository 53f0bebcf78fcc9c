using System.Text;
using Microsoft.Extensions.Options;
using Refit;

namespace TokenRefresh.Providers.Finnotech;

/// <summary>Finnotech: one token a set of scopes, started with the client's credentials or, for grants of a citizen, by a person.</summary>
internal sealed class FinnotechProvider(string name, string spelledName, IHttpClientFactory http, IOptionsMonitor<FinnotechOptions> settings, ProviderCircuit circuit, TimeProvider clock) : ITokenProvider
{
    private const string ClientCredential = "CLIENT-CREDENTIAL";
    private const string Code = "CODE";
    private const string Sms = "SMS";

    private readonly FinnotechOptions options = settings.Get(name);

    public string Name => name;

    public bool IsEnabled => options.Enabled;

    public IReadOnlyList<string> MissingSettings =>
        [.. options.Credentials.Where(credential => credential.Value.Length == 0).Select(credential => $"{ProviderOptions.Section}__{spelledName}__{credential.Setting}")];

    public TimeSpan Timeout => options.Timeout;

    public int? MaxConcurrency => options.MaxConcurrency;

    public byte[] SettingsDigest => options.Digest();

    public DateTimeOffset? CircuitOpenUntil => circuit.OpenUntil > clock.GetUtcNow() ? circuit.OpenUntil : null;

    private ProviderCall Call => new(clock, options.Timeout);

    private string Client => Convert.ToBase64String(Encoding.UTF8.GetBytes($"{options.ClientId}:{options.ClientSecret}"));

    public Task<ProviderResult> AcquireAsync(TokenOrder order, CancellationToken limit)
    {
        if (order.Grant == Grant.Imported)
        {
            return Refuse(FailureKind.GrantRevoked, "a citizen's approval is needed to start this grant");
        }

        return order.Scopes.Count == 0
            ? Refuse(FailureKind.Configuration, $"Finnotech wants scopes: set Tokens__{order.Name}__Scopes")
            : Call.IssueAsync(
                cancellationToken => Api().AcquireAsync(new("client_credentials", options.NationalId, string.Join(',', order.Scopes)), Client, cancellationToken),
                FinnotechAnswers.Token, reply => FinnotechAnswers.Classify(reply, isRenewal: false), limit);

        static Task<ProviderResult> Refuse(FailureKind kind, string reason) =>
            Task.FromResult<ProviderResult>(new ProviderResult.Failed(new(kind, reason)));
    }

    public Task<ProviderResult> RenewAsync(TokenOrder order, HeldToken held, CancellationToken limit)
    {
        var refreshToken = held.RefreshToken ?? throw new ArgumentException("There is no refresh token to renew with.", nameof(held));
        var (type, bank, auth) = KindOf(order);
        var body = new FinnotechRenewal("refresh_token", type, refreshToken)
        {
            Bank = bank,
            Deposit = bank is null ? null : order.Parameters.GetValueOrDefault("deposit"),
            AuthType = auth,
        };
        return Call.IssueAsync(
            cancellationToken => Api().RenewAsync(body, Client, cancellationToken),
            FinnotechAnswers.Token, reply => FinnotechAnswers.Classify(reply, isRenewal: true), limit);
    }

    public async Task<ProbeResult> ProbeAsync(TokenOrder order, HeldToken held, CancellationToken limit)
    {
        var (failure, latency) = await Call.CheckAsync(
            cancellationToken => Api().ListAsync(options.ClientId, held.AccessToken, NewTrackId(), cancellationToken),
            reply => FinnotechAnswers.Done(reply), reply => FinnotechAnswers.Classify(reply, isRenewal: false), limit);
        return new(failure is null, latency, failure is null ? 200 : failure.HttpStatus, failure);
    }

    public async Task<ProviderFailure?> RevokeAsync(TokenOrder order, HeldToken held, CancellationToken limit)
    {
        var (type, bank, auth) = KindOf(order);
        var (failure, _) = await Call.CheckAsync(
            cancellationToken => Api().RevokeAsync(
                options.ClientId, new(held.AccessToken, type) { Bank = bank, AuthType = auth }, held.AccessToken, NewTrackId(), cancellationToken),
            reply => FinnotechAnswers.Done(reply), reply => FinnotechAnswers.Classify(reply, isRenewal: false), limit);
        return failure;
    }

    /// <summary>A token of a bank's sign-in names its bank; any other that a person started was approved by SMS.</summary>
    private static (string Type, string? Bank, string? Auth) KindOf(TokenOrder order) =>
        order.Grant == Grant.ClientCredentials ? (ClientCredential, null, null)
        : order.Parameters.TryGetValue("bank", out var bank) ? (Code, bank, null)
        : (Code, null, Sms);

    // At most 40 characters, letters and digits; unique per request.
    private static string NewTrackId() => Guid.NewGuid().ToString("N");

    private IFinnotechApi Api() => RestService.For<IFinnotechApi>(http.CreateClient(ProviderHttp.ClientName(name)));
}
