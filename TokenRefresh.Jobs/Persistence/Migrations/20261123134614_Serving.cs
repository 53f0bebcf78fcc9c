using System;
using Microsoft.EntityFrameworkCore.Migrations;
using Npgsql.EntityFrameworkCore.PostgreSQL.Metadata;

#nullable disable

namespace TokenRefresh.Jobs.Persistence.Migrations
{
    /// <inheritdoc />
    public partial class Serving : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.CreateTable(
                name: "audit_log",
                columns: table => new
                {
                    id = table.Column<long>(type: "bigint", nullable: false)
                        .Annotation("Npgsql:ValueGenerationStrategy", NpgsqlValueGenerationStrategy.IdentityByDefaultColumn),
                    at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    actor = table.Column<string>(type: "text", nullable: false),
                    action = table.Column<string>(type: "text", nullable: false),
                    subject = table.Column<string>(type: "text", nullable: false),
                    details = table.Column<string>(type: "jsonb", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_audit_log", x => x.id);
                });

            migrationBuilder.CreateTable(
                name: "client_keys",
                columns: table => new
                {
                    id = table.Column<string>(type: "character varying(12)", maxLength: 12, nullable: false),
                    name = table.Column<string>(type: "character varying(64)", maxLength: 64, nullable: false),
                    secret_hash = table.Column<byte[]>(type: "bytea", nullable: false),
                    tokens = table.Column<string>(type: "text", nullable: false),
                    created_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    revoked_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true),
                    last_used_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_client_keys", x => x.id);
                });

            migrationBuilder.CreateTable(
                name: "repeated_requests",
                columns: table => new
                {
                    key = table.Column<string>(type: "text", nullable: false),
                    request_digest = table.Column<string>(type: "text", nullable: false),
                    answer = table.Column<string>(type: "text", nullable: false),
                    created_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_repeated_requests", x => x.key);
                });

            migrationBuilder.CreateIndex(
                name: "ix_audit_log_at",
                table: "audit_log",
                column: "at");

            migrationBuilder.CreateIndex(
                name: "ix_audit_log_subject_at",
                table: "audit_log",
                columns: new[] { "subject", "at" });

            migrationBuilder.CreateIndex(
                name: "ix_client_keys_name",
                table: "client_keys",
                column: "name",
                unique: true,
                filter: "revoked_at IS NULL");

            migrationBuilder.CreateIndex(
                name: "ix_repeated_requests_created_at",
                table: "repeated_requests",
                column: "created_at");

            // Whoever changes what readers see tells every node, whichever way the change is made.
            migrationBuilder.Sql(
                """
                CREATE FUNCTION notify_token_changed() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN
                  PERFORM pg_notify('tokenrefresh', NEW.name);
                  RETURN NULL;
                END $$;
                CREATE TRIGGER token_changed AFTER UPDATE ON tokens FOR EACH ROW
                WHEN (OLD.version IS DISTINCT FROM NEW.version OR OLD.access_token IS DISTINCT FROM NEW.access_token
                      OR OLD.paused_at IS DISTINCT FROM NEW.paused_at OR OLD.last_error_code IS DISTINCT FROM NEW.last_error_code
                      OR OLD.next_attempt_at IS DISTINCT FROM NEW.next_attempt_at)
                EXECUTE FUNCTION notify_token_changed();
                CREATE TRIGGER token_added AFTER INSERT ON tokens FOR EACH ROW EXECUTE FUNCTION notify_token_changed();

                CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN
                  RAISE EXCEPTION 'the audit log takes new rows only';
                END $$;
                CREATE TRIGGER audit_log_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log EXECUTE FUNCTION refuse_change();
                """);
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.Sql(
                """
                DROP TRIGGER token_changed ON tokens;
                DROP TRIGGER token_added ON tokens;
                DROP FUNCTION notify_token_changed();
                DROP TRIGGER audit_log_is_append_only ON audit_log;
                DROP FUNCTION refuse_change();
                """);

            migrationBuilder.DropTable(
                name: "audit_log");

            migrationBuilder.DropTable(
                name: "client_keys");

            migrationBuilder.DropTable(
                name: "repeated_requests");
        }
    }
}
