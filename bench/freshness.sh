#!/usr/bin/env bash
# For how many seconds a year a token is expired with five ways to renew it: the table and the chart of docs/performance.md.
set -euo pipefail
cd "$(dirname "$0")/.."
dotnet build -c Release -v quiet bench/TokenRefresh.Bench > /dev/null
dotnet bench/TokenRefresh.Bench/bin/Release/net10.0/TokenRefresh.Bench.dll freshness bench/results/freshness.md docs/images/freshness.svg
cat bench/results/freshness.md
