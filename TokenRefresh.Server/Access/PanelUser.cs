using Microsoft.AspNetCore.Identity;
using Microsoft.AspNetCore.Identity.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage.ValueConversion;
using TokenRefresh.Jobs.Persistence;

namespace TokenRefresh.Server.Access;

/// <summary>What a person may do; each role may do what the ones before it may.</summary>
internal enum Role
{
    /// <summary>Reads.</summary>
    Viewer,

    /// <summary>Refreshes, tests, pauses and resumes.</summary>
    Operator,

    /// <summary>Manages users and client keys, imports tokens, and reads the audit.</summary>
    Admin,
}

/// <summary>A person who may sign in to the panel.</summary>
internal sealed class PanelUser : IdentityUser
{
    /// <summary>What the person may do.</summary>
    public Role Role { get; set; }

    /// <summary>When the account was made.</summary>
    public DateTimeOffset CreatedAt { get; set; }

    /// <summary>Since when the person may not sign in; null while they may.</summary>
    public DateTimeOffset? DisabledAt { get; set; }

    /// <summary>When the person last signed in; null for never.</summary>
    public DateTimeOffset? LastSignInAt { get; set; }

    /// <summary>True for a person who signs in with their company account: no one else is without a password.</summary>
    public bool IsOfCompany => PasswordHash is null;
}

/// <summary>The people; apart from the tokens' context, because the rooms below this one know no web.</summary>
internal sealed class PanelUsersDbContext(DbContextOptions<PanelUsersDbContext> options) : IdentityUserContext<PanelUser>(options)
{
    public const string MigrationsTable = "__operators_migrations";

    protected override void OnModelCreating(ModelBuilder builder)
    {
        base.OnModelCreating(builder);
        builder.Entity<PanelUser>().ToTable("operators").Property(person => person.Role).HasConversion(
            new ValueConverter<Role, string>(role => role.ToString().ToLowerInvariant(), text => Enum.Parse<Role>(text, true)));

        // The tokens' context makes this table; here it is so that what was done to a person is written down in the same transaction.
        builder.Entity<AuditEntry>().ToTable("audit_log", table => table.ExcludeFromMigrations()).Property(entry => entry.Details).HasColumnType("jsonb");
        builder.Entity<IdentityUserClaim<string>>().ToTable("operator_claims");
        builder.Entity<IdentityUserLogin<string>>().ToTable("operator_logins");
        builder.Entity<IdentityUserToken<string>>().ToTable("operator_tokens");
    }
}
