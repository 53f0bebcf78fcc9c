namespace TokenRefresh.Providers.Jibit;

/// <summary>Jibit's identity product: one pair a key, renewed with both tokens of it.</summary>
internal sealed class JibitProvider(ProviderParts<JibitOptions> parts) : HttpTokenProvider<JibitOptions>(parts)
{
    // The answer states no lifetime; the document promises these.
    private static readonly TimeSpan AccessLife = TimeSpan.FromHours(24);
    private static readonly TimeSpan RefreshLife = TimeSpan.FromHours(48);

    public override Task<ProviderResult> AcquireAsync(TokenOrder order, CancellationToken limit) => WithCredentialAsync(credential =>
    {
        var trackId = NewTrackId();
        return NewCall(trackId, credential.Id, credential.Secret).IssueAsync(
            cancellationToken => Api().GenerateAsync(new(credential.Id, credential.Secret), trackId, cancellationToken), Read, JibitErrors.Classify, limit);
    });

    public override Task<ProviderResult> RenewAsync(TokenOrder order, HeldToken held, CancellationToken limit)
    {
        var refreshToken = held.RefreshToken ?? throw new ArgumentException("There is no refresh token to renew with.", nameof(held));
        var trackId = NewTrackId();
        return Call(trackId, held).IssueAsync(
            cancellationToken => Api().RefreshAsync(new(held.AccessToken, refreshToken), trackId, cancellationToken), Read, JibitErrors.Classify, limit);
    }

    public override async Task<ProbeResult> ProbeAsync(TokenOrder order, HeldToken held, CancellationToken limit)
    {
        var status = 200;
        var trackId = NewTrackId();
        var (failure, latency) = await Call(trackId, held).CheckAsync(
            cancellationToken => Api().BalancesAsync(held.AccessToken, trackId, cancellationToken),
            reply =>
            {
                status = (int)reply.Status;
                ProviderJson.Object(reply.Body);
            },
            JibitErrors.Classify,
            limit);
        return new(failure is null, latency, failure is null ? status : failure.HttpStatus, failure);
    }

    public override Task<ProviderFailure?> RevokeAsync(TokenOrder order, HeldToken held, CancellationToken limit) =>
        Task.FromResult<ProviderFailure?>(new(FailureKind.Configuration, "Jibit documents no call that revokes a token"));

    private static IssuedToken Read(ProviderReply reply, DateTimeOffset requestedAt)
    {
        var answer = ProviderJson.Object(reply.Body);
        var access = ProviderJson.Secret(answer, "accessToken");
        return new(
            access, ProviderJson.Secret(answer, "refreshToken"), requestedAt,
            JwtExpiry.Earliest(access, requestedAt + AccessLife), requestedAt + RefreshLife, []);
    }

    // Jibit takes at most 50 characters and gives them back; its support finds the call by them.
    private static string NewTrackId() => Guid.NewGuid().ToString();

    private ProviderCall Call(string trackId, HeldToken held) => NewCall(trackId, Options.ApiKey, Options.SecretKey, held.AccessToken, held.RefreshToken);

    private IJibitApi Api() => Api<IJibitApi>();
}
