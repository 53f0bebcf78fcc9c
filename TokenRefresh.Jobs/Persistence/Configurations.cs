using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using TokenRefresh.Jobs.Administration;
using TokenRefresh.Jobs.Alerts;
using TokenRefresh.Jobs.Attempts;
using TokenRefresh.Jobs.Health;
using TokenRefresh.Jobs.Tokens;

namespace TokenRefresh.Jobs.Persistence;

internal sealed class TokenConfiguration : IEntityTypeConfiguration<Token>
{
    public void Configure(EntityTypeBuilder<Token> builder)
    {
        builder.ToTable("tokens").HasKey(token => token.Name);
        builder.Property(token => token.Name).HasMaxLength(64);
        builder.Property(token => token.Provider).HasMaxLength(64);
        builder.Property(token => token.Metadata).HasColumnType("jsonb");
        builder.Property(token => token.LastErrorCode).HasMaxLength(32);
        builder.Ignore(token => token.LastFailure).Ignore(token => token.RestoredFrom);

        // Every write states the version and the lease that it read: a stale writer loses.
        builder.Property(token => token.Version).IsConcurrencyToken();
        builder.Property(token => token.LeaseOwner).IsConcurrencyToken();

        builder.HasIndex(token => token.RefreshDueAt);
        builder.HasIndex(token => token.Provider);
    }
}

internal sealed class ReplacedTokenConfiguration : IEntityTypeConfiguration<ReplacedToken>
{
    public void Configure(EntityTypeBuilder<ReplacedToken> builder)
    {
        builder.ToTable("replaced_tokens").HasKey(token => token.Name);
        builder.Property(token => token.Name).HasMaxLength(64);
        builder.Property(token => token.AccessToken).IsRequired();
        builder.Property(token => token.Metadata).HasColumnType("jsonb");
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

internal sealed class RecurringJobPauseConfiguration : IEntityTypeConfiguration<RecurringJobPause>
{
    public void Configure(EntityTypeBuilder<RecurringJobPause> builder)
    {
        builder.ToTable("timetable_pauses").HasKey(pause => pause.Job);
        builder.Property(pause => pause.Job).HasMaxLength(64);
        builder.Property(pause => pause.Reason).HasMaxLength(RecurringJobPause.LongestReason);
    }
}

internal sealed class HeartbeatConfiguration : IEntityTypeConfiguration<Heartbeat>
{
    public void Configure(EntityTypeBuilder<Heartbeat> builder) => builder.ToTable("heartbeats").HasKey(beat => beat.Name);
}

internal sealed class MasterKeyMarkConfiguration : IEntityTypeConfiguration<MasterKeyMark>
{
    public void Configure(EntityTypeBuilder<MasterKeyMark> builder)
    {
        builder.ToTable("master_key_mark").HasKey(mark => mark.Id);
        builder.Property(mark => mark.Id).ValueGeneratedNever();
    }
}

internal sealed class ClientKeyConfiguration : IEntityTypeConfiguration<ClientKey>
{
    public void Configure(EntityTypeBuilder<ClientKey> builder)
    {
        builder.ToTable("client_keys").HasKey(client => client.Id);
        builder.Property(client => client.Id).HasMaxLength(12);
        builder.Property(client => client.Name).HasMaxLength(64);
        builder.HasIndex(client => client.Name).IsUnique().HasFilter("revoked_at IS NULL");
        builder.Ignore(client => client.Actor);
    }
}

internal sealed class AuditEntryConfiguration : IEntityTypeConfiguration<AuditEntry>
{
    public void Configure(EntityTypeBuilder<AuditEntry> builder)
    {
        builder.ToTable("audit_log").HasKey(entry => entry.Id);
        builder.Property(entry => entry.Details).HasColumnType("jsonb");
        builder.HasIndex(entry => entry.At);
        builder.HasIndex(entry => new { entry.Subject, entry.At });

        // Reads are nearly all of it; what people did is to be found without walking over them.
        builder.HasIndex(entry => entry.Id).HasFilter($"action <> '{AuditTrail.Read}'");
    }
}

internal sealed class RepeatedRequestConfiguration : IEntityTypeConfiguration<RepeatedRequest>
{
    public void Configure(EntityTypeBuilder<RepeatedRequest> builder)
    {
        builder.ToTable("repeated_requests").HasKey(request => request.Key);
        builder.HasIndex(request => request.CreatedAt);
    }
}

internal sealed class IncidentConfiguration : IEntityTypeConfiguration<Incident>
{
    public void Configure(EntityTypeBuilder<Incident> builder)
    {
        builder.ToTable("incidents").HasKey(incident => incident.Id);
        builder.Property(incident => incident.Kind).HasMaxLength(16).HasConversion(kind => kind.Code(), text => IncidentNames.ParseKind(text));
        builder.HasIndex(incident => incident.Key).IsUnique().HasFilter("resolved_at IS NULL");
        builder.HasIndex(incident => incident.ResolvedAt);
        builder.Ignore(incident => incident.ThreadId).Ignore(incident => incident.About);
    }
}

internal sealed class NotificationConfiguration : IEntityTypeConfiguration<Notification>
{
    public void Configure(EntityTypeBuilder<Notification> builder)
    {
        builder.ToTable("notifications").HasKey(row => row.Id);
        builder.Property(row => row.Kind).HasMaxLength(16);
        builder.Property(row => row.Channel).HasMaxLength(16).HasConversion(channel => channel.ToString().ToLowerInvariant(), text => Enum.Parse<NotificationChannel>(text, true));
        builder.Property(row => row.Status).HasMaxLength(16).HasConversion(status => status.ToString().ToLowerInvariant(), text => Enum.Parse<NotificationStatus>(text, true));
        builder.HasIndex(row => row.NextAttemptAt).HasFilter("status = 'pending'");
        builder.HasIndex(row => row.CreatedAt);
    }
}

internal sealed class NodeSettingsConfiguration : IEntityTypeConfiguration<NodeSettings>
{
    public void Configure(EntityTypeBuilder<NodeSettings> builder)
    {
        builder.ToTable("node_settings").HasKey(row => row.Name);
        builder.Property(row => row.Name).HasMaxLength(128);
        builder.Property(row => row.Digest).HasMaxLength(32);
        builder.Property(row => row.Digests).HasColumnType("jsonb");
    }
}

internal sealed class SuccessDigestCursorConfiguration : IEntityTypeConfiguration<SuccessDigestCursor>
{
    public void Configure(EntityTypeBuilder<SuccessDigestCursor> builder)
    {
        builder.ToTable("alert_mark").HasKey(mark => mark.Id);
        builder.Property(mark => mark.Id).ValueGeneratedNever();
    }
}
