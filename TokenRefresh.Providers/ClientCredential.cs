namespace TokenRefresh.Providers;

/// <summary>What a client proves itself with.</summary>
/// <param name="Id">Its id or key.</param>
/// <param name="Secret">The secret that belongs to it.</param>
/// <param name="Settings">The settings that hold the secrets of it, for example <c>NextClientSecret</c>.</param>
internal sealed record ClientCredential(string Id, string Secret, params IReadOnlyList<string> Settings)
{
    /// <summary>The settings in a sentence.</summary>
    public string Words => string.Join('/', Settings);

    /// <inheritdoc />
    public override string ToString() => $"{nameof(ClientCredential)} {{ {Words} }}";
}

/// <summary>
/// The present credential and the one that follows it: each is tried when the other is refused, once, so that a credential can be replaced without a gap.
/// The one that was taken last is tried first, so that a refused one costs one call and not one at each refresh. Changed settings begin with the present one again.
/// </summary>
/// <param name="next">Null where none follows.</param>
internal sealed class CredentialRollover(ClientCredential present, ClientCredential? next)
{
    private volatile bool beginsWithNext;

    /// <summary>True where there are two.</summary>
    public bool HasTwo => next is not null;

    /// <summary>Asks with the one, and where that is refused, with the other.</summary>
    /// <param name="ask">Makes the call with a credential.</param>
    /// <param name="key">A setting's name as people write it.</param>
    public async Task<ProviderResult> AskAsync(Func<ClientCredential, Task<ProviderResult>> ask, Func<string, string> key)
    {
        if (next is null)
        {
            return await ask(present);
        }

        var taken = beginsWithNext ? next : present;
        var result = await ask(taken);
        if (IsRefused(result))
        {
            taken = taken == present ? next : present;
            result = await ask(taken);
        }

        switch (result)
        {
            case ProviderResult.Issued issued:
                beginsWithNext = taken == next;
                return issued with { Note = $"with {string.Join(" and ", taken.Settings.Select(key))}", IsByNextCredential = taken == next };

            // The client was let in, and the grant was refused.
            case ProviderResult.Failed { Failure.Kind: FailureKind.GrantRevoked }:
                beginsWithNext = taken == next;
                return result;
            case ProviderResult.Failed { Failure: var failure } when IsRefused(result):
                return new ProviderResult.Failed(failure with { Reason = $"{failure.Reason}, with {present.Words} and with {next.Words}" });
            default:
                return result;
        }
    }

    private static bool IsRefused(ProviderResult result) => result is ProviderResult.Failed { Failure: { Kind: FailureKind.CredentialRejected, RefusesRefreshToken: false } };
}
