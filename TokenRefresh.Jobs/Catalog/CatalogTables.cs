using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using TokenRefresh.Jobs.Persistence;

namespace TokenRefresh.Jobs.Catalog;

/// <summary>The rows of this room in the database.</summary>
public static class CatalogTables
{
    extension(TokenRefreshDbContext db)
    {
        /// <summary>The providers.</summary>
        public DbSet<ProviderRow> Providers => db.Set<ProviderRow>();
    }
}

internal sealed class ProviderRowConfiguration : IEntityTypeConfiguration<ProviderRow>
{
    public void Configure(EntityTypeBuilder<ProviderRow> builder)
    {
        builder.ToTable("providers").HasKey(provider => provider.Name);
        builder.Property(provider => provider.Name).HasMaxLength(64);
        builder.Property(provider => provider.Type).HasMaxLength(32);
        builder.Property(provider => provider.Origin).HasMaxLength(16).HasConversion<LowerCase<Tokens.Origin>>();

        // Text, so that what is compared at the next start is what was written.
        builder.Property(provider => provider.Settings).HasColumnType("json");
        builder.Property(provider => provider.Version).IsConcurrencyToken();
        builder.Ignore(provider => provider.IsManaged);
    }
}
