#!/usr/bin/env bash
# Three real nodes on a Postgres of their own while nodes, Postgres, disk, mail server and provider fail by a seeded schedule; then three on a primary that
# is lost ten times, each time for a replica that is seconds behind. After each, everything that must hold is looked at. Ends with 1 where something did not.
# Linux; as root the full disk is tried too. Usage: bench/chaos.sh [MINUTES] [FILE], SEED=n draws the same faults again; MINUTES=0 makes the failovers alone.
set -euo pipefail
cd "$(dirname "$0")/.."
minutes=${1:-10}
file=${2:-bench/results/chaos.md}
commit=$(git rev-parse --short HEAD)
seed=${SEED:-$((RANDOM * 32768 + RANDOM))}
found=$(mktemp) failovers=$(mktemp)
trap 'rm -f "$found" "$failovers"' EXIT

dotnet build -c Release -v quiet bench/TokenRefresh.Bench > /dev/null
status=0
bench="dotnet bench/TokenRefresh.Bench/bin/Release/net10.0/TokenRefresh.Bench.dll"
[ "$minutes" = 0 ] || $bench chaos "$minutes" "$seed" "$found" || status=$?
$bench failover 10 "$seed" "$failovers" || status=$?
[ -s "$failovers" ] || exit "$status"
mkdir -p "$(dirname "$file")"
{
  echo "# When everything goes wrong"
  echo
  echo "\`SEED=$seed bench/chaos.sh $minutes\` at commit $commit, $(nproc) cores ($(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo 2> /dev/null | head -n 1)) for three nodes, Postgres, provider, mail server and readers together."
  echo
  cat "$found"
  echo
  cat "$failovers"
} > "$file"
cat "$file"
exit "$status"
