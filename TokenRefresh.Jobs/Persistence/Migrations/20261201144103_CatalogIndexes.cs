using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace TokenRefresh.Jobs.Persistence.Migrations
{
    /// <inheritdoc />
    public partial class CatalogIndexes : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropIndex(
                name: "ix_tokens_provider",
                table: "tokens");

            migrationBuilder.DropIndex(
                name: "ix_tokens_refresh_due_at",
                table: "tokens");

            migrationBuilder.CreateIndex(
                name: "ix_tokens_expires_at",
                table: "tokens",
                column: "expires_at",
                filter: "\"grant\" = 'Imported'");

            migrationBuilder.CreateIndex(
                name: "ix_tokens_labels",
                table: "tokens",
                column: "labels",
                filter: "labels <> '{}'")
                .Annotation("Npgsql:IndexMethod", "gin");

            migrationBuilder.CreateIndex(
                name: "ix_tokens_last_used_at",
                table: "tokens",
                column: "last_used_at",
                filter: "last_used_at IS NOT NULL");

            migrationBuilder.CreateIndex(
                name: "ix_tokens_paused_at",
                table: "tokens",
                column: "paused_at",
                filter: "paused_at IS NOT NULL");

            migrationBuilder.CreateIndex(
                name: "ix_tokens_provider",
                table: "tokens",
                column: "provider",
                filter: "access_token IS NULL");

            migrationBuilder.CreateIndex(
                name: "ix_tokens_provider1",
                table: "tokens",
                column: "provider",
                filter: "origin = 'undeclared'");

            migrationBuilder.CreateIndex(
                name: "ix_tokens_provider_expires_at",
                table: "tokens",
                columns: new[] { "provider", "expires_at" });

            migrationBuilder.CreateIndex(
                name: "ix_tokens_provider_expires_at1",
                table: "tokens",
                columns: new[] { "provider", "expires_at" },
                filter: "last_error_code IS NOT NULL");

            migrationBuilder.CreateIndex(
                name: "ix_tokens_provider_refresh_due_at",
                table: "tokens",
                columns: new[] { "provider", "refresh_due_at" });
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropIndex(
                name: "ix_tokens_expires_at",
                table: "tokens");

            migrationBuilder.DropIndex(
                name: "ix_tokens_labels",
                table: "tokens");

            migrationBuilder.DropIndex(
                name: "ix_tokens_last_used_at",
                table: "tokens");

            migrationBuilder.DropIndex(
                name: "ix_tokens_paused_at",
                table: "tokens");

            migrationBuilder.DropIndex(
                name: "ix_tokens_provider",
                table: "tokens");

            migrationBuilder.DropIndex(
                name: "ix_tokens_provider1",
                table: "tokens");

            migrationBuilder.DropIndex(
                name: "ix_tokens_provider_expires_at",
                table: "tokens");

            migrationBuilder.DropIndex(
                name: "ix_tokens_provider_expires_at1",
                table: "tokens");

            migrationBuilder.DropIndex(
                name: "ix_tokens_provider_refresh_due_at",
                table: "tokens");

            migrationBuilder.CreateIndex(
                name: "ix_tokens_provider",
                table: "tokens",
                column: "provider");

            migrationBuilder.CreateIndex(
                name: "ix_tokens_refresh_due_at",
                table: "tokens",
                column: "refresh_due_at");
        }
    }
}
