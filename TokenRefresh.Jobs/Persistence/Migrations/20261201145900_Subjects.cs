using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace TokenRefresh.Jobs.Persistence.Migrations
{
    /// <inheritdoc />
    public partial class Subjects : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.AddColumn<string>(
                name: "subject",
                table: "tokens",
                type: "text",
                nullable: true);

            migrationBuilder.AddColumn<string>(
                name: "subject_hash",
                table: "tokens",
                type: "character varying(64)",
                maxLength: 64,
                nullable: true);

            migrationBuilder.CreateIndex(
                name: "ix_tokens_subject_hash",
                table: "tokens",
                column: "subject_hash",
                filter: "subject_hash IS NOT NULL");
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropIndex(
                name: "ix_tokens_subject_hash",
                table: "tokens");

            migrationBuilder.DropColumn(
                name: "subject",
                table: "tokens");

            migrationBuilder.DropColumn(
                name: "subject_hash",
                table: "tokens");
        }
    }
}
