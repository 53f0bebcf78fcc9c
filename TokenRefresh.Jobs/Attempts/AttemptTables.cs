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

        /// <summary>What was counted of hours that are over.</summary>
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

        // Pages and programs read the log by time, of all or of one token. Other filters are applied on the way, but for what is rare: failures, and what
        // neither the schedule nor the due check set off.
        builder.HasIndex(attempt => new { attempt.StartedAt, attempt.Id });
        builder.HasIndex(attempt => new { attempt.TokenName, attempt.StartedAt, attempt.Id });
        builder.HasIndex(attempt => new { attempt.StartedAt, attempt.Id, attempt.TokenName, attempt.ErrorCode }).HasDatabaseName("ix_token_refresh_logs_failed").HasFilter("status = 'failed'");
        builder.HasIndex(attempt => new { attempt.TriggerType, attempt.StartedAt, attempt.Id }).HasFilter("trigger_type NOT IN ('automatic', 'due')");

        // The order goes by the first two; the others let the p95 and most filters be answered without a look at the row.
        builder.HasIndex(attempt => new { attempt.DurationMs, attempt.Id, attempt.StartedAt, attempt.TokenName, attempt.Provider, attempt.Status }).HasDatabaseName("ix_token_refresh_logs_duration")
            .HasFilter("status IN ('success', 'failed')");
        builder.HasIndex(attempt => attempt.TokenName).HasFilter("status = 'running'");
        builder.HasIndex(attempt => attempt.JobId).HasFilter("job_id IS NOT NULL");
    }
}

internal sealed class AttemptHourConfiguration : IEntityTypeConfiguration<AttemptHour>
{
    public void Configure(EntityTypeBuilder<AttemptHour> builder)
    {
        builder.ToTable("token_refresh_hours").HasKey(row => new { row.TokenName, row.Hour, row.Provider, row.ErrorCode });
        builder.Property(row => row.Provider).HasMaxLength(64);
        builder.Property(row => row.TokenName).HasMaxLength(64);
        builder.Property(row => row.ErrorCode).HasMaxLength(32);
        builder.Ignore(row => row.Durations);
        foreach (var column in DurationRanges.Columns)
        {
            builder.IndexerProperty<long>(column).HasColumnName(column);
        }

        builder.HasIndex(row => row.Hour);
    }
}
