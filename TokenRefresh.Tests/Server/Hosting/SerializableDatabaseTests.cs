using Shouldly;
using TokenRefresh.Jobs.Attempts;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Tests.Fixtures;
using TokenRefresh.Tests.Processes;

namespace TokenRefresh.Tests.Server.Hosting;

/// <summary>A database whose default is a stricter isolation than the program is written for.</summary>
public sealed class SerializableDatabaseTests(PostgresFixture postgres)
{
    [Fact]
    public async Task Neither_ours_nor_Hangfire_s_tables_are_written_at_the_level_that_the_database_has_as_its_default()
    {
        var given = await postgres.CreateMigratedDatabaseAsync();
        await RealDatabases.ExecuteAsync(
            given,
            """
            CREATE TABLE levels (place text, level text);
            CREATE FUNCTION note_level() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
              INSERT INTO public.levels VALUES (TG_TABLE_SCHEMA || '.' || TG_TABLE_NAME, current_setting('transaction_isolation'));
              RETURN NULL;
            END $$;
            DO $$ DECLARE place regclass; BEGIN
              EXECUTE format('ALTER DATABASE %I SET default_transaction_isolation = serializable', current_database());
              FOR place IN SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r' AND n.nspname IN ('public', 'hangfire') AND c.relname <> 'levels' LOOP
                EXECUTE format('CREATE TRIGGER note_level AFTER INSERT OR UPDATE OR DELETE ON %s FOR EACH STATEMENT EXECUTE FUNCTION public.note_level()', place);
              END LOOP;
            END $$;
            """);
        await using var server = await RunningServer.StartAsync(postgres, given);

        server.Queue.Enqueue(["jibit"], RefreshTrigger.Manual, "olga");

        await RunningServer.UntilAsync(async () => (await server.LogAsync()).Exists(row => row.Status == AttemptStatus.Success), "the token is obtained");
        (await RealDatabases.ScalarAsync<string[]>(given, "SELECT array_agg(DISTINCT place) FROM levels WHERE place IN ('public.tokens', 'public.token_refresh_logs', 'hangfire.job', 'hangfire.server')")).Length.ShouldBe(4);
        (await RealDatabases.ScalarAsync<string>(given, "SELECT coalesce(string_agg(DISTINCT place, ' '), '') FROM levels WHERE level = 'serializable'")).ShouldBe("");
    }
}
