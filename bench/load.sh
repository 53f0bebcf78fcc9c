#!/usr/bin/env bash
# Real nodes on a Postgres of their own against a provider that takes 50 ms: refreshes per second, waiting times, start, rest and growth.
# Needs a quiet machine and about 35 minutes. Usage: bench/load.sh [TOKENS] [FILE] [PART …], a part being one of rates, nodes, slow, open, alone and rest.
# TOKENREFRESH_BENCH_OTHER names the folder that another build was published to: single refreshes are then measured turn by turn with it.
set -euo pipefail
cd "$(dirname "$0")/.."
tokens=${1:-10000}
file=${2:-bench/results/load.md}
measured=$(mktemp)
published=$(mktemp -d)
trap 'rm -rf "$measured" "$published"' EXIT

dotnet build -c Release -v quiet bench/TokenRefresh.Bench > /dev/null
dotnet publish -c Release -r linux-x64 --no-self-contained -v quiet -o "$published" TokenRefresh.Server > /dev/null
export TOKENREFRESH_BENCH_SERVER=$published
load=$(cut -d' ' -f1 /proc/loadavg 2> /dev/null || echo unknown)
dotnet bench/TokenRefresh.Bench/bin/Release/net10.0/TokenRefresh.Bench.dll load "$tokens" "$measured" "${@:3}"
mkdir -p "$(dirname "$file")"
{
  echo "# Nodes under load and at rest"
  echo
  echo "\`bench/load.sh $tokens\` at commit $(git rev-parse --short HEAD), $(nproc) cores ($(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo 2> /dev/null | head -n 1)) for nodes, Postgres, provider and measurement together, the program published for linux-x64, load $load before the start. Compare figures within one run; between machines compare only their ratios."
  echo
  cat "$measured"
} > "$file"
cat "$file"
