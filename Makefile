# The commands. `make check` is what continuous integration runs, word for word, quick steps first.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := run

CARGO ?= cargo
export CARGO_TARGET_DIR ?= $(CURDIR)/target

# Static: the image holds nothing but this file. Plain glibc, so that no other target is needed.
STATIC_TARGET := $(shell rustc -vV 2>/dev/null | sed -n 's/^host: //p')
STATIC := $(CARGO_TARGET_DIR)/$(STATIC_TARGET)/release/outrigger
LEAN := --no-default-features --features sidecar
BUILD_STATIC := RUSTFLAGS="-C target-feature=+crt-static" $(CARGO) build --release --locked -p outrigger $(LEAN) --target $(STATIC_TARGET)
FULL := $(CARGO_TARGET_DIR)/$(STATIC_TARGET)/full/outrigger
BUILD_FULL := RUSTFLAGS="-C target-feature=+crt-static" $(CARGO) build --profile full --locked -p outrigger --target $(STATIC_TARGET)

.PHONY: run
run: console ## build everything, and start with what the environment says or the embedded default
	@echo "outrigger: building the program; the first time takes about nine minutes on two cores"
	$(BUILD_FULL)
	@echo "outrigger: starting; stop it with Ctrl-C"
	$(FULL)

.PHONY: demo
demo: console ## the console over a small shop that really runs; stop it with Ctrl-C
	$(BUILD_FULL)
	@trap 'kill 0' EXIT; $(FULL) & sleep 1; $(FULL) demo

.PHONY: screenshots
screenshots: console ## pictures of every screen over the demo, into docs/screenshots; needs Debian's Chromium
	$(BUILD_FULL)
	ui/e2e/with-demo $(FULL) node e2e/screenshots.mjs $(CURDIR)/docs/screenshots

# Without node the program is built all the same, and says where its pages would be.
.PHONY: console
console: ## build the console's pages into ui/dist and ui/dist-lean, where node is installed
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory ui/dist/index.html; \
	else echo "outrigger: no npm, so the program will have no console pages"; fi

ui/dist/index.html: ui/package-lock.json $(shell find ui/src ui/lean ui/index.html ui/*.config.* ui/vite.lean.ts ui/scripts -type f 2>/dev/null)
	@echo "outrigger: building the console's pages"
	cd ui && npm ci --no-audit --no-fund --loglevel=error && npm run --silent build
	@touch $@

.PHONY: console-check
console-check: console ## types, unit tests and size of the console's pages
	cd ui && npm run --silent check && npm test --silent && npm run --silent budget

.PHONY: test
test: console ## all tests; each installs what it needs, or says why it is skipped
	$(CARGO) test --workspace --locked --no-fail-fast

.PHONY: check
check: ## everything that must hold before a change goes in
	$(CARGO) fmt --all --check
	$(CARGO) run --quiet --locked -p xtask -- tidy
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --document-private-items --locked --quiet
	$(MAKE) --no-print-directory test
	$(MAKE) --no-print-directory size

.PHONY: size
size: console ## what is shipped: bytes and packages of both builds, and what the lean one answers
	$(BUILD_STATIC)
	@started=$$SECONDS; $(BUILD_FULL); echo "the whole program took $$((SECONDS - started)) s to build"
	$(CARGO) run --quiet --locked -p xtask -- size $(STATIC) $(FULL)

.PHONY: interop
interop: ## only what talks to real clients, engines and emulators, with its output
	$(CARGO) test --locked -p outrigger --test clients --test docker --test reference -- --nocapture --test-threads=1

.PHONY: million
million: ## the full proof: a million records through the reference setup
	OUTRIGGER_RECORDS=1000000 $(CARGO) test --release --locked -p outrigger $(LEAN) --test reference -- --nocapture

.PHONY: faults
faults: ## what goes wrong in production, each fault for FAULT_SECONDS (default 60), one line a case
	FAULT_SECONDS=$${FAULT_SECONDS:-60} $(CARGO) test --release --locked -p outrigger $(LEAN) --test faults -- --nocapture

.PHONY: bench
bench: ## CPU, memory, start and size, with FLUENT_BIT=/path and VECTOR=/path beside it
	$(BUILD_STATIC)
	$(CARGO) build --release --locked -p bench
	$(CARGO_TARGET_DIR)/release/bench $(STATIC)
	$(CARGO_TARGET_DIR)/release/bench otlp $(STATIC)

# A day of a shop's logs, 20 million lines, made once.
LAKE := $(CARGO_TARGET_DIR)/bench-lake
.PHONY: bench-query
bench-query: ## what questions cost over 20 million rows, beside DuckDB and ClickHouse from PyPI
	$(BUILD_FULL)
	$(CARGO) build --release --locked -p bench
	@test -d $(LAKE) || $(CARGO) run --profile full --locked -p lake --example ingest -- 20000000 $(LAKE)
	$(CARGO_TARGET_DIR)/release/bench query $(FULL) $(LAKE)

.PHONY: fuzz
fuzz: ## each target for FUZZ_SECONDS (default 60); with cargo-fuzz and coverage where that is installed
	fuzz/run $${FUZZ_SECONDS:-60}

.PHONY: image
image: console ## OCI images of both builds as tarballs in dist/, from scratch, without a registry
	$(BUILD_STATIC)
	$(CARGO) run --quiet --locked -p xtask -- image $(STATIC) outrigger:sidecar dist/outrigger-sidecar.tar
	$(BUILD_FULL)
	$(CARGO) run --quiet --locked -p xtask -- image $(FULL) outrigger:full dist/outrigger-full.tar

.PHONY: reference
reference: ## write the reference pages anew from the components
	UPDATE_GOLDEN=1 $(CARGO) test --quiet --workspace --locked --test reference_pages

.PHONY: golden
golden: ## take what tests find as what they expect; read the diff before you keep it
	UPDATE_GOLDEN=1 $(CARGO) test --workspace --locked --no-fail-fast

.PHONY: help
help:
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 12
