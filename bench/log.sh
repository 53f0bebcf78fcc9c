#!/usr/bin/env bash
# The panel's pages and the API's figures with millions of rows in the log: fills a Postgres of its own and measures over HTTP.
# Needs a quiet machine, Postgres with auto_explain, and 4 GB of disk. The query plan of each page goes to PLANS, a temporary file by default.
# Usage: bench/log.sh [ROWS] [FILE] [ROUNDS] [PLANS]
set -euo pipefail
cd "$(dirname "$0")/.."
rows=${1:-5000000}
file=${2:-bench/results/log.md}
rounds=${3:-100}
plans=${4:-${TMPDIR:-/tmp}/tokenrefresh-log-plans.md}
measured=$(mktemp)
trap 'rm -f "$measured"' EXIT

dotnet build -c Release -v quiet bench/TokenRefresh.Bench > /dev/null
load=$(cut -d' ' -f1 /proc/loadavg 2> /dev/null || echo unknown)
dotnet bench/TokenRefresh.Bench/bin/Release/net10.0/TokenRefresh.Bench.dll log "$rows" "$rounds" "$measured" "$plans"
mkdir -p "$(dirname "$file")"
{
  echo "# The panel with many rows in the log"
  echo
  echo "\`bench/log.sh $rows\` at commit $(git rev-parse --short HEAD), $(nproc) cores, load $load before the start."
  echo
  cat "$measured"
} > "$file"
cat "$file"
echo "Query plans: $plans"
