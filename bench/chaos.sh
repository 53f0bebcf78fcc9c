#!/usr/bin/env bash
# Three real nodes on a Postgres of their own while nodes, Postgres, disk, mail server and provider fail on a seeded schedule; then three nodes through ten
# failovers, each to a replica that is seconds behind. After each part everything that must hold is checked; ends with 1 if something does not.
# Needs Linux; as root the full disk is tested too. Usage: bench/chaos.sh [MINUTES] [FILE], SEED=n repeats the same faults; MINUTES=0 runs only the failovers.
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
  echo "# Three nodes under faults"
  echo
  echo "\`SEED=$seed bench/chaos.sh $minutes\` at commit $commit, $(nproc) cores ($(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo 2> /dev/null | head -n 1)) for three nodes, Postgres, provider, mail server and readers together."
  echo
  cat "$found"
  echo
  cat "$failovers"
} > "$file"
cat "$file"
exit "$status"
