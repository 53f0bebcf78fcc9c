using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Providers;

namespace TokenRefresh.Jobs.Tokens;

/// <summary>The rows of this room in the database.</summary>
public static class TokenTables
{
    extension(TokenRefreshDbContext db)
    {
        /// <summary>The tokens.</summary>
        public DbSet<Token> Tokens => db.Set<Token>();

        /// <summary>The tokens that imports took the place of.</summary>
        public DbSet<ReplacedToken> ReplacedTokens => db.Set<ReplacedToken>();

        /// <summary>The times in which a token had no valid value.</summary>
        public DbSet<UnavailableInterval> UnavailableIntervals => db.Set<UnavailableInterval>();

        /// <summary>The names whose tokens were removed.</summary>
        internal DbSet<RemovedToken> RemovedTokens => db.Set<RemovedToken>();
    }
}

internal sealed class TokenConfiguration : IEntityTypeConfiguration<Token>
{
    public void Configure(EntityTypeBuilder<Token> builder)
    {
        builder.ToTable("tokens").HasKey(token => token.Name);
        builder.Property(token => token.Name).HasMaxLength(64);
        builder.Property(token => token.Provider).HasMaxLength(64);
        builder.Property(token => token.Metadata).HasColumnType("jsonb");
        builder.Property(token => token.Origin).HasMaxLength(16).HasConversion<LowerCase<Origin>>().HasDefaultValue(Origin.Declared);
        builder.Property(token => token.Scopes).HasColumnType("text[]").HasDefaultValueSql("'{}'");
        builder.Property(token => token.Grant).HasMaxLength(32).HasConversion<string>().HasDefaultValue(Grant.ClientCredentials);
        builder.Property(token => token.Parameters).HasColumnType("jsonb").HasDefaultValueSql("'{}'");
        builder.Property(token => token.Labels).HasColumnType("jsonb").HasDefaultValueSql("'{}'");
        builder.Property(token => token.SubjectHash).HasMaxLength(64);
        builder.Property(token => token.LastErrorCode).HasMaxLength(32);
        builder.Ignore(token => token.LastFailure).Ignore(token => token.RestoredFrom).Ignore(token => token.Definition);

        // Every write states the version and the lease that it read: a stale writer loses.
        builder.Property(token => token.Version).IsConcurrencyToken();
        builder.Property(token => token.LeaseOwner).IsConcurrencyToken();

        // Every index costs each refresh, so those that serve what is rare hold only what is rare.
        builder.HasIndex(token => new { token.Provider, token.RefreshDueAt });
        builder.HasIndex(token => new { token.Provider, token.ExpiresAt });
        builder.HasIndex(token => token.LastUsedAt).HasFilter("last_used_at IS NOT NULL");
        builder.HasIndex(token => new { token.Provider, token.ExpiresAt }, "ix_tokens_failed").HasFilter("last_error_code IS NOT NULL");
        builder.HasIndex(token => token.Provider, "ix_tokens_never_obtained").HasFilter("access_token IS NULL");
        builder.HasIndex(token => token.Provider, "ix_tokens_undeclared").HasFilter("origin = 'undeclared'");
        builder.HasIndex(token => token.ExpiresAt, "ix_tokens_imported").HasFilter("\"grant\" = 'Imported'");
        builder.HasIndex(token => token.PausedAt).HasFilter("paused_at IS NOT NULL");
        builder.HasIndex(token => token.Labels).HasMethod("gin").HasFilter("labels <> '{}'");
        builder.HasIndex(token => token.SubjectHash).HasFilter("subject_hash IS NOT NULL");
    }
}

internal sealed class RemovedTokenConfiguration : IEntityTypeConfiguration<RemovedToken>
{
    public void Configure(EntityTypeBuilder<RemovedToken> builder)
    {
        builder.ToTable("removed_tokens").HasKey(token => token.Name);
        builder.Property(token => token.Name).HasMaxLength(64);
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
