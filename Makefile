# `make` alone prints the targets below. Everything that they generate lies in build/ and .local/, which git ignores.
.DEFAULT_GOAL := help
SHELL := /bin/sh
JOBS ?= $(shell nproc)
PYTHON := .local/venv/bin/python
CTEST := ctest --output-on-failure --no-tests=error
STACK := deploy/local/stack.py $(if $(STACK_DIR),--dir $(STACK_DIR))
STACK_UP := $(if $(BROKERS),--brokers $(BROKERS)) $(if $(KAFKA_PORT),--kafka-port $(KAFKA_PORT)) \
  $(if $(POSTGRES_PORT),--postgres-port $(POSTGRES_PORT))
PROGRAMS := keystrand-receiver keystrand-worker keystrand

# So that a second clone finds in the cache what the first one compiled.
export CCACHE_BASEDIR := $(CURDIR)
export CCACHE_NOHASHDIR := 1

# $(call executables,FOLDER,PREFIX): the test programs of a build folder whose names begin so: unit_… and integration_….
executables = $$(ninja -C $(1) -t targets all | sed -n 's/^\($(2)_[a-z0-9_]*\): phony$$/\1/p')

# --- every day ---

.PHONY: help
help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: ## install what is missing (Debian 12; apt needs root or sudo)
	@deploy/local/setup

.PHONY: build
build: configure-release ## build the three programs (release) into build/bin
	cmake --build --preset release --parallel $(JOBS) --target $(PROGRAMS)

.PHONY: demo
demo: build ## build, start everything, send signed events and show what became of them
	@$(PYTHON) deploy/local/demo.py up

.PHONY: demo-stop
demo-stop: ## stop what `make demo` left running
	@$(PYTHON) deploy/local/demo.py stop

# --- the local stack ---

.PHONY: stack-up
stack-up: setup ## start Kafka and PostgreSQL (BROKERS=3, KAFKA_PORT=…, POSTGRES_PORT=…, STACK_DIR=…)
	@$(STACK) up $(STACK_UP)

.PHONY: stack-down
stack-down: ## stop them, keep their data
	@$(STACK) down

.PHONY: stack-wipe
stack-wipe: ## stop them, delete their data
	@$(STACK) wipe

.PHONY: stack-status
stack-status: ## a line per server; fails unless all run
	@$(STACK) status

.PHONY: stack-env
stack-env: ## the settings of programs for this stack, for a shell: export $(make -s stack-env)
	@$(STACK) env

.PHONY: migrate
migrate: ## bring the stack's database to the newest migration
	@url=$$($(STACK) env | sed -n 's/^KEYSTRAND_DATABASE_URL=//p') && [ -n "$$url" ] && \
	  KEYSTRAND_DATABASE_URL=$$url deploy/local/migrate

# --- tests ---

.PHONY: test
test: ## all tests: unit, integration, end to end and faults (release), unit again under asan
	@$(MAKE) --no-print-directory test-unit
	@$(MAKE) --no-print-directory test-integration
	@$(MAKE) --no-print-directory test-asan-unit
	@$(MAKE) --no-print-directory test-e2e
	@$(MAKE) --no-print-directory test-faults

.PHONY: test-unit
test-unit: build-release-tests ## unit tests and the records' contract, without any server
	$(CTEST) --test-dir build/release -L unit --parallel $(JOBS)
	$(PYTHON) -m pytest -q tests/contract

.PHONY: test-integration
test-integration: build-release-tests ## integration tests, on a real broker and database of their own
	tests/with-stack $(CTEST) --test-dir build/release -L integration

.PHONY: test-e2e
test-e2e: build ## the built programs from outside, with the official Stripe SDK (PYTEST=-k name)
	$(PYTHON) -m pytest tests/e2e $(PYTEST)

.PHONY: test-faults
test-faults: build-faults ## the fault checker's own tests, each rare path once on the real system, and three planted bugs
	$(PYTHON) -m pytest -q -p no:cacheprovider tests/faults
	$(PYTHON) tests/faults/run directed
	$(PYTHON) tests/faults/prove --built-in

.PHONY: faults
faults: build-faults ## faults drawn from a seed, on the real system, and a verdict (MINUTES=5, SEED=…)
	$(PYTHON) tests/faults/run mix --minutes $(or $(MINUTES),5) $(if $(SEED),--seed $(SEED))

.PHONY: faults-proof
faults-proof: build-faults ## each planted bug in the product must turn its invariant red (takes half an hour; BUGS=name …)
	$(PYTHON) tests/faults/prove $(BUGS)

.PHONY: test-asan-unit
test-asan-unit: configure-asan ## unit tests under the address and undefined-behaviour sanitizers
	cmake --build --preset asan --parallel $(JOBS) --target $(call executables,build/asan,unit)
	$(CTEST) --test-dir build/asan -L unit --parallel $(JOBS)

.PHONY: sanitize
sanitize: sanitize-asan sanitize-tsan ## unit and integration tests under asan with ubsan, then under tsan

.PHONY: sanitize-asan sanitize-tsan
sanitize-asan sanitize-tsan: sanitize-%: configure-%
	cmake --build --preset $* --parallel $(JOBS) \
	  --target $(call executables,build/$*,unit) $(call executables,build/$*,integration)
	$(CTEST) --test-dir build/$* -L unit --parallel $(JOBS)
	tests/with-stack $(CTEST) --test-dir build/$* -L integration

.PHONY: fuzz
fuzz: setup-fuzz configure-fuzz configure-release ## fuzz what reads foreign bytes (SECONDS=60 per target, JOBS at a time, TARGETS=…)
	cmake --build --preset fuzz --parallel $(JOBS)
	cmake --build --preset release --parallel $(JOBS) --target $(call executables,build/release,unit_fuzz)
	tests/fuzz/run --seconds $(or $(SECONDS),60) --jobs $(JOBS) $(TARGETS)

.PHONY: bench
bench: configure-release peers ## measure rates and latencies beside peers (takes minutes; JSON lines; BENCH=--quick)
	cmake --build --preset release --parallel $(JOBS)
	$(PYTHON) tests/bench/run $(BENCH)

# --- code ---

SOURCES = $$(git ls-files --cached --others --exclude-standard '*.h' '*.cc')

.PHONY: format
format: setup-lint ## format all C++
	clang-format-14 -i $(SOURCES)

.PHONY: lint
lint: setup-lint configure-dev ## check format, and the three programs' code with clang-tidy
	clang-format-14 --dry-run --Werror $(SOURCES)
	run-clang-tidy-14 -quiet -p build/dev -j $(JOBS) -extra-arg=-Wno-unknown-warning-option '^$(CURDIR)/(common|receiver|worker)/'

.PHONY: clean
clean: ## delete build/ (the stack and its data stay: see stack-wipe)
	rm -rf build

# --- steps of the above ---

.PHONY: setup-lint setup-fuzz
setup-lint setup-fuzz: setup-%:
	@deploy/local/setup $*

.PHONY: configure-dev configure-release configure-asan configure-tsan configure-fuzz
configure-dev configure-release configure-asan configure-tsan configure-fuzz: configure-%: setup
	@mkdir -p build
	@cmake --preset $* >build/$*.log 2>&1 || { cat build/$*.log; exit 1; }

.PHONY: peers
peers: setup
	@deploy/local/setup peers
	tests/bench/peers/build

.PHONY: build-faults
build-faults: build
	cmake --build --preset release --parallel $(JOBS) --target faults_worker

.PHONY: build-release-tests
build-release-tests: configure-release
	cmake --build --preset release --parallel $(JOBS)
