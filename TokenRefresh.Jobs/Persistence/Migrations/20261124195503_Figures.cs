using System;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace TokenRefresh.Jobs.Persistence.Migrations
{
    /// <inheritdoc />
    public partial class Figures : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropIndex(
                name: "ix_token_refresh_logs_provider_id",
                table: "token_refresh_logs");

            migrationBuilder.DropIndex(
                name: "ix_token_refresh_logs_started_at",
                table: "token_refresh_logs");

            migrationBuilder.DropIndex(
                name: "ix_token_refresh_logs_status_id",
                table: "token_refresh_logs");

            migrationBuilder.DropIndex(
                name: "ix_token_refresh_logs_token_name_id",
                table: "token_refresh_logs");

            migrationBuilder.CreateTable(
                name: "timetable_pauses",
                columns: table => new
                {
                    job = table.Column<string>(type: "character varying(64)", maxLength: 64, nullable: false),
                    paused_by = table.Column<string>(type: "text", nullable: false),
                    reason = table.Column<string>(type: "character varying(200)", maxLength: 200, nullable: false),
                    paused_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    until = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_timetable_pauses", x => x.job);
                });

            migrationBuilder.CreateTable(
                name: "token_refresh_hours",
                columns: table => new
                {
                    hour = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    provider = table.Column<string>(type: "character varying(64)", maxLength: 64, nullable: false),
                    token_name = table.Column<string>(type: "character varying(64)", maxLength: 64, nullable: false),
                    tally = table.Column<byte[]>(type: "bytea", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_token_refresh_hours", x => new { x.token_name, x.hour, x.provider });
                });

            migrationBuilder.CreateIndex(
                name: "ix_token_refresh_logs_duration_ms_id",
                table: "token_refresh_logs",
                columns: new[] { "duration_ms", "id" },
                filter: "status IN ('success', 'failed')");

            migrationBuilder.CreateIndex(
                name: "ix_token_refresh_logs_error_code_started_at_id",
                table: "token_refresh_logs",
                columns: new[] { "error_code", "started_at", "id" },
                filter: "error_code IS NOT NULL");

            migrationBuilder.CreateIndex(
                name: "ix_token_refresh_logs_failed",
                table: "token_refresh_logs",
                columns: new[] { "token_name", "started_at", "id" },
                filter: "status = 'failed'");

            migrationBuilder.CreateIndex(
                name: "ix_token_refresh_logs_provider_started_at_id",
                table: "token_refresh_logs",
                columns: new[] { "provider", "started_at", "id" });

            migrationBuilder.CreateIndex(
                name: "ix_token_refresh_logs_started_at_id",
                table: "token_refresh_logs",
                columns: new[] { "started_at", "id" });

            migrationBuilder.CreateIndex(
                name: "ix_token_refresh_logs_status_started_at_id",
                table: "token_refresh_logs",
                columns: new[] { "status", "started_at", "id" });

            migrationBuilder.CreateIndex(
                name: "ix_token_refresh_logs_token_name_started_at_id",
                table: "token_refresh_logs",
                columns: new[] { "token_name", "started_at", "id" });

            migrationBuilder.CreateIndex(
                name: "ix_token_refresh_logs_trigger_type_started_at_id",
                table: "token_refresh_logs",
                columns: new[] { "trigger_type", "started_at", "id" });

            migrationBuilder.CreateIndex(
                name: "ix_token_refresh_hours_hour",
                table: "token_refresh_hours",
                column: "hour");

            migrationBuilder.Sql(AttemptHoursTrigger.Up);
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.Sql(AttemptHoursTrigger.Down);

            migrationBuilder.DropTable(
                name: "timetable_pauses");

            migrationBuilder.DropTable(
                name: "token_refresh_hours");

            migrationBuilder.DropIndex(
                name: "ix_token_refresh_logs_duration_ms_id",
                table: "token_refresh_logs");

            migrationBuilder.DropIndex(
                name: "ix_token_refresh_logs_error_code_started_at_id",
                table: "token_refresh_logs");

            migrationBuilder.DropIndex(
                name: "ix_token_refresh_logs_failed",
                table: "token_refresh_logs");

            migrationBuilder.DropIndex(
                name: "ix_token_refresh_logs_provider_started_at_id",
                table: "token_refresh_logs");

            migrationBuilder.DropIndex(
                name: "ix_token_refresh_logs_started_at_id",
                table: "token_refresh_logs");

            migrationBuilder.DropIndex(
                name: "ix_token_refresh_logs_status_started_at_id",
                table: "token_refresh_logs");

            migrationBuilder.DropIndex(
                name: "ix_token_refresh_logs_token_name_started_at_id",
                table: "token_refresh_logs");

            migrationBuilder.DropIndex(
                name: "ix_token_refresh_logs_trigger_type_started_at_id",
                table: "token_refresh_logs");

            migrationBuilder.CreateIndex(
                name: "ix_token_refresh_logs_provider_id",
                table: "token_refresh_logs",
                columns: new[] { "provider", "id" });

            migrationBuilder.CreateIndex(
                name: "ix_token_refresh_logs_started_at",
                table: "token_refresh_logs",
                column: "started_at");

            migrationBuilder.CreateIndex(
                name: "ix_token_refresh_logs_status_id",
                table: "token_refresh_logs",
                columns: new[] { "status", "id" });

            migrationBuilder.CreateIndex(
                name: "ix_token_refresh_logs_token_name_id",
                table: "token_refresh_logs",
                columns: new[] { "token_name", "id" });
        }
    }
}
