#!/usr/bin/env bash
# Benchmarks against real systems, fetched by Maven and started on loopback (tests/real/). Figures are added to
# build/bench/results.json, in the form that bench/run.sh writes. ROWS (500000) sets the size.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=build/bench
lines=build/bench/results-real.txt
results=build/bench/results.json
mkdir -p build/bench
: >"$lines"
take() { tee /dev/stderr | grep -E '^[a-z0-9_.]+ [0-9.e+-]+( [^ ]+)?$' >>"$lines"; }

port=${CASSANDRA_PORT:-29142}
tests/real/cassandra.sh start
trap 'tests/real/cassandra.sh stop' EXIT
# The first writes warm the node up: its code is compiled while it runs.
"$bin/bench/cassandra_bench" 127.0.0.1 "$port" 200000 >/dev/null
"$bin/bench/cassandra_bench" 127.0.0.1 "$port" "${ROWS:-500000}" | take

python3 - "$lines" "$results" <<'PY'
import json, pathlib, sys
lines, results = map(pathlib.Path, sys.argv[1:])
kept = json.loads(results.read_text()) if results.exists() else []
new = [dict(zip(("name", "value", "unit"), line.split())) for line in lines.read_text().splitlines()]
for figure in new:
    figure["value"] = float(figure["value"])
names = {figure["name"] for figure in new}
kept = [figure for figure in kept if figure["name"] not in names] + new
results.write_text("[\n" + ",\n".join("  " + json.dumps(figure) for figure in kept) + "\n]\n")
PY
cat "$results"
