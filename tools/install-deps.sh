#!/usr/bin/env bash
# Installs the Debian 12 packages that building Millrace needs. Says what it installs, installs only what is missing,
# uses sudo only when not root.
# Usage: tools/install-deps.sh [run|test|fuzz]   (test: also what `make test` needs; fuzz: also what `make fuzz` needs)
set -euo pipefail

run_packages=(
  g++ cmake ninja-build ccache mold pkg-config ca-certificates tzdata
  librocksdb-dev librdkafka-dev libsimdjson-dev libboost-dev libssl-dev libcurl4-openssl-dev libyaml-cpp-dev
  libcli11-dev libfmt-dev libsqlite3-dev libzstd-dev liblz4-dev libsnappy-dev zlib1g-dev libxxhash-dev
  libre2-dev libicu-dev
)
test_packages=(libgtest-dev libgmock-dev libbenchmark-dev clang-format-19 python3 git)

fuzz_packages=(clang-19 libclang-rt-19-dev)

wanted=("${run_packages[@]}")
[ "${1:-run}" = test ] && wanted+=("${test_packages[@]}")
[ "${1:-run}" = fuzz ] && wanted+=("${fuzz_packages[@]}")

missing=()
for package in "${wanted[@]}"; do
  dpkg-query -W -f='${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
  echo "install: all ${#wanted[@]} packages are there"
  exit 0
fi
echo "install: apt-get install ${missing[*]}"
as_root=()
[ "$(id -u)" -eq 0 ] || as_root=(sudo)
"${as_root[@]}" apt-get update -qq
DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
echo "install: done"
