using Microsoft.AspNetCore.DataProtection.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore;
using TokenRefresh.Jobs.Administration;
using TokenRefresh.Jobs.Alerts;
using TokenRefresh.Jobs.Attempts;
using TokenRefresh.Jobs.Health;
using TokenRefresh.Jobs.Tokens;

namespace TokenRefresh.Jobs.Persistence;

/// <summary>Everything that is remembered, but for Hangfire's own tables.</summary>
public sealed class TokenRefreshDbContext(DbContextOptions<TokenRefreshDbContext> options) : DbContext(options), IDataProtectionKeyContext
{
    /// <summary>The tokens.</summary>
    public DbSet<Token> Tokens => Set<Token>();

    /// <summary>The tokens that imports took the place of.</summary>
    public DbSet<ReplacedToken> ReplacedTokens => Set<ReplacedToken>();

    /// <summary>The log of attempts.</summary>
    public DbSet<RefreshAttempt> Attempts => Set<RefreshAttempt>();

    /// <summary>What the log counts for ended hours.</summary>
    internal DbSet<AttemptHour> AttemptHours => Set<AttemptHour>();

    /// <summary>The jobs of the timetable that a person has stopped.</summary>
    public DbSet<RecurringJobPause> RecurringJobPauses => Set<RecurringJobPause>();

    /// <summary>When each part last gave a sign of life.</summary>
    public DbSet<Heartbeat> Heartbeats => Set<Heartbeat>();

    /// <summary>The ring of keys that seal the secrets, itself encrypted with the master key.</summary>
    public DbSet<DataProtectionKey> DataProtectionKeys => Set<DataProtectionKey>();

    /// <summary>The keys of programs.</summary>
    public DbSet<ClientKey> ClientKeys => Set<ClientKey>();

    /// <summary>Who did what.</summary>
    public DbSet<AuditEntry> Audit => Set<AuditEntry>();

    /// <summary>Answers to requests that may be repeated.</summary>
    public DbSet<RepeatedRequest> RepeatedRequests => Set<RepeatedRequest>();

    /// <summary>What is or was wrong.</summary>
    public DbSet<Incident> Incidents => Set<Incident>();

    /// <summary>The outbox, and the log of deliveries.</summary>
    public DbSet<Notification> Notifications => Set<Notification>();

    internal DbSet<SuccessDigestCursor> SuccessDigestCursors => Set<SuccessDigestCursor>();

    internal DbSet<MasterKeyMark> MasterKeyMarks => Set<MasterKeyMark>();

    /// <inheritdoc />
    protected override void OnModelCreating(ModelBuilder modelBuilder) =>
        modelBuilder.ApplyConfigurationsFromAssembly(typeof(TokenRefreshDbContext).Assembly);
}

/// <summary>The last sign of life of one part, for example the scheduler.</summary>
public sealed class Heartbeat
{
    /// <summary>The due check writes this one at each tick.</summary>
    public const string Scheduler = "scheduler";

    /// <summary>Which part.</summary>
    public string Name { get; init; } = "";

    /// <summary>When.</summary>
    public DateTimeOffset BeatAt { get; init; }

    /// <summary>On which node.</summary>
    public string Node { get; init; } = "";
}

/// <summary>Tells whether a node holds the master key that this database was sealed with, without telling the key.</summary>
internal sealed class MasterKeyMark
{
    public int Id { get; init; } = 1;

    public string Fingerprint { get; init; } = "";
}

/// <summary>Up to when successes were reported, while success notifications are on.</summary>
internal sealed class SuccessDigestCursor
{
    public int Id { get; init; } = 1;

    public DateTimeOffset Until { get; set; }
}
