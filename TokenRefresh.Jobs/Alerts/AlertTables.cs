using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using TokenRefresh.Jobs.Persistence;

namespace TokenRefresh.Jobs.Alerts;

/// <summary>The rows of this room in the database.</summary>
public static class AlertTables
{
    extension(TokenRefreshDbContext db)
    {
        /// <summary>What is or was wrong.</summary>
        public DbSet<Incident> Incidents => db.Set<Incident>();

        /// <summary>The outbox, and the log of deliveries.</summary>
        public DbSet<Notification> Notifications => db.Set<Notification>();

        /// <summary>Up to when successes were reported.</summary>
        internal DbSet<SuccessDigestCursor> SuccessDigestCursors => db.Set<SuccessDigestCursor>();
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

internal sealed class IncidentNoteConfiguration : IEntityTypeConfiguration<IncidentNote>
{
    public void Configure(EntityTypeBuilder<IncidentNote> builder)
    {
        builder.ToTable("incident_notes").HasKey(note => note.Id);
        builder.Property(note => note.Text).HasMaxLength(IncidentNote.Longest);
        builder.HasOne<Incident>().WithMany().HasForeignKey(note => note.IncidentId).OnDelete(DeleteBehavior.Cascade);
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
        builder.HasIndex(row => row.IncidentId).HasFilter("incident_id IS NOT NULL");
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

/// <summary>Up to when successes were reported, while success notifications are on.</summary>
internal sealed class SuccessDigestCursor
{
    public int Id { get; init; } = 1;

    public DateTimeOffset Until { get; set; }
}
