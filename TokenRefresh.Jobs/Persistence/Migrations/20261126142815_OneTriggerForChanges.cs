using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace TokenRefresh.Jobs.Persistence.Migrations
{
    /// <inheritdoc />
    public partial class OneTriggerForChanges : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.Sql(AttemptHoursTrigger.UpToOneForChanges);
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.Sql(AttemptHoursTrigger.DownFromOneForChanges);
        }
    }
}
