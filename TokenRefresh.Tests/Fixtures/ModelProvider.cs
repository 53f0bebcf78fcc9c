using System.Collections.Concurrent;
using TokenRefresh.Providers;

namespace TokenRefresh.Tests.Fixtures;

/// <summary>A provider as a model: rotates refresh tokens, refuses used ones, counts what reaches it, and does what a test tells it.</summary>
internal sealed class ModelProvider : ITokenProvider, ITokenProviders
{
    private readonly Lock gate = new();
    private readonly HashSet<string> live = [];
    private readonly ConcurrentDictionary<string, int> inFlight = new();
    private int issued;

    public string Name { get; init; } = "jibit";

    public bool IsEnabled { get; set; } = true;

    public IReadOnlyList<string> MissingSettings { get; set; } = [];

    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(30);

    public int? MaxConcurrency { get; set; }

    public byte[] SettingsDigest { get; set; } = [1, 2, 3];

    public DateTimeOffset? CircuitOpenUntil => null;

    public IReadOnlyList<ITokenProvider> All => [this];

    public TimeProvider Clock { get; init; } = TimeProvider.System;

    public TimeSpan Life { get; set; } = TimeSpan.FromHours(24);

    public TimeSpan? RefreshLife { get; set; } = TimeSpan.FromHours(48);

    /// <summary>The tokens that a running server is configured with.</summary>
    public IReadOnlyList<string> TokenNames { get; set; } = ["jibit"];

    /// <summary>Those of them that a person has to import.</summary>
    public IReadOnlyList<string> ImportedNames { get; init; } = [];

    /// <summary>Every access token that was tried.</summary>
    public ConcurrentQueue<string> Probed { get; } = [];

    /// <summary>What a tried token is refused with; null to take every one.</summary>
    public ProviderFailure? ProbeFailure { get; set; }

    /// <summary>Runs before each call is answered; what it returns is the answer, null lets the model answer.</summary>
    public Func<string, TokenOrder, Task<ProviderResult?>> Before { get; set; } = (_, _) => Task.FromResult<ProviderResult?>(null);

    /// <summary>Every call that arrived, as <c>acquire:jibit</c> or <c>renew:jibit</c>, in order.</summary>
    public ConcurrentQueue<string> Calls { get; } = [];

    /// <summary>Refresh tokens that were sent after they had been used up.</summary>
    public ConcurrentQueue<string> Reused { get; } = [];

    /// <summary>The most calls for one token that ever were in flight together.</summary>
    public int PeakPerToken { get; private set; }

    public ITokenProvider? Find(string name) => name.Equals(Name, StringComparison.OrdinalIgnoreCase) ? this : null;

    public static Func<string, TokenOrder, Task<ProviderResult?>> Failing(FailureKind kind, TimeSpan? retryAfter = null) =>
        (_, _) => Task.FromResult<ProviderResult?>(new ProviderResult.Failed(new(kind, "HTTP 503") { RetryAfter = retryAfter, HttpStatus = 503 }));

    public Task<ProviderResult> AcquireAsync(TokenOrder order, CancellationToken limit) => AnswerAsync("acquire", order, null, limit);

    public Task<ProviderResult> RenewAsync(TokenOrder order, HeldToken held, CancellationToken limit) => AnswerAsync("renew", order, held.RefreshToken, limit);

    public Task<ProbeResult> ProbeAsync(TokenOrder order, HeldToken held, CancellationToken limit)
    {
        Probed.Enqueue(held.AccessToken);
        return Task.FromResult(new ProbeResult(ProbeFailure is null, TimeSpan.FromMilliseconds(5), ProbeFailure?.HttpStatus ?? 200, ProbeFailure));
    }

    public Task<ProviderFailure?> RevokeAsync(TokenOrder order, HeldToken held, CancellationToken limit) => Task.FromResult<ProviderFailure?>(null);

    private async Task<ProviderResult> AnswerAsync(string call, TokenOrder order, string? refreshToken, CancellationToken limit)
    {
        Calls.Enqueue($"{call}:{order.Name}");
        var together = inFlight.AddOrUpdate(order.Name, 1, (_, count) => count + 1);
        lock (gate)
        {
            PeakPerToken = Math.Max(PeakPerToken, together);
        }

        try
        {
            var requestedAt = Clock.GetUtcNow();
            return await Before(call, order).WaitAsync(limit) ?? Issue(order, refreshToken, requestedAt);
        }
        catch (OperationCanceledException)
        {
            return new ProviderResult.Failed(new(FailureKind.ProviderDown, "stopped by the job's timeout"));
        }
        finally
        {
            inFlight.AddOrUpdate(order.Name, 0, (_, count) => count - 1);
        }
    }

    private ProviderResult Issue(TokenOrder order, string? refreshToken, DateTimeOffset requestedAt)
    {
        lock (gate)
        {
            if (refreshToken is not null && !live.Remove(refreshToken))
            {
                Reused.Enqueue(refreshToken);
                return new ProviderResult.Failed(new(FailureKind.CredentialRejected, "HTTP 401 refreshToken.not_valid") { HttpStatus = 401 });
            }

            var number = ++issued;
            var next = $"refresh-of-{order.Name}-{number}";
            live.Add(next);
            return new ProviderResult.Issued(
                new($"access-of-{order.Name}-{number}", next, requestedAt, requestedAt + Life, RefreshLife is { } life ? requestedAt + life : null, order.Scopes), $"track-{number}");
        }
    }
}
