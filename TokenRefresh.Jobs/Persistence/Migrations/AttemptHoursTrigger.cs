namespace TokenRefresh.Jobs.Persistence.Migrations;

/// <summary>
/// The triggers that earlier versions had on the log, which the migration HoursInColumns takes away: they forgot what was counted for an hour of which
/// a row was added, changed or deleted. For migrations.
/// </summary>
internal static class AttemptHoursTrigger
{
    // The shared lock is held until the change is committed; counting takes the hour's lock alone, so neither misses the other.
    public const string Up =
        """
        CREATE FUNCTION forget_token_refresh_hours() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE changed_hour timestamptz;
        BEGIN
          FOR changed_hour IN SELECT DISTINCT date_trunc('hour', started_at, 'UTC') FROM changed ORDER BY 1 LOOP
            PERFORM pg_advisory_xact_lock_shared(724500, (extract(epoch FROM changed_hour) / 3600)::int);
            DELETE FROM token_refresh_hours WHERE hour = changed_hour;
          END LOOP;
          RETURN NULL;
        END $$;

        CREATE FUNCTION forget_all_token_refresh_hours() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          DELETE FROM token_refresh_hours;
          RETURN NULL;
        END $$;

        CREATE TRIGGER forget_hours_of_added AFTER INSERT ON token_refresh_logs REFERENCING NEW TABLE AS changed
          FOR EACH STATEMENT EXECUTE FUNCTION forget_token_refresh_hours();
        CREATE TRIGGER forget_hours_of_changed AFTER UPDATE ON token_refresh_logs REFERENCING OLD TABLE AS changed
          FOR EACH STATEMENT EXECUTE FUNCTION forget_token_refresh_hours();
        CREATE TRIGGER forget_hours_of_moved AFTER UPDATE ON token_refresh_logs REFERENCING NEW TABLE AS changed
          FOR EACH STATEMENT EXECUTE FUNCTION forget_token_refresh_hours();
        CREATE TRIGGER forget_hours_of_deleted AFTER DELETE ON token_refresh_logs REFERENCING OLD TABLE AS changed
          FOR EACH STATEMENT EXECUTE FUNCTION forget_token_refresh_hours();
        CREATE TRIGGER forget_hours_of_truncated AFTER TRUNCATE ON token_refresh_logs
          FOR EACH STATEMENT EXECUTE FUNCTION forget_all_token_refresh_hours();
        """;

    /// <summary>One trigger for a change instead of two: it runs at each refresh, and both would look at the same hour.</summary>
    public const string UpToOneForChanges =
        """
        CREATE FUNCTION forget_changed_token_refresh_hours() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE changed_hour timestamptz;
        BEGIN
          FOR changed_hour IN SELECT date_trunc('hour', started_at, 'UTC') FROM was UNION SELECT date_trunc('hour', started_at, 'UTC') FROM changed ORDER BY 1 LOOP
            PERFORM pg_advisory_xact_lock_shared(724500, (extract(epoch FROM changed_hour) / 3600)::int);
            DELETE FROM token_refresh_hours WHERE hour = changed_hour;
          END LOOP;
          RETURN NULL;
        END $$;

        DROP TRIGGER forget_hours_of_changed ON token_refresh_logs;
        DROP TRIGGER forget_hours_of_moved ON token_refresh_logs;
        CREATE TRIGGER forget_hours_of_changed AFTER UPDATE ON token_refresh_logs REFERENCING OLD TABLE AS was NEW TABLE AS changed
          FOR EACH STATEMENT EXECUTE FUNCTION forget_changed_token_refresh_hours();
        """;

    public const string DownFromOneForChanges =
        """
        DROP TRIGGER forget_hours_of_changed ON token_refresh_logs;
        DROP FUNCTION forget_changed_token_refresh_hours();
        CREATE TRIGGER forget_hours_of_changed AFTER UPDATE ON token_refresh_logs REFERENCING OLD TABLE AS changed
          FOR EACH STATEMENT EXECUTE FUNCTION forget_token_refresh_hours();
        CREATE TRIGGER forget_hours_of_moved AFTER UPDATE ON token_refresh_logs REFERENCING NEW TABLE AS changed
          FOR EACH STATEMENT EXECUTE FUNCTION forget_token_refresh_hours();
        """;

    public const string Down =
        """
        DROP TRIGGER forget_hours_of_added ON token_refresh_logs;
        DROP TRIGGER forget_hours_of_changed ON token_refresh_logs;
        DROP TRIGGER forget_hours_of_moved ON token_refresh_logs;
        DROP TRIGGER forget_hours_of_deleted ON token_refresh_logs;
        DROP TRIGGER forget_hours_of_truncated ON token_refresh_logs;
        DROP FUNCTION forget_token_refresh_hours();
        DROP FUNCTION forget_all_token_refresh_hours();
        """;

    /// <summary>All of it away, as it is with one trigger for changes.</summary>
    public const string DownWithOneForChanges =
        """
        DROP TRIGGER forget_hours_of_added ON token_refresh_logs;
        DROP TRIGGER forget_hours_of_changed ON token_refresh_logs;
        DROP TRIGGER forget_hours_of_deleted ON token_refresh_logs;
        DROP TRIGGER forget_hours_of_truncated ON token_refresh_logs;
        DROP FUNCTION forget_changed_token_refresh_hours();
        DROP FUNCTION forget_token_refresh_hours();
        DROP FUNCTION forget_all_token_refresh_hours();
        """;
}
