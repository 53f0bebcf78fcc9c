#!/usr/bin/env bash
# One real node on a Postgres of its own with very many tokens: start, pages, verbs, due check, memory and statements at rest, beside the same with ten.
# Needs a quiet machine, 6 GB of disk and about 20 minutes. Usage: [UNTIL_REST=75] [REST=60] bench/scale.sh [TOKENS] [FILE]
set -euo pipefail
cd "$(dirname "$0")/.."
tokens=${1:-1000000}
file=${2:-bench/results/scale.md}
measured=$(mktemp)
published=$(mktemp -d)
trap 'rm -rf "$measured" "$published"' EXIT

dotnet build -c Release -v quiet bench/TokenRefresh.Bench > /dev/null
dotnet publish -c Release -r linux-x64 --no-self-contained -v quiet -o "$published" TokenRefresh.Server > /dev/null
export TOKENREFRESH_BENCH_SERVER=$published
load=$(cut -d' ' -f1 /proc/loadavg 2> /dev/null || echo unknown)
dotnet bench/TokenRefresh.Bench/bin/Release/net10.0/TokenRefresh.Bench.dll scale "$tokens" "$measured"
mkdir -p "$(dirname "$file")"
{
  echo "# Very many tokens"
  echo
  echo "\`bench/scale.sh $tokens\` at commit $(git rev-parse --short HEAD), $(nproc) cores ($(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo 2> /dev/null | head -n 1)) for node, Postgres and measurement together, the program published for linux-x64, load $load before the start. Compare figures within one run; between machines compare only their ratios."
  echo
  cat "$measured"
} > "$file"
cat "$file"
