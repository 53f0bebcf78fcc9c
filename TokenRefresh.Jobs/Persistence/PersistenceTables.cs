using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace TokenRefresh.Jobs.Persistence;

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

internal sealed class AuditEntryConfiguration : IEntityTypeConfiguration<AuditEntry>
{
    public void Configure(EntityTypeBuilder<AuditEntry> builder)
    {
        builder.ToTable("audit_log").HasKey(entry => entry.Id);
        builder.Property(entry => entry.Details).HasColumnType("jsonb");
        builder.HasIndex(entry => entry.At);
        builder.HasIndex(entry => new { entry.Subject, entry.At });

        // Reads are nearly all of it; what people did is to be found without walking over them.
        builder.HasIndex(entry => entry.Id).HasFilter($"action <> '{AuditEntry.Read}'");
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
