#!/usr/bin/env bash
# Requests a second of the access-token call, beside a bare Kestrel endpoint that returns the same bytes; both in one run, in turns.
# Needs wrk (apt-get install wrk). Usage: bench/http.sh [SECONDS]
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-10}
work=$(mktemp -d)
trap 'kill $(jobs -p) 2> /dev/null; wait; rm -rf "$work"' EXIT

dotnet build -c Release -v quiet bench/TokenRefresh.Bench > /dev/null
server=bench/TokenRefresh.Bench/bin/Release/net10.0/TokenRefresh.Server.dll
export Data__Directory=$work/data Api__ReadsPerSecond=1000000 
dotnet "$server" --urls http://127.0.0.1:5191 > "$work/server.log" 2>&1 &
for _ in $(seq 1 60); do curl -sf http://127.0.0.1:5191/health/fresh > /dev/null && break; sleep 0.5; done
key=$(dotnet "$server" clients add bench --tokens jibit 2> /dev/null)
sleep 1
curl -sf http://127.0.0.1:5191/api/tokens/jibit/access-token -H "Authorization: Bearer $key" > "$work/body.json"
dotnet bench/TokenRefresh.Bench/bin/Release/net10.0/TokenRefresh.Bench.dll bare http://127.0.0.1:5192 "$work/body.json" > /dev/null 2>&1 &
for _ in $(seq 1 60); do curl -sf http://127.0.0.1:5192/bare > /dev/null && break; sleep 0.2; done

measure() { # name, url
  wrk -t1 -c32 -d"${seconds}s" --latency -H "Authorization: Bearer $key" "$2" > "$work/$1.txt"
  echo "$1 $(awk '/Requests\/sec/ {print $2}' "$work/$1.txt") requests/s, p99 $(awk '/99%/ {print $2}' "$work/$1.txt")$(grep -o 'Non-2xx.*' "$work/$1.txt" || true)"
}

wrk -t1 -c32 -d3s -H "Authorization: Bearer $key" http://127.0.0.1:5191/api/tokens/jibit/access-token > /dev/null
wrk -t1 -c32 -d3s http://127.0.0.1:5192/bare > /dev/null
for round in 1 2 3; do
  measure bare http://127.0.0.1:5192/bare
  measure token http://127.0.0.1:5191/api/tokens/jibit/access-token
done
