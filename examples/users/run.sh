#!/usr/bin/env bash
# Starts the local users API and the users pipeline; Ctrl-C stops both. With FOR=20s it stops by itself, then compares
# what arrived with what the API served, and exits non-zero if anything was lost or doubled.
# USERS_API_URL=https://randomuser.me/api/ runs the same pipeline on the real site (no comparison then).
set -euo pipefail
cd "$(dirname "$0")/../.."

bin=${MILLRACE_BIN:-build/release}
data=${MILLRACE_DATA:-build/run/data}
data=${data#"$PWD/"}
ledger=$(dirname "$data")/users-api-ledger.jsonl
mkdir -p "$(dirname "$data")"
for_option=()
[ -z "${FOR:-}" ] || for_option=(--for "$FOR")

if [ -z "${USERS_API_URL:-}" ]; then
  port=${USERS_API_PORT:-18080}
  export USERS_API_URL=http://127.0.0.1:$port/api/
  "$bin/examples/users/api/millrace_users_api" --port "$port" --ledger "$ledger" ${USERS_API_FAULTS:+--faults "$USERS_API_FAULTS"} \
    >"$(dirname "$data")/users-api.log" 2>&1 &
  api=$!
  trap 'kill $api 2>/dev/null || true; wait $api 2>/dev/null || true' EXIT
  for _ in $(seq 50); do
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break
    kill -0 $api 2>/dev/null || { cat "$(dirname "$data")/users-api.log" >&2; exit 4; }
    sleep 0.1
  done
fi

status=0
trap : INT  # Ctrl-C goes to millrace, which stops cleanly; this script waits for it
"$bin/src/cli/millrace" run examples/users/pipeline.yaml --data "$data" "${for_option[@]}" "$@" || status=$?
trap - INT
if [ -n "${api:-}" ] && [ -n "${FOR:-}" ]; then
  "$bin/examples/users/check/millrace_users_check" --data "$data" --ledger "$ledger" || status=1
fi
exit $status
