using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Design;

namespace TokenRefresh.Server.Access;

/// <summary>Lets <c>dotnet ef</c> write migrations without a host and without a database.</summary>
internal sealed class DesignTimeOperators : IDesignTimeDbContextFactory<OperatorsDbContext>
{
    public OperatorsDbContext CreateDbContext(string[] args) =>
        new(new DbContextOptionsBuilder<OperatorsDbContext>().UseNpgsql("Host=design-time").UseSnakeCaseNamingConvention().Options);
}
