using Microsoft.EntityFrameworkCore;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Providers;

namespace TokenRefresh.Jobs.Tokens;

/// <summary>Who can renew a token.</summary>
public enum RenewedBy
{
    /// <summary>This program, with the provider's credentials.</summary>
    Itself,

    /// <summary>This program while the refresh token lives; after that only a person can start it anew.</summary>
    RefreshToken,

    /// <summary>Only a person: by importing the next one, or by mending what the provider refuses.</summary>
    Person,
}

/// <summary>One token as people see it. No secrets.</summary>
public sealed record TokenView(ConfiguredToken Settings, TokenState State, Token? Stored, DateTimeOffset AsOf)
{
    /// <summary>The token's name.</summary>
    public string Name => Settings.Name;

    /// <summary>Life left; null without a token, negative once it has died.</summary>
    public TimeSpan? TimeLeft => Stored?.ExpiresAt - AsOf;

    /// <summary>True where nobody needs to do anything; a paused token counts while it is valid.</summary>
    public bool IsWell => TokenHealth.IsWell(this);

    /// <summary>True where it is fresh or due, but its last refresh failed.</summary>
    public bool IsFailing => TokenHealth.IsFailing(this);

    /// <summary>True where a refresh, or a person, is waited for.</summary>
    public bool NeedsRefresh => State.NeedsRefresh();

    /// <summary>True where it is served and its refresh is not late, or where a person has paused it: one that is critical may yet be in time.</summary>
    public bool IsInTime => TokenHealth.IsInTime(this);

    /// <summary>Who can renew it as things stand.</summary>
    public RenewedBy RenewedBy => WaitsForPerson ? RenewedBy.Person
        : Settings.Order.Grant != Grant.Imported ? RenewedBy.Itself
        : Stored is { RefreshToken: not null } && (Stored.RefreshExpiresAt is null || Stored.RefreshExpiresAt > AsOf) ? RenewedBy.RefreshToken
        : RenewedBy.Person;

    /// <summary>True while a refresh of it is in flight.</summary>
    public bool IsInFlight => Stored?.LeaseUntil > AsOf;

    /// <summary>When it is refreshed next as things stand: when it is due, or later where a pause after a failure holds; null where nothing is planned.</summary>
    public DateTimeOffset? NextRefreshAt => State is TokenState.NotConfigured or TokenState.Paused or TokenState.NeedsPerson || RenewedBy == RenewedBy.Person || Settings.NotConfiguredBecause is not null
        ? null
        : Stored is null ? AsOf : IsPausedByFailure ? Stored.NextAttemptAt : Stored.RefreshDueAt;

    /// <summary>Why then, or why nothing is planned.</summary>
    public string NextRefreshReason => this switch
    {
        { Settings.NotConfiguredBecause: { } missing } => missing,
        { State: TokenState.Paused } => $"paused: {Stored!.PauseReason}",
        { State: TokenState.NeedsPerson } => $"import it: tokens import {Name}",
        { WaitsForPerson: true } => "waits for changed settings or a person",
        { RenewedBy: RenewedBy.Person } => "only a person can renew it: import the next one before it expires",
        { IsPausedByFailure: true } => $"after {Stored!.FailuresInWords} ({Stored.LastErrorCode})",
        { Stored: not null } => Stored.DueReason,
        _ => "it was never obtained",
    };

    /// <summary>The last outcome in words.</summary>
    public string LastOutcome => Stored switch
    {
        null or { LastAttemptAt: null, LastSuccessAt: null } => "never tried",
        { LastErrorCode: { } code } => $"{code}: {Stored.LastError}",
        _ => "success",
    };

    // A job that has retries left does not ask what is due; without one, a token that failed before it was due waits until it is.
    private bool IsPausedByFailure => Stored is { NextAttemptAt: { } next } && (Stored.RetryJobId is not null || Stored.RefreshDueAt is not { } due || next > due);

    /// <summary>True where the last refresh failed for a reason that only changed settings or a person can mend.</summary>
    public bool WaitsForPerson => Stored?.LastFailure is { } kind && !kind.IsRetryable();
}

/// <summary>What everybody sees of the tokens, pages, API, verbs and probes alike: one query, one judgement.</summary>
public sealed class TokenOverview(IDbContextFactory<TokenRefreshDbContext> contexts, ConfiguredTokens configured, TimeProvider clock)
{
    /// <summary>Every configured token, most urgent first.</summary>
    /// <param name="provider">Only this provider's, in any case; null for all.</param>
    public async Task<IReadOnlyList<TokenView>> ListAsync(string? provider, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var stored = await db.Tokens.AsNoTracking().ToDictionaryAsync(token => token.Name, cancellationToken);
        var now = clock.GetUtcNow();
        return [.. configured.All
            .Where(token => provider is null || token.Provider.Name.Equals(provider, StringComparison.OrdinalIgnoreCase))
            .Select(token => View(token, stored.GetValueOrDefault(token.Name), now))
            .OrderBy(view => !view.IsWell ? 0 : view.IsFailing ? 1 : 2)
            .ThenByDescending(view => view.State)
            .ThenBy(view => view.Stored?.ExpiresAt ?? DateTimeOffset.MaxValue)
            .ThenBy(view => view.Name, StringComparer.Ordinal)];
    }

    /// <summary>The token of that name, or null when the settings do not name it.</summary>
    public async Task<TokenView?> FindAsync(string name, CancellationToken cancellationToken)
    {
        if (configured.Find(name) is not { } settings)
        {
            return null;
        }

        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var stored = await db.Tokens.AsNoTracking().SingleOrDefaultAsync(token => token.Name == settings.Name, cancellationToken);
        return View(settings, stored, clock.GetUtcNow());
    }

    private static TokenView View(ConfiguredToken settings, Token? stored, DateTimeOffset now) =>
        new(settings, TokenHealth.Of(stored, settings, now), stored, now);
}
