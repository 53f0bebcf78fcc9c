#!/usr/bin/env bash
# The panel's pages and the API's figures with millions of rows in the log: fills a Postgres of its own, measures over HTTP, keeps the query plans.
# Needs a quiet machine, psql's server programs with auto_explain, and 4 GB of disk. Usage: bench/log.sh [ROWS] [FILE] [ROUNDS]
set -euo pipefail
cd "$(dirname "$0")/.."
rows=${1:-5000000}
file=${2:-bench/results/log.md}
rounds=${3:-100}
measured=$(mktemp)
trap 'rm -f "$measured"' EXIT

dotnet build -c Release -v quiet bench/TokenRefresh.Bench > /dev/null
load=$(cut -d' ' -f1 /proc/loadavg 2> /dev/null || echo unknown)
dotnet bench/TokenRefresh.Bench/bin/Release/net10.0/TokenRefresh.Bench.dll log "$rows" "$rounds" "$measured"
mkdir -p "$(dirname "$file")"
{
  echo "# The panel with many rows in its log"
  echo
  echo "\`bench/log.sh $rows\` at commit $(git rev-parse --short HEAD), $(nproc) cores, load $load before the start."
  echo
  cat "$measured"
} > "$file"
sed -n '/^| page/,/^$/p' "$file"
