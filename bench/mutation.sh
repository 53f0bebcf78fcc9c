#!/usr/bin/env bash
# Which changes to the code do the tests not detect? Stryker makes them one by one: the pure policies, the alerts, the refresh, the classification of failures.
# Works on a copy of the last commit, because a mutated assembly must not stay among the built ones.
# Takes an hour or two on two cores. Usage: bench/mutation.sh [AREA...], the files of bench/mutation; an area that is not run keeps its last result.
set -euo pipefail
cd "$(dirname "$0")/.."
areas=("$@")
if [ $# -eq 0 ]; then areas=(policies alerts refresh failures); fi
repository=$PWD
work=$(mktemp -d)
# Short, because the path of a socket is limited, and accessible to the user that Postgres runs as, or its clusters would be elsewhere. A run that is killed
# leaves its Postgres there, about a hundred per area.
TMPDIR=$(mktemp -d /tmp/mXXXX)
chmod 755 "$TMPDIR"
export TMPDIR
clean() {
  pkill -9 -f "postgres -D $TMPDIR/" || true
  rm -rf "${TMPDIR:?}"/*
}
trap 'clean; rm -rf "$work" "$TMPDIR"' EXIT

git archive HEAD | tar -x -C "$work"
dotnet build -c Release -v quiet bench/TokenRefresh.Bench > /dev/null
cd "$work/TokenRefresh.Tests"
dotnet tool restore > /dev/null
for area in "${areas[@]}"; do
  dotnet stryker -f "../bench/mutation/$area.json" -O "$work/out-$area" -c "${STRYKER_CONCURRENCY:-2}"
  clean
  dotnet "$repository/bench/TokenRefresh.Bench/bin/Release/net10.0/TokenRefresh.Bench.dll" mutation "$area" "$work/out-$area/reports/mutation-report.json" \
    "$repository/bench/mutation/looked-at.txt" "$(git -C "$repository" rev-parse --short HEAD), $(nproc) cores" "$repository/bench/results/mutation.md"
done
cat "$repository/bench/results/mutation.md"
