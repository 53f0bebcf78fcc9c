#!/usr/bin/env bash
# Which changes to the code do the tests not notice? Stryker makes them one by one: the pure policies, the alerts, the door, the classification of failures.
# Works on the last commit in a folder of its own, because a mutated assembly must not stay among the built ones.
# Takes an hour or two on two cores. Usage: bench/mutation.sh [ROOM...], rooms being the files of bench/mutation; a room that is not run keeps its last result.
set -euo pipefail
cd "$(dirname "$0")/.."
rooms=("$@")
if [ $# -eq 0 ]; then rooms=(policies alerts door failures); fi
repository=$PWD
work=$(mktemp -d)
# Short, because a socket's path must be, and open to the user that Postgres runs as, or its clusters would lie elsewhere: a run that is killed leaves
# its Postgres there, some hundred of them a room.
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
for room in "${rooms[@]}"; do
  dotnet stryker -f "../bench/mutation/$room.json" -O "$work/out-$room" -c "${STRYKER_CONCURRENCY:-2}"
  clean
  dotnet "$repository/bench/TokenRefresh.Bench/bin/Release/net10.0/TokenRefresh.Bench.dll" mutation "$room" "$work/out-$room/reports/mutation-report.json" \
    "$repository/bench/mutation/looked-at.txt" "$(git -C "$repository" rev-parse --short HEAD), $(nproc) cores" "$repository/bench/results/mutation.md"
done
cat "$repository/bench/results/mutation.md"
