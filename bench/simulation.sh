#!/usr/bin/env bash
# The simulation with many seeds, some whole years of a hundred tokens, and the deliberately broken rules that it must detect.
# Usage: bench/simulation.sh [SEEDS] [YEARS] [FILE]. A hundred seeds take about a minute and a half on two cores, a year some ten minutes.
set -euo pipefail
cd "$(dirname "$0")/.."
seeds=${1:-1000}
years=${2:-0}
file=${3:-bench/results/simulation.md}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

dotnet build -c Release -v quiet TokenRefresh.Tests > /dev/null
tests=(dotnet run -c Release --project TokenRefresh.Tests --no-build -- -showLiveOutput)

# Distributes the seeds evenly: run NAME COUNT and the settings of the runs.
run() {
  local name=$1 count=$2 workers=$(nproc) first=1 share worker
  shift 2
  for ((worker = 0; worker < workers && first <= count; worker++, first += share)); do
    share=$(((count - first) / (workers - worker) + 1))
    env "$@" TOKENREFRESH_SIM_FROM=$first TOKENREFRESH_SIM_SEEDS=$share TOKENREFRESH_SIM_TRACE="$folder" \
      "${tests[@]}" -method "*Every_invariant_holds*" > "$folder/$name.$worker" 2>&1 || true &
  done
  wait
}

# Sums up the lines "seed 7: 123 steps, 45 calls, 67 reads in 20.01:10:00: well".
row() {
  # A test that fails prints its output a second time.
  sed -n 's/^.*seed \([0-9]*\): \([0-9]*\) steps, \([0-9]*\) calls, \([0-9]*\) reads in \([^ ]*\): \([^[:cntrl:]]*\).*/\1 \2 \3 \4 \5 \6/p' "$folder/$1".* | sort -u | awk -v what="$2" '
    { split($5, part, "[.:]"); days = part[1]; if ($5 !~ /^[0-9]+\.[0-9]+:/) days = 0
      runs++; steps += $2; calls += $3; reads += $4; simulated += days; if ($6 != "well") broken++ }
    END { printf "| %s | %d | %d | %d | %d | %d | %d |\n", what, runs, simulated, steps, calls, reads, broken }'
}

run short "$seeds"
run year "$years" TOKENREFRESH_SIM_YEAR=1
laws=$("${tests[@]}" -class "*.BrokenLawTests" | sed -n 's/.*Total: \([0-9]*\), Errors: \([0-9]*\), Failed: \([0-9]*\).*/\1 \2 \3/p')
read -r total errors failed <<< "$laws"
mkdir -p "$(dirname "$file")"
{
  echo "# The simulation with many seeds"
  echo
  echo "\`bench/simulation.sh $seeds $years\` at commit $(git rev-parse --short HEAD), $(nproc) cores. The real engine on virtual time and a real Postgres: three nodes, the order of all steps and all faults derived from the seed (TokenRefresh.Tests/Simulation). Days are whole days; short runs last 20 minutes, 8 hours or 20 days."
  echo
  echo "| runs | count | days | steps | calls at providers | reads | broken invariants |"
  echo "| --- | ---: | ---: | ---: | ---: | ---: | ---: |"
  row short "seeds 1 to $seeds, 2 to 4 tokens"
  if [ "$years" -gt 0 ]; then row year "seeds 1 to $years, a year of 100 tokens"; fi
  echo
  echo "Of $total deliberately broken rules (no lease, no version check, mail before save, …) $((total - errors - failed)) were detected."
} > "$file"
cat "$file"
made=$({ cat "$folder"/short.* "$folder"/year.* 2> /dev/null || true; } | sed -n 's/^.*seed \([0-9]*\): [0-9]* steps.*/\1/p' | sort -u | wc -l)
if [ "$made" -lt "$seeds" ]; then
  echo "Only $made of $seeds runs completed. The last output of the processes:" >&2
  tail -n 25 "$folder"/short.* >&2
  exit 1
fi
if compgen -G "$folder/seed-*.txt" > /dev/null; then
  cp "$folder"/seed-*.txt "$(dirname "$file")"
  exit 1
fi
