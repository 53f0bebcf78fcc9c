using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Design;

namespace TokenRefresh.Server.Access;

/// <summary>Lets <c>dotnet ef</c> write migrations without a host and without a database.</summary>
internal sealed class DesignTimePanelUsers : IDesignTimeDbContextFactory<PanelUsersDbContext>
{
    public PanelUsersDbContext CreateDbContext(string[] args) =>
        new(new DbContextOptionsBuilder<PanelUsersDbContext>().UseNpgsql("Host=design-time").UseSnakeCaseNamingConvention().Options);
}
