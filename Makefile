# Each target installs what it needs. Targets that are up to date take no time.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:

# Section of infra/samconfig.toml.
STAGE ?= dev
# arm64 or x86_64. Empty uses the stage's Architecture parameter, which defaults to arm64.
ARCH ?=
GATEWAY_PORT ?= 9000
# 1: SAM asks for the parameters and writes them into infra/samconfig.toml.
GUIDED ?=
# 1: this deployment may update PartnerKeys, see infra/README.md, Stack policy.
ALLOW_KEY_UPDATE ?=
# Tests that `make test` runs: a folder of tests/it, or the crate shared or sandbox. Empty runs all tests.
AREA ?=
# Options of `make bench`.
BENCH ?=
# Options of `make load`.
LOAD ?=
# 1: `make release-check` records the instructions per event.
RECORD ?=

export SAM_CLI_TELEMETRY := 0

SAM := $(CURDIR)/.venv/sam/bin/sam
# cargo-lambda finds its linker, zig, through the python3 in the same folder.
WITH_LAMBDA := PATH="$(CURDIR)/.venv/lambda/bin:$$PATH"
WITH_TOOLS := PATH="$(CURDIR)/.venv/lambda/bin:$(CURDIR)/.venv/ministack/bin:$$PATH"

.PHONY: help
help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

.PHONY: demo
demo: ## Run everything locally with a simulated Spotify and a demo site; needs Rust and a C compiler
	cargo run -p sandbox

.PHONY: watch
watch: .venv/lambda/.installed ## Run the demo with real Lambda processes, rebuilt on each edit
	cargo build -p sandbox
	target/debug/sandbox --variables > target/watch.env
	target/debug/sandbox --no-gateway & trap "kill $$!" EXIT; \
	$(WITH_LAMBDA) cargo lambda watch --disable-cors -A 127.0.0.1 -P $(GATEWAY_PORT) --env-file target/watch.env

.PHONY: test
ifeq ($(AREA),)
test: setup validate ## Run all tests, or one area with AREA=sync (see tests/README.md)
	cargo build --workspace --bins
	cargo test --workspace --doc
	$(WITH_TOOLS) cargo nextest run --workspace
else ifneq ($(filter shared sandbox,$(AREA)),)
test: nextest
	cargo nextest run -p $(AREA)
else
test: setup
	$(if $(filter infra operator,$(AREA)),cargo build --workspace --bins)
	$(WITH_TOOLS) cargo nextest run -p tests -E 'test(/^$(AREA)::/)'
endif

.PHONY: bench
bench: bench-functions ## Compare the functions with a minimal and an AWS SDK function; BENCH=--help lists options, such as --lambda-mb 128
	cargo build --release --target-dir target/bench -p references
	cargo run --release --target-dir target/bench -p bench -- --json target/bench/results.json --svg target/bench/results.svg \
		--version "$$(git describe --always --dirty)" $(BENCH)

# The feature `measure` trusts the CA of the stubs. These programs are never released, so they have their own folder.
.PHONY: bench-functions
bench-functions:
	cargo build --release --target-dir target/bench --features measure

.PHONY: release-check
release-check: check-sizes check-instructions ## Check the sizes and the instructions of release builds; RECORD=1 records the instructions

.PHONY: check-sizes
check-sizes: ARCH := $(or $(ARCH),x86_64)
check-sizes: .venv/lambda/.installed
	$(WITH_LAMBDA) cargo lambda build --release --locked --target $(ARCH:arm64=aarch64)-unknown-linux-gnu --lambda-dir target/check/$(ARCH)
	cargo run -p bench -- --sizes target/check/$(ARCH)

.PHONY: check-instructions
check-instructions: bench-functions
	@$(call debian,valgrind,valgrind)
	cargo run -p bench -- --instructions tests/bench/instructions.json $(if $(RECORD),--record)

.PHONY: bench-sync
bench-sync: ## Measure how sync catches up after a Spotify outage (PEOPLE, SPOTIFY_RATE)
	cargo bench --profile measured -p tests --bench convergence

.PHONY: bench-scale
bench-scale: ## Count the work of sync in a large table, of which 1 % is dirty (PEOPLE)
	cargo bench --profile measured -p tests --bench scale

.PHONY: bench-import
bench-import: ## Measure the import of a large roster (ROWS)
	cargo build --profile measured -p soa-link -p tests --bins --benches
	cargo bench --profile measured -p soa-link -p tests --bench roster

# The driver and the simulated services are one process, which has both ends of each person's connections.
.PHONY: load
load: ## Walk up to 500 people at once through the functions, and compare the counts; LOAD=--help lists options
	cargo build --profile measured --bins $(addprefix -p ,callback entitlements entrypoint sync unlink load)
	ulimit -S -n 4096; cargo run --profile measured -p load -- $(LOAD)

.PHONY: lint
lint: supply-chain ## Check formatting, lints, documentation and dependencies
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps
	@! git grep -nwEi 'whoever|somebody|nobody|anybody|is none' -- '*.rs' '*.md' '*.yaml' \
		|| { echo "Use plain modern words: see CONTRIBUTING.md" >&2; exit 1; }

# Licences, duplicate versions, sources and unused dependencies. Advisories need the internet; the release workflow checks them.
.PHONY: supply-chain
supply-chain:
	@cargo deny --version >/dev/null 2>&1 || cargo install --locked cargo-deny
	@cargo machete --version >/dev/null 2>&1 || cargo install --locked cargo-machete
	cargo deny --log-level error check bans licenses sources
	cargo machete

.PHONY: validate
validate: .venv/sam/.installed .venv/checkov/.installed ## Check the SAM template
	.venv/sam/bin/cfn-lint infra/template.yaml
	AWS_DEFAULT_REGION=eu-west-1 $(SAM) validate --lint --template infra/template.yaml
	.venv/checkov/bin/checkov --config-file infra/.checkov.yaml

.PHONY: build
build: .venv/sam/.installed .venv/lambda/.installed ## Build the functions into infra/.aws-sam (ARCH=x86_64 for that architecture)
	cd infra && $(WITH_LAMBDA) $(SAM) build --config-env $(STAGE) $(if $(ARCH),--parameter-overrides Architecture=$(ARCH))
	wc -c infra/.aws-sam/build/*/bootstrap

.PHONY: deploy
deploy: .venv/sam/.installed ## Build and deploy STAGE (dev, staging or prod); GUIDED=1 the first time
	$(if $(ARCH),$(error ARCH works only with build. Set Architecture in infra/samconfig.toml, so that build and deployment use the same value))
	SAM=$(SAM) ALLOW_KEY_UPDATE=$(ALLOW_KEY_UPDATE) infra/deploy.sh $(STAGE) $(if $(GUIDED),--guided)

# Two folders with different names show that no path is in the bytes. Building a commit keeps concurrent edits out.
.PHONY: reproducible
reproducible: ARCH := $(or $(ARCH),x86_64)
reproducible: COMMIT := $(shell git rev-parse HEAD)
reproducible: ## Build the release zips twice (ARCH, default x86_64) and compare the bytes
	infra/release.sh $(ARCH) target/reproducible/one $(COMMIT)
	infra/release.sh $(ARCH) target/reproducible/two $(COMMIT)
	cmp target/reproducible/one/SHA256SUMS-$(ARCH) target/reproducible/two/SHA256SUMS-$(ARCH)

.PHONY: dashboard
dashboard: .venv/dashboard/.installed ## Draw infra/dashboard.png from 90 minutes in the sandbox
	cargo nextest run -p tests -E 'test(/^sync::metrics::/)'
	.venv/dashboard/bin/python infra/dashboard.py target/metrics.jsonl infra/dashboard.png

.PHONY: sbom
sbom: ## Write the bill of materials (CycloneDX) to target/soa-link.cdx.json
	@cargo cyclonedx --version >/dev/null 2>&1 || cargo install --locked cargo-cyclonedx
	infra/sbom.sh target/soa-link.cdx.json

.PHONY: setup
setup: .venv/sam/.installed .venv/lambda/.installed .venv/ministack/.installed tests/peers/node_modules/.installed browser languages nextest ## Install the tools for the tests

.PHONY: clean
clean: ## Remove everything that was built or installed here
	cargo clean
	rm -rf .venv infra/.aws-sam tests/peers/node_modules

# SAM and ministack need different versions of the same packages, so each tool has its own environment.
.venv/%/.installed: infra/requirements-%.txt
	python3 -m venv --clear $(@D)
	$(@D)/bin/pip install --quiet --disable-pip-version-check --requirement $<
	touch $@

# An independent OpenID provider; axe, which checks the accessibility of the pages; what runs the TypeScript examples and the Postman collection.
tests/peers/node_modules/.installed: tests/peers/package-lock.json
	@$(call debian,node npm,nodejs npm)
	cd tests/peers && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	touch $@

.PHONY: browser
browser:
	@$(call debian,chromium chromedriver,chromium chromium-driver fonts-ipafont-gothic fonts-lohit-deva)
	@$(call debian,WebKitWebDriver Xvfb,webkit2gtk-driver xvfb)

# Interpreters and libraries of the examples in functions/README.md. No command shows that Ruby has its library.
.PHONY: languages
languages: .venv/snippets/.installed
	@{ ruby -rjwt -e '' && php --version; } >/dev/null 2>&1 || $(call debian,ruby-jwt php,ruby ruby-jwt php-cli)

# Installs the packages $(2) if one of the commands $(1) is missing. Without Debian or root, it prints what to install.
define debian
if (for command in $(1); do command -v $$command || exit 1; done); then :; \
elif command -v apt-get && [ "$$(id -u)" = 0 ]; then \
	apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends $(2); \
else \
	echo "The tests need $(1). On Debian: apt-get install $(2)" >&2; exit 1; \
fi >/dev/null
endef

.PHONY: nextest
nextest:
	@cargo nextest --version >/dev/null 2>&1 || cargo install --locked cargo-nextest
