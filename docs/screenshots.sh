#!/usr/bin/env bash
# Takes the pictures of README.md and admin-panel.md from the running sandbox with a month of generated history. Needs a build (dotnet build), Node.js, Chromium and psql.
# Usage: docs/screenshots.sh [PORT]
set -euo pipefail
cd "$(dirname "$0")/.."
port=${1:-5178}
work=$(mktemp -d)
chmod 755 "$work"
trap 'kill $(jobs -p) 2> /dev/null; wait; rm -rf "$work"' EXIT

export Data__Directory=$work/data Access__AdminPassword='a long enough password' ASPNETCORE_ENVIRONMENT=Development
dotnet TokenRefresh.Server/bin/Debug/net10.0/TokenRefresh.Server.dll --urls "http://localhost:$port" > "$work/server.log" 2>&1 &
for _ in $(seq 1 120); do curl -sf "http://localhost:$port/health/fresh" > /dev/null && break; sleep 0.5; done

PGPASSWORD=$(cat "$work/data/postgres/password") psql -qX -h 127.0.0.1 -p "$(sed -n 4p "$work/data/postgres/cluster/postmaster.pid")" -v ON_ERROR_STOP=1 -U tokenrefresh tokenrefresh << 'SQL'
INSERT INTO token_refresh_logs (provider, token_name, status, trigger_type, triggered_by, message, old_expires_at, new_expires_at, metadata, started_at, completed_at, duration_ms, error_code, error_details, attempt, node)
SELECT CASE token WHEN 'jibit' THEN 'jibit' ELSE 'finnotech' END, token, outcome,
       CASE outcome WHEN 'skipped' THEN 'automatic' ELSE 'due' END, 'schedule',
       CASE outcome WHEN 'success' THEN 'Refreshed.' WHEN 'failed' THEN CASE WHEN number % 5 = 0 THEN 'HTTP 429' ELSE 'HTTP 503' END ELSE 'Fresh: nothing is due.' END,
       at + interval '8 hours', CASE outcome WHEN 'success' THEN at + interval '24 hours' END, '{}',
       at, at + took * interval '1 ms', took, CASE outcome WHEN 'failed' THEN CASE WHEN number % 5 = 0 THEN 'rate_limited' ELSE 'provider_down' END END,
       CASE outcome WHEN 'failed' THEN CASE WHEN number % 5 = 0 THEN 'HTTP 429' ELSE 'HTTP 503' END END, 1, 'node-1'
FROM (SELECT number, at, token, outcome, CASE outcome WHEN 'skipped' THEN 0 ELSE 150 + number * 7919 % 400 + CASE WHEN is_outage THEN 1500 ELSE 0 END END AS took
      FROM (SELECT number, at, token, is_outage, CASE WHEN is_outage AND number % 4 <> 0 THEN 'failed' WHEN number % 6 = 0 THEN 'skipped' ELSE 'success' END AS outcome
            FROM (SELECT number, now() - interval '10 minutes' - number * interval '9 minutes' AS at, (ARRAY['jibit', 'fino', 'fino_kyc', 'fino_sms', 'fino_credit'])[1 + number % 5] AS token,
                         number BETWEEN 40 AND 58 OR number BETWEEN 2000 AND 2030 AS is_outage
                  FROM generate_series(1, 4700) AS number) AS made) AS told) AS timed
ORDER BY at;
SQL

node docs/screenshots.mjs "http://localhost:$port" docs/images
ls -l docs/images
