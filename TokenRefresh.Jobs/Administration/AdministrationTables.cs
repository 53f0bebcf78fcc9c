using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using TokenRefresh.Jobs.Persistence;

namespace TokenRefresh.Jobs.Administration;

/// <summary>The rows of this room in the database.</summary>
public static class AdministrationTables
{
    extension(TokenRefreshDbContext db)
    {
        /// <summary>The keys of clients.</summary>
        public DbSet<ClientKey> ClientKeys => db.Set<ClientKey>();

        /// <summary>Answers to requests that may be repeated.</summary>
        public DbSet<RepeatedRequest> RepeatedRequests => db.Set<RepeatedRequest>();

        /// <summary>The last rotation of keys.</summary>
        internal DbSet<KeyRotationState> KeyRotations => db.Set<KeyRotationState>();
    }
}

internal sealed class ClientKeyConfiguration : IEntityTypeConfiguration<ClientKey>
{
    public void Configure(EntityTypeBuilder<ClientKey> builder)
    {
        builder.ToTable("client_keys").HasKey(client => client.Id);
        builder.Property(client => client.Id).HasMaxLength(12);
        builder.Property(client => client.Name).HasMaxLength(64);
        builder.Property(client => client.Acts).HasMaxLength(64).HasDefaultValue(ClientActs.Usual);
        builder.HasIndex(client => client.Name).IsUnique().HasFilter("revoked_at IS NULL");
        builder.Ignore(client => client.Actor);
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

internal sealed class KeyRotationConfiguration : IEntityTypeConfiguration<KeyRotationState>
{
    public void Configure(EntityTypeBuilder<KeyRotationState> builder)
    {
        builder.ToTable("key_rotation").HasKey(rotation => rotation.Id);
        builder.Property(rotation => rotation.Id).ValueGeneratedNever();
    }
}
