using System;
using System.Collections.Generic;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace TokenRefresh.Jobs.Persistence.Migrations
{
    /// <inheritdoc />
    public partial class Catalog : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.AddColumn<string>(
                name: "grant",
                table: "tokens",
                type: "character varying(32)",
                maxLength: 32,
                nullable: false,
                defaultValue: "ClientCredentials");

            migrationBuilder.AddColumn<string>(
                name: "labels",
                table: "tokens",
                type: "jsonb",
                nullable: false,
                defaultValueSql: "'{}'");

            migrationBuilder.AddColumn<string>(
                name: "origin",
                table: "tokens",
                type: "character varying(16)",
                maxLength: 16,
                nullable: false,
                defaultValue: "declared");

            migrationBuilder.AddColumn<string>(
                name: "parameters",
                table: "tokens",
                type: "jsonb",
                nullable: false,
                defaultValueSql: "'{}'");

            migrationBuilder.AddColumn<List<string>>(
                name: "scopes",
                table: "tokens",
                type: "text[]",
                nullable: false,
                defaultValueSql: "'{}'");

            migrationBuilder.AddColumn<string>(
                name: "acts",
                table: "client_keys",
                type: "character varying(64)",
                maxLength: 64,
                nullable: false,
                defaultValue: "read,refresh");

            migrationBuilder.CreateTable(
                name: "providers",
                columns: table => new
                {
                    name = table.Column<string>(type: "character varying(64)", maxLength: 64, nullable: false),
                    type = table.Column<string>(type: "character varying(32)", maxLength: 32, nullable: false),
                    origin = table.Column<string>(type: "character varying(16)", maxLength: 16, nullable: false),
                    enabled = table.Column<bool>(type: "boolean", nullable: false),
                    is_configured = table.Column<bool>(type: "boolean", nullable: false),
                    settings = table.Column<string>(type: "json", nullable: false),
                    secrets = table.Column<string>(type: "text", nullable: true),
                    version = table.Column<long>(type: "bigint", nullable: false),
                    created_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    changed_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_providers", x => x.name);
                });

            migrationBuilder.CreateTable(
                name: "removed_tokens",
                columns: table => new
                {
                    name = table.Column<string>(type: "character varying(64)", maxLength: 64, nullable: false),
                    version = table.Column<long>(type: "bigint", nullable: false),
                    removed_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_removed_tokens", x => x.name);
                });
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropTable(
                name: "providers");

            migrationBuilder.DropTable(
                name: "removed_tokens");

            migrationBuilder.DropColumn(
                name: "grant",
                table: "tokens");

            migrationBuilder.DropColumn(
                name: "labels",
                table: "tokens");

            migrationBuilder.DropColumn(
                name: "origin",
                table: "tokens");

            migrationBuilder.DropColumn(
                name: "parameters",
                table: "tokens");

            migrationBuilder.DropColumn(
                name: "scopes",
                table: "tokens");

            migrationBuilder.DropColumn(
                name: "acts",
                table: "client_keys");
        }
    }
}
