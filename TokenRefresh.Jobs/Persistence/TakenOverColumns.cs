namespace TokenRefresh.Jobs.Persistence;

/// <summary>Takes over what earlier versions kept in JSON or in the audit, into columns and tables of its own. For migrations.</summary>
internal static class TakenOverColumns
{
    /// <summary>The reads of the last 30 days, which is as far as anybody looks back; the audit keeps its entries.</summary>
    public const string CopyReads =
        """
        INSERT INTO client_reads (token_name, client, hour, reads, last_at)
        SELECT subject, actor, date_trunc('hour', at, 'UTC'), sum((details ->> 'reads')::bigint), max(at)
        FROM audit_log WHERE action = 'token.read' AND at >= now() - interval '30 days' AND length(subject) <= 64 AND jsonb_typeof(details -> 'reads') = 'number'
        GROUP BY 1, 2, 3;
        """;

    /// <summary>The last rotation of keys, which is still to be resumed where its end is not in the audit.</summary>
    public const string CopyRotation =
        """
        INSERT INTO key_rotation (id, key, begun_by, begun_at, ended_at)
        SELECT 1, begun.subject::uuid, begun.actor, begun.at, (SELECT min(ended.at) FROM audit_log ended WHERE ended.action = 'keys.rotation_ended' AND ended.id > begun.id)
        FROM audit_log begun WHERE begun.action = 'keys.rotation_begun' ORDER BY begun.id DESC LIMIT 1;
        """;

    /// <summary>The times without a valid value that the log tells of; why is not known.</summary>
    public const string CopyGaps =
        """
        INSERT INTO unavailable_intervals (token_name, "from", "to", cause)
        SELECT token_name, old_expires_at, completed_at, 'not_recorded' FROM token_refresh_logs WHERE status = 'success' AND completed_at > old_expires_at
        ON CONFLICT DO NOTHING;
        """;

    /// <summary>
    /// Old and new expiry of each attempt. A log may have millions of rows, so each batch is committed by itself: nobody waits for longer than one takes, and one
    /// that is cut short is taken up by the next start. What is no instant stays away.
    /// </summary>
    public const string FillExpiry =
        """
        DO $$
        DECLARE
          batch CONSTANT bigint := 10000;
          iso CONSTANT text := '^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$';
          first_id bigint;
          last_id bigint;
          attempt record;
        BEGIN
          SELECT min(id), max(id) INTO first_id, last_id FROM token_refresh_logs;
          WHILE first_id <= last_id LOOP
            BEGIN
              UPDATE token_refresh_logs
              SET old_expires_at = CASE WHEN metadata ->> 'old_expires_at' ~ iso THEN (metadata ->> 'old_expires_at')::timestamptz END,
                  new_expires_at = CASE WHEN metadata ->> 'new_expires_at' ~ iso THEN (metadata ->> 'new_expires_at')::timestamptz END
              WHERE id >= first_id AND id < first_id + batch AND old_expires_at IS NULL AND new_expires_at IS NULL
                AND (metadata ->> 'old_expires_at' ~ iso OR metadata ->> 'new_expires_at' ~ iso);
            EXCEPTION WHEN data_exception THEN
              -- Someone has written a thirtieth of February: the batch goes row by row, without that one.
              FOR attempt IN SELECT id, metadata ->> 'old_expires_at' AS old, metadata ->> 'new_expires_at' AS new FROM token_refresh_logs WHERE id >= first_id AND id < first_id + batch LOOP
                BEGIN
                  UPDATE token_refresh_logs
                  SET old_expires_at = CASE WHEN attempt.old ~ iso THEN attempt.old::timestamptz END, new_expires_at = CASE WHEN attempt.new ~ iso THEN attempt.new::timestamptz END
                  WHERE id = attempt.id AND old_expires_at IS NULL AND new_expires_at IS NULL AND (attempt.old ~ iso OR attempt.new ~ iso);
                EXCEPTION WHEN data_exception THEN
                  CONTINUE;
                END;
              END LOOP;
            END;
            COMMIT;
            first_id := first_id + batch;
          END LOOP;
        END $$;
        """;
}
