using System;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace TokenRefresh.Jobs.Persistence.Migrations
{
    /// <inheritdoc />
    public partial class HoursInColumns : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropIndex(
                name: "ix_token_refresh_logs_duration",
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
                name: "ix_token_refresh_logs_status_started_at_id",
                table: "token_refresh_logs");

            migrationBuilder.DropIndex(
                name: "ix_token_refresh_logs_trigger_type_started_at_id",
                table: "token_refresh_logs");

            // Every counted hour has its rows in the log (the triggers forgot it otherwise), so all are counted anew, in the background.
            migrationBuilder.Sql(AttemptHoursTrigger.DownWithOneForChanges);

            migrationBuilder.DropTable(
                name: "token_refresh_hours");

            migrationBuilder.CreateTable(
                name: "token_refresh_hours",
                columns: table => new
                {
                    hour = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    provider = table.Column<string>(type: "character varying(64)", maxLength: 64, nullable: false),
                    token_name = table.Column<string>(type: "character varying(64)", maxLength: 64, nullable: false),
                    error_code = table.Column<string>(type: "character varying(32)", maxLength: 32, nullable: false),
                    attempts = table.Column<long>(type: "bigint", nullable: false),
                    succeeded = table.Column<long>(type: "bigint", nullable: false),
                    failed = table.Column<long>(type: "bigint", nullable: false),
                    skipped = table.Column<long>(type: "bigint", nullable: false),
                    manual = table.Column<long>(type: "bigint", nullable: false),
                    forced = table.Column<long>(type: "bigint", nullable: false),
                    timed = table.Column<long>(type: "bigint", nullable: false),
                    duration_ms = table.Column<long>(type: "bigint", nullable: false),
                    under_25_ms = table.Column<long>(type: "bigint", nullable: false),
                    under_50_ms = table.Column<long>(type: "bigint", nullable: false),
                    under_75_ms = table.Column<long>(type: "bigint", nullable: false),
                    under_100_ms = table.Column<long>(type: "bigint", nullable: false),
                    under_150_ms = table.Column<long>(type: "bigint", nullable: false),
                    under_200_ms = table.Column<long>(type: "bigint", nullable: false),
                    under_250_ms = table.Column<long>(type: "bigint", nullable: false),
                    under_300_ms = table.Column<long>(type: "bigint", nullable: false),
                    under_400_ms = table.Column<long>(type: "bigint", nullable: false),
                    under_500_ms = table.Column<long>(type: "bigint", nullable: false),
                    under_650_ms = table.Column<long>(type: "bigint", nullable: false),
                    under_800_ms = table.Column<long>(type: "bigint", nullable: false),
                    under_1000_ms = table.Column<long>(type: "bigint", nullable: false),
                    under_1300_ms = table.Column<long>(type: "bigint", nullable: false),
                    under_1600_ms = table.Column<long>(type: "bigint", nullable: false),
                    under_2000_ms = table.Column<long>(type: "bigint", nullable: false),
                    under_2500_ms = table.Column<long>(type: "bigint", nullable: false),
                    under_3200_ms = table.Column<long>(type: "bigint", nullable: false),
                    under_4000_ms = table.Column<long>(type: "bigint", nullable: false),
                    under_5000_ms = table.Column<long>(type: "bigint", nullable: false),
                    under_7500_ms = table.Column<long>(type: "bigint", nullable: false),
                    under_10000_ms = table.Column<long>(type: "bigint", nullable: false),
                    under_15000_ms = table.Column<long>(type: "bigint", nullable: false),
                    under_30000_ms = table.Column<long>(type: "bigint", nullable: false),
                    longer = table.Column<long>(type: "bigint", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_token_refresh_hours", x => new { x.token_name, x.hour, x.provider, x.error_code });
                });

            migrationBuilder.CreateIndex(
                name: "ix_token_refresh_hours_hour",
                table: "token_refresh_hours",
                column: "hour");

            migrationBuilder.CreateIndex(
                name: "ix_token_refresh_logs_duration",
                table: "token_refresh_logs",
                columns: new[] { "duration_ms", "id", "started_at", "token_name", "provider", "status" },
                filter: "status IN ('success', 'failed')");

            migrationBuilder.CreateIndex(
                name: "ix_token_refresh_logs_failed",
                table: "token_refresh_logs",
                columns: new[] { "started_at", "id", "token_name", "error_code" },
                filter: "status = 'failed'");

            migrationBuilder.CreateIndex(
                name: "ix_token_refresh_logs_trigger_type_started_at_id",
                table: "token_refresh_logs",
                columns: new[] { "trigger_type", "started_at", "id" },
                filter: "trigger_type NOT IN ('automatic', 'due')");
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropIndex(
                name: "ix_token_refresh_logs_duration",
                table: "token_refresh_logs");

            migrationBuilder.DropIndex(
                name: "ix_token_refresh_logs_failed",
                table: "token_refresh_logs");

            migrationBuilder.DropIndex(
                name: "ix_token_refresh_logs_trigger_type_started_at_id",
                table: "token_refresh_logs");

            migrationBuilder.DropTable(
                name: "token_refresh_hours");

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
                name: "ix_token_refresh_hours_hour",
                table: "token_refresh_hours",
                column: "hour");

            migrationBuilder.Sql(AttemptHoursTrigger.Up);
            migrationBuilder.Sql(AttemptHoursTrigger.UpToOneForChanges);

            migrationBuilder.CreateIndex(
                name: "ix_token_refresh_logs_duration",
                table: "token_refresh_logs",
                columns: new[] { "duration_ms", "id", "started_at", "token_name", "status" },
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
                name: "ix_token_refresh_logs_status_started_at_id",
                table: "token_refresh_logs",
                columns: new[] { "status", "started_at", "id" });

            migrationBuilder.CreateIndex(
                name: "ix_token_refresh_logs_trigger_type_started_at_id",
                table: "token_refresh_logs",
                columns: new[] { "trigger_type", "started_at", "id" });
        }
    }
}
