using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace TokenRefresh.Jobs.Tokens;

/// <summary>A stretch of time, of one cause, in which a token that was obtained before had no valid value. Written with the save that ends it.</summary>
public sealed class UnavailableInterval
{
    /// <summary>The cause where a person had paused the token; the freshness objective does not count it.</summary>
    public const string Paused = "paused";

    /// <summary>The cause where the token was in no settings, so that nobody was to keep it fresh.</summary>
    public const string NotConfigured = "not_configured";

    /// <summary>The cause where no refresh had failed: none was made in time, for example because no server ran.</summary>
    public const string NotRefreshed = "not_refreshed";

    /// <summary>The name of the primary key in the database.</summary>
    internal const string KeyName = "pk_unavailable_intervals";

    /// <summary>The token's name.</summary>
    public string TokenName { get; init; } = "";

    /// <summary>When the value before expired, or a pause began or ended after that.</summary>
    public DateTimeOffset From { get; init; }

    /// <summary>When the next value was there, or a pause began or ended.</summary>
    public DateTimeOffset To { get; init; }

    /// <summary>Why: the code of the last failure, or one of the words above; <c>not_recorded</c> where it was taken over from the log of an earlier version.</summary>
    public string Cause { get; init; } = "";
}

internal sealed class UnavailableIntervalConfiguration : IEntityTypeConfiguration<UnavailableInterval>
{
    public void Configure(EntityTypeBuilder<UnavailableInterval> builder)
    {
        builder.ToTable("unavailable_intervals").HasKey(row => new { row.TokenName, row.From }).HasName(UnavailableInterval.KeyName);
        builder.Property(row => row.TokenName).HasMaxLength(64);
        builder.Property(row => row.Cause).HasMaxLength(32);
        builder.HasIndex(row => row.To);
    }
}
