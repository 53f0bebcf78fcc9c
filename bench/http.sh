#!/usr/bin/env bash
# Requests per second of the access-token call, compared with a bare Kestrel endpoint that returns the same bytes; both in one run, in turns.
# Needs wrk (apt-get install wrk). Usage: bench/http.sh [SECONDS] [FILE]
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-10}
file=${2:-bench/results/http.md}
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
  echo "$(awk '/Requests\/sec/ {print $2}' "$work/$1.txt") $(awk '/99%/ {print $2}' "$work/$1.txt") $(grep -c 'Non-2xx' "$work/$1.txt" || true)"
}

wrk -t1 -c32 -d3s -H "Authorization: Bearer $key" http://127.0.0.1:5191/api/tokens/jibit/access-token > /dev/null
wrk -t1 -c32 -d3s http://127.0.0.1:5192/bare > /dev/null
mkdir -p "$(dirname "$file")"
{
  echo "# A read over HTTP"
  echo
  echo "\`bench/http.sh $seconds\` at commit $(git rev-parse --short HEAD), $(nproc) cores for the server, the bare endpoint and wrk (one thread, 32 connections) together, $seconds s each, in turns."
  echo
  echo "| turn | bare Kestrel, requests per second | p99 | a token, requests per second | p99 | token / bare | refused |"
  echo "| ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
  for turn in 1 2 3; do
    read -r bare barelate _ <<< "$(measure bare http://127.0.0.1:5192/bare)"
    read -r token tokenlate refused <<< "$(measure token http://127.0.0.1:5191/api/tokens/jibit/access-token)"
    printf "| %d | %.0f | %s | %.0f | %s | %.2f | %d |\n" "$turn" "$bare" "$barelate" "$token" "$tokenlate" "$(awk "BEGIN { print $token / $bare }")" "$refused"
  done
} > "$file"
cat "$file"
