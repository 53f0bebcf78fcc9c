using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace TokenRefresh.Jobs.Persistence.Migrations
{
    /// <inheritdoc />
    public partial class DurationIndex : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropIndex(
                name: "ix_token_refresh_logs_duration_ms_id",
                table: "token_refresh_logs");

            migrationBuilder.CreateIndex(
                name: "ix_token_refresh_logs_duration",
                table: "token_refresh_logs",
                columns: new[] { "duration_ms", "id", "started_at", "token_name", "status" },
                filter: "status IN ('success', 'failed')");
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropIndex(
                name: "ix_token_refresh_logs_duration",
                table: "token_refresh_logs");

            migrationBuilder.CreateIndex(
                name: "ix_token_refresh_logs_duration_ms_id",
                table: "token_refresh_logs",
                columns: new[] { "duration_ms", "id" },
                filter: "status IN ('success', 'failed')");
        }
    }
}
