#!/usr/bin/env bash
# A node is killed in the middle of its writes, again and again, with hundreds of refreshes in flight. Ends with 1 where something does not hold.
# Usage: bench/kills.sh [ROUNDS] [TOKENS] [FILE]. A hundred rounds take some twenty minutes on two cores.
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=${1:-100}
tokens=${2:-2000}
file=${3:-bench/results/kills.md}
counted=$(mktemp)
published=$(mktemp -d)
trap 'rm -rf "$counted" "$published"' EXIT

dotnet build -c Release -v quiet bench/TokenRefresh.Bench > /dev/null
dotnet publish -c Release -r linux-x64 --no-self-contained -v quiet -o "$published" TokenRefresh.Server > /dev/null
export TOKENREFRESH_BENCH_SERVER=$published
status=0
dotnet bench/TokenRefresh.Bench/bin/Release/net10.0/TokenRefresh.Bench.dll kills "$rounds" "$tokens" "$counted" || status=$?
[ -s "$counted" ] || exit "$status"
mkdir -p "$(dirname "$file")"
{
  echo "# A node killed in the middle of its writes"
  echo
  echo "\`bench/kills.sh $rounds $tokens\` at commit $(git rev-parse --short HEAD), $(nproc) cores."
  echo
  cat "$counted"
} > "$file"
cat "$file"
exit "$status"
