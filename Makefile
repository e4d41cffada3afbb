# Millrace: the two commands are `make run` and `make test`. `make help` lists the rest.
.DEFAULT_GOAL := help
.PHONY: help install run build test test-real test-api format format-check bench bench-real asan tsan fuzz clean

JOBS ?= $(shell nproc)
RUN_DATA ?= build/run/data
ARGS ?=

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: ## Install the Debian packages that building and testing need
	@tools/install-deps.sh test

run: ## Build a release and run the example: users API -> topic -> SQL -> tables (FOR=20s stops by itself)
	@tools/install-deps.sh run
	@mkdir -p build
	@cmake --preset release >build/cmake-release.log 2>&1 || { cat build/cmake-release.log; exit 1; }
	@cmake --build build/release --target millrace millrace_users_api millrace_users_check -j $(JOBS)
	@MILLRACE_DATA=$(RUN_DATA) FOR=$(FOR) examples/users/run.sh $(ARGS)

build: ## Build everything for development
	@mkdir -p build
	cmake --preset dev >build/cmake-dev.log || { cat build/cmake-dev.log; exit 1; }
	cmake --build build/dev -j $(JOBS)

format: ## Put every source file into the project's format
	@git ls-files '*.cc' '*.h' | xargs clang-format-19 -i

format-check:
	@git ls-files '*.cc' '*.h' | xargs clang-format-19 --dry-run -Werror

test: format-check build ## Formatting check, build with warnings as errors, all tests
	ctest --test-dir build/dev --output-on-failure -j $(JOBS)

test-real: build ## The example on real systems, fetched by Maven and started on loopback (needs a JDK 17 and Maven)
	tests/real/kafka_test.py --bin build/dev
	tests/real/cassandra_test.py --bin build/dev

test-api: build ## The REST API and metrics as outside tools see them (schemathesis from PyPI, promtool)
	tests/real/api_test.py --bin build/dev

bench: ## Run the benchmarks of the README and write build/bench/results.json
	@tools/install-deps.sh test
	@mkdir -p build
	cmake --preset bench >build/cmake-bench.log || { cat build/cmake-bench.log; exit 1; }
	cmake --build build/bench -j $(JOBS)
	bench/run.sh

bench-real: ## The same against real systems, fetched by Maven and started on loopback
	@mkdir -p build
	cmake --preset bench >build/cmake-bench.log || { cat build/cmake-bench.log; exit 1; }
	cmake --build build/bench --target cassandra_bench -j $(JOBS)
	bench/run_real.sh

asan: ## All tests under AddressSanitizer and UndefinedBehaviorSanitizer
	cmake --preset asan && cmake --build build/asan -j $(JOBS) && ctest --test-dir build/asan --output-on-failure

tsan: ## All tests under ThreadSanitizer
	cmake --preset tsan && cmake --build build/tsan -j $(JOBS) && ctest --test-dir build/tsan --output-on-failure

fuzz: ## Build the fuzzers (clang 19) into build/fuzz
	@tools/install-deps.sh fuzz
	cmake --preset fuzz && cmake --build build/fuzz -j $(JOBS)

clean: ## Remove everything that was built
	rm -rf build
