using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace TokenRefresh.Jobs.TokenCache;

/// <summary>How often one client has read one token within one hour.</summary>
internal sealed class ClientRead
{
    /// <summary>The token's name.</summary>
    public string TokenName { get; init; } = "";

    /// <summary>Who read it, as in the audit: <c>client:billing</c>.</summary>
    public string Client { get; init; } = "";

    /// <summary>When the hour began.</summary>
    public DateTimeOffset Hour { get; init; }

    /// <summary>How many reads.</summary>
    public long Reads { get; init; }

    /// <summary>How many further requests found no valid token, and were answered with 503.</summary>
    public long Refused { get; init; }

    /// <summary>When the last of either was written down.</summary>
    public DateTimeOffset LastAt { get; init; }
}

internal sealed class ClientReadConfiguration : IEntityTypeConfiguration<ClientRead>
{
    public void Configure(EntityTypeBuilder<ClientRead> builder)
    {
        builder.ToTable("client_reads").HasKey(row => new { row.TokenName, row.Client, row.Hour });
        builder.Property(row => row.TokenName).HasMaxLength(64);
        builder.HasIndex(row => row.Hour);
    }
}
