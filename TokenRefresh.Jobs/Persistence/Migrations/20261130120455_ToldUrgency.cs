using System.Collections.Generic;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace TokenRefresh.Jobs.Persistence.Migrations
{
    /// <inheritdoc />
    public partial class ToldUrgency : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.AddColumn<List<string>>(
                name: "told_critical",
                table: "incidents",
                type: "text[]",
                nullable: false,
                defaultValueSql: "'{}'");

            migrationBuilder.AddColumn<List<string>>(
                name: "told_expired",
                table: "incidents",
                type: "text[]",
                nullable: false,
                defaultValueSql: "'{}'");

            // What was told before is not told again because of the update.
            migrationBuilder.Sql("UPDATE incidents SET told_critical = told_subjects WHERE critical_told_at IS NOT NULL AND resolved_at IS NULL");
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropColumn(
                name: "told_critical",
                table: "incidents");

            migrationBuilder.DropColumn(
                name: "told_expired",
                table: "incidents");
        }
    }
}
