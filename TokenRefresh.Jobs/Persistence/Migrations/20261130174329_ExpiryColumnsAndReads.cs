using System;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace TokenRefresh.Jobs.Persistence.Migrations
{
    /// <inheritdoc />
    public partial class ExpiryColumnsAndReads : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.CreateTable(
                name: "client_reads",
                columns: table => new
                {
                    token_name = table.Column<string>(type: "character varying(64)", maxLength: 64, nullable: false),
                    client = table.Column<string>(type: "text", nullable: false),
                    hour = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    reads = table.Column<long>(type: "bigint", nullable: false),
                    last_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_client_reads", x => new { x.token_name, x.client, x.hour });
                });

            migrationBuilder.CreateTable(
                name: "key_rotation",
                columns: table => new
                {
                    id = table.Column<int>(type: "integer", nullable: false),
                    key = table.Column<Guid>(type: "uuid", nullable: false),
                    begun_by = table.Column<string>(type: "text", nullable: false),
                    begun_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    ended_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_key_rotation", x => x.id);
                });

            migrationBuilder.CreateIndex(
                name: "ix_client_reads_hour",
                table: "client_reads",
                column: "hour");

            migrationBuilder.Sql(TakenOverColumns.CopyReads);
            migrationBuilder.Sql(TakenOverColumns.CopyRotation);

            // Last, because it keeps others from the log until all of this is committed.
            migrationBuilder.AddColumn<DateTimeOffset>(
                name: "new_expires_at",
                table: "token_refresh_logs",
                type: "timestamp with time zone",
                nullable: true);

            migrationBuilder.AddColumn<DateTimeOffset>(
                name: "old_expires_at",
                table: "token_refresh_logs",
                type: "timestamp with time zone",
                nullable: true);
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropTable(
                name: "client_reads");

            migrationBuilder.DropTable(
                name: "key_rotation");

            migrationBuilder.DropColumn(
                name: "new_expires_at",
                table: "token_refresh_logs");

            migrationBuilder.DropColumn(
                name: "old_expires_at",
                table: "token_refresh_logs");
        }
    }
}
