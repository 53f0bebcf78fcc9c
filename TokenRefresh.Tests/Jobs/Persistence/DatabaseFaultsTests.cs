using Microsoft.EntityFrameworkCore;
using Npgsql;
using Shouldly;
using TokenRefresh.Jobs.Persistence;

namespace TokenRefresh.Tests.Jobs.Persistence;

public sealed class DatabaseFaultsTests
{
    [Theory]
    [InlineData("08006", true)]
    [InlineData("28P01", true)]
    [InlineData("28000", true)]
    [InlineData("3D000", true)]
    [InlineData("53100", true)]
    [InlineData("55000", true)]
    [InlineData("57P01", true)]
    [InlineData("XX000", true)]
    [InlineData("23505", false)]
    [InlineData("22021", false)]
    [InlineData("40P01", false)]
    [InlineData("42P01", false)]
    public void A_database_is_away_where_waiting_can_help_and_not_where_a_statement_is_wrong(string state, bool isAway) =>
        DatabaseFaults.IsAway(new DbUpdateException("", new PostgresException("", "", "", state))).ShouldBe(isAway);
}
