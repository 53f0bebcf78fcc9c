using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Design;

namespace TokenRefresh.Jobs.Persistence;

/// <summary>For <c>dotnet ef migrations add</c>, which compares models and connects to nothing.</summary>
internal sealed class DesignTimeContext : IDesignTimeDbContextFactory<TokenRefreshDbContext>
{
    public TokenRefreshDbContext CreateDbContext(string[] args) =>
        new(new DbContextOptionsBuilder<TokenRefreshDbContext>().UseNpgsql().UseSnakeCaseNamingConvention().Options);
}
