using System;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace TokenRefresh.Jobs.Persistence.Migrations
{
    /// <inheritdoc />
    public partial class UnavailableIntervals : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.CreateTable(
                name: "unavailable_intervals",
                columns: table => new
                {
                    token_name = table.Column<string>(type: "character varying(64)", maxLength: 64, nullable: false),
                    from = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    to = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    cause = table.Column<string>(type: "character varying(32)", maxLength: 32, nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_unavailable_intervals", x => new { x.token_name, x.from });
                });

            migrationBuilder.CreateIndex(
                name: "ix_unavailable_intervals_to",
                table: "unavailable_intervals",
                column: "to");

            migrationBuilder.Sql(TakenOverColumns.CopyGaps);
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropTable(
                name: "unavailable_intervals");
        }
    }
}
