using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using TokenRefresh.Jobs.Persistence;

namespace TokenRefresh.Jobs.Health;

/// <summary>The rows of this room in the database.</summary>
public static class HealthTables
{
    extension(TokenRefreshDbContext db)
    {
        /// <summary>The recurring jobs that a person has paused.</summary>
        public DbSet<RecurringJobPause> RecurringJobPauses => db.Set<RecurringJobPause>();
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
