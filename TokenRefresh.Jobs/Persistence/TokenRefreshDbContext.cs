using Microsoft.AspNetCore.DataProtection.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore;

namespace TokenRefresh.Jobs.Persistence;

/// <summary>Everything that is remembered, but for Hangfire's own tables.</summary>
public sealed class TokenRefreshDbContext(DbContextOptions<TokenRefreshDbContext> options) : DbContext(options), IDataProtectionKeyContext
{
    /// <summary>When each part last gave a sign of life.</summary>
    public DbSet<Heartbeat> Heartbeats => Set<Heartbeat>();

    /// <summary>The ring of keys that seal the secrets, itself encrypted with the master key.</summary>
    public DbSet<DataProtectionKey> DataProtectionKeys => Set<DataProtectionKey>();

    /// <summary>Who did what.</summary>
    public DbSet<AuditEntry> Audit => Set<AuditEntry>();

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
