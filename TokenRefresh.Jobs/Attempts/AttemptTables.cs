using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Tokens;

namespace TokenRefresh.Jobs.Attempts;

/// <summary>The rows of this room in the database.</summary>
public static class AttemptTables
{
    extension(TokenRefreshDbContext db)
    {
        /// <summary>The log of attempts.</summary>
        public DbSet<RefreshAttempt> Attempts => db.Set<RefreshAttempt>();

        /// <summary>What the log counts for ended hours.</summary>
        internal DbSet<AttemptHour> AttemptHours => db.Set<AttemptHour>();
    }
}

internal sealed class RefreshAttemptConfiguration : IEntityTypeConfiguration<RefreshAttempt>
{
    public void Configure(EntityTypeBuilder<RefreshAttempt> builder)
    {
        builder.ToTable("token_refresh_logs").HasKey(attempt => attempt.Id);
        builder.Property(attempt => attempt.Provider).HasMaxLength(64);
        builder.Property(attempt => attempt.TokenName).HasMaxLength(64);
        builder.Property(attempt => attempt.Status).HasMaxLength(16)
            .HasConversion(status => status.ToString().ToLowerInvariant(), text => Enum.Parse<AttemptStatus>(text, true));
        builder.Property(attempt => attempt.TriggerType).HasMaxLength(16)
            .HasConversion(trigger => trigger.Code(), text => RefreshTriggers.Parse(text)!.Value);
        builder.Property(attempt => attempt.Metadata).HasColumnType("jsonb");
        builder.Property(attempt => attempt.ErrorCode).HasMaxLength(32);

        // A database that went back in time assigns the same numbers again: a row of another attempt must not be closed by its number.
        builder.Property(attempt => attempt.StartedAt).IsConcurrencyToken();

        // Each filter alone is read in the log's order from an index of its own; failures, which are looked for most, by token too.
        builder.HasIndex(attempt => new { attempt.StartedAt, attempt.Id });
        builder.HasIndex(attempt => new { attempt.TokenName, attempt.StartedAt, attempt.Id });
        builder.HasIndex(attempt => new { attempt.Provider, attempt.StartedAt, attempt.Id });
        builder.HasIndex(attempt => new { attempt.Status, attempt.StartedAt, attempt.Id });
        builder.HasIndex(attempt => new { attempt.TriggerType, attempt.StartedAt, attempt.Id });
        builder.HasIndex(attempt => new { attempt.ErrorCode, attempt.StartedAt, attempt.Id }).HasFilter("error_code IS NOT NULL");
        builder.HasIndex(attempt => new { attempt.TokenName, attempt.StartedAt, attempt.Id }, "Failed").HasDatabaseName("ix_token_refresh_logs_failed").HasFilter("status = 'failed'");
        
        // The order goes by the first two; the others let most filters be answered without a look at the row.
        builder.HasIndex(attempt => new { attempt.DurationMs, attempt.Id, attempt.StartedAt, attempt.TokenName, attempt.Status }).HasDatabaseName("ix_token_refresh_logs_duration")
            .HasFilter("status IN ('success', 'failed')");
        builder.HasIndex(attempt => attempt.TokenName).HasFilter("status = 'running'");
        builder.HasIndex(attempt => attempt.JobId).HasFilter("job_id IS NOT NULL");
    }
}

internal sealed class AttemptHourConfiguration : IEntityTypeConfiguration<AttemptHour>
{
    public void Configure(EntityTypeBuilder<AttemptHour> builder)
    {
        builder.ToTable("token_refresh_hours").HasKey(row => new { row.TokenName, row.Hour, row.Provider });
        builder.Property(row => row.Provider).HasMaxLength(64);
        builder.Property(row => row.TokenName).HasMaxLength(64);
        builder.HasIndex(row => row.Hour);
    }
}
