#!/usr/bin/env bash
# Runs the benchmarks and writes build/bench/results.json: a list of {"name","value","unit"}. Methods are written at the
# top of each program. LATENCY_SECONDS (60), RECORDS (1000000) and SUSTAINED (20000000; 0 leaves it out) set the sizes.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=build/bench
lines=build/bench/results.txt
: >"$lines"
say() { echo; echo "== $*"; }
# Not tee /dev/stderr: opened anew, a log file would begin again at its first byte.
take() { tee >(cat >&2) | grep -E '^[a-z0-9_.]+ [0-9.e+-]+( [^ ]+)?$' >>"$lines"; }

records=${RECORDS:-1000000}
for scenario in none one four; do
  say "topic -> created_users -> $scenario table(s), $records records"
  "$bin/bench/pipeline_bench" $scenario "$records" | take
done
if [ "${SUSTAINED:-20000000}" != 0 ]; then
  say "sustained: ${SUSTAINED:-20000000} records into one table"
  "$bin/bench/pipeline_bench" one "${SUSTAINED:-20000000}" build/bench/data-sustained | sed 's/^/sustained./; s/sustained.memory.load_mib/sustained.memory_mib/' | take
fi
say "latency from append to readable row, 1,000 records/s for ${LATENCY_SECONDS:-60} s"
"$bin/bench/latency_bench" "${LATENCY_SECONDS:-60}" | take

say "extraction from the local API"
"$bin/examples/users/api/millrace_users_api" --port 18081 >build/bench/users-api.log 2>&1 &
api=$!
trap 'kill $api 2>/dev/null || true' EXIT
sleep 1
"$bin/bench/extract_bench" http://127.0.0.1:18081/api/ | take
kill $api

say "scheduling no-op tasks"
rm -rf build/bench/data-schedule && mkdir -p build/bench/data-schedule
"$bin/bench/schedule_bench" build/bench/data-schedule | take

say "start: empty folder, then 1 GiB of log after kill -9"
export USERS_EVERY=1h
"$bin/bench/start_bench" empty "$bin/src/cli/millrace" examples/users/pipeline.yaml build/bench/data-start | take
"$bin/bench/fill_log" build/bench/data-start 1024
"$bin/bench/start_bench" after-kill "$bin/src/cli/millrace" examples/users/pipeline.yaml build/bench/data-start | take
rm -rf build/bench/data-start build/bench/data-schedule

awk 'BEGIN { printf "[" } { printf "%s\n  {\"name\": \"%s\", \"value\": %s, \"unit\": \"%s\"}", (NR > 1 ? "," : ""), $1, $2, $3 } END { print "\n]" }' \
  "$lines" >build/bench/results.json
echo
cat build/bench/results.json
