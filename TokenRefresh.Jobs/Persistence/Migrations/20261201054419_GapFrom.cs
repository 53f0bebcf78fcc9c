using System;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace TokenRefresh.Jobs.Persistence.Migrations
{
    /// <inheritdoc />
    public partial class GapFrom : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.AddColumn<DateTimeOffset>(
                name: "gap_from",
                table: "tokens",
                type: "timestamp with time zone",
                nullable: true);
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropColumn(
                name: "gap_from",
                table: "tokens");
        }
    }
}
