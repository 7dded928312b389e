# Each command sets up what it needs by itself; what is there already costs no time.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:

# A section of infra/samconfig.toml.
STAGE ?= dev
# arm64 or x86_64. Empty: what the stage's Architecture parameter says, else arm64.
ARCH ?=
GATEWAY_PORT ?= 9000
# What `make test` runs: an area of tests/it, or shared or sandbox. Empty: all tests.
AREA ?=

export SAM_CLI_TELEMETRY := 0

SAM := $(CURDIR)/.venv/sam/bin/sam
# cargo-lambda finds its linker, zig, through the python3 beside it.
WITH_LAMBDA := PATH="$(CURDIR)/.venv/lambda/bin:$$PATH"
WITH_TOOLS := PATH="$(CURDIR)/.venv/lambda/bin:$(CURDIR)/.venv/ministack/bin:$$PATH"

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

.PHONY: demo
demo: ## Run everything on this machine, with a simulated Spotify and a demo site; needs Rust and a C compiler
	cargo run -p sandbox

.PHONY: watch
watch: .venv/lambda/.installed ## The same with the functions as real Lambda processes, rebuilt as you edit
	cargo build -p sandbox
	target/debug/sandbox --variables > target/watch.env
	target/debug/sandbox --no-gateway & trap "kill $$!" EXIT; \
	$(WITH_LAMBDA) cargo lambda watch --disable-cors -A 127.0.0.1 -P $(GATEWAY_PORT) --env-file target/watch.env

.PHONY: test
ifeq ($(AREA),)
test: setup validate ## Run all tests, or with AREA=sync one area alone (see tests/README.md)
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
bench: ## Measure how soon Spotify follows after an outage (PEOPLE, SPOTIFY_RATE), and how fast a roster is imported (ROWS)
	cargo build --profile measured -p soa-link -p tests --bins --benches
	cargo bench --profile measured -p soa-link -p tests --bench convergence --bench roster

.PHONY: lint
lint: supply-chain ## Check formatting, lints, documentation and dependencies
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

# Licences, duplicates, sources; and nothing that nobody uses. Advisories need the internet: the workflow of a release looks at those.
.PHONY: supply-chain
supply-chain:
	@cargo deny --version >/dev/null 2>&1 || cargo install --locked cargo-deny
	@cargo machete --version >/dev/null 2>&1 || cargo install --locked cargo-machete
	cargo deny --log-level error check bans licenses sources
	cargo machete

.PHONY: validate
validate: .venv/sam/.installed .venv/checkov/.installed ## Check the template
	.venv/sam/bin/cfn-lint infra/template.yaml
	AWS_DEFAULT_REGION=eu-west-1 $(SAM) validate --lint --template infra/template.yaml
	.venv/checkov/bin/checkov --config-file infra/.checkov.yaml

.PHONY: build
build: .venv/sam/.installed .venv/lambda/.installed ## Build what is deployed, into infra/.aws-sam (ARCH=x86_64 for that processor)
	cd infra && $(WITH_LAMBDA) $(SAM) build --config-env $(STAGE) $(if $(ARCH),--parameter-overrides Architecture=$(ARCH))
	wc -c infra/.aws-sam/build/*/bootstrap

.PHONY: deploy
deploy: build ## Build and deploy STAGE (dev, staging or prod)
	$(if $(ARCH),$(error Put Architecture into infra/samconfig.toml, so that it is built and deployed alike))
	cd infra && $(SAM) deploy --config-env $(STAGE)

# Two folders of different names, so that none is in the bytes; one commit, so that an edit meanwhile is in neither.
.PHONY: reproducible
reproducible: ARCH := $(or $(ARCH),x86_64)
reproducible: COMMIT := $(shell git rev-parse HEAD)
reproducible: ## Build the functions' zips twice for ARCH (x86_64) and see that they are the same bytes
	infra/release.sh $(ARCH) target/reproducible/one $(COMMIT)
	infra/release.sh $(ARCH) target/reproducible/two $(COMMIT)
	cmp target/reproducible/one/SHA256SUMS-$(ARCH) target/reproducible/two/SHA256SUMS-$(ARCH)

.PHONY: dashboard
dashboard: .venv/dashboard/.installed ## Draw the dashboard, of an hour and a half in the sandbox, into infra/dashboard.png
	cargo nextest run -p tests -E 'test(/^sync::metrics::/)'
	.venv/dashboard/bin/python infra/dashboard.py target/metrics.jsonl infra/dashboard.png

.PHONY: sbom
sbom: ## List what is in the functions, as CycloneDX, in target/soa-link.cdx.json
	@cargo cyclonedx --version >/dev/null 2>&1 || cargo install --locked cargo-cyclonedx
	infra/sbom.sh target/soa-link.cdx.json

.PHONY: setup
setup: .venv/sam/.installed .venv/lambda/.installed .venv/ministack/.installed tests/peers/node_modules/.installed browser nextest ## Install what the tests need

.PHONY: clean
clean: ## Remove all that was built or installed here
	cargo clean
	rm -rf .venv infra/.aws-sam tests/peers/node_modules

# SAM and ministack ask for different versions of the same packages, so that each tool has a house of its own.
.venv/%/.installed: infra/requirements-%.txt
	python3 -m venv --clear $(@D)
	$(@D)/bin/pip install --quiet --disable-pip-version-check --requirement $<
	touch $@

# The OpenID provider that we are tested against, and axe, which looks at the pages.
tests/peers/node_modules/.installed: tests/peers/package-lock.json
	@$(call debian,node npm,nodejs npm)
	cd tests/peers && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	touch $@

.PHONY: browser
browser:
	@$(call debian,chromium chromedriver,chromium chromium-driver fonts-ipafont-gothic fonts-lohit-deva)

# Installs the packages $(2) where one of the commands $(1) is missing, if this is a Debian and we are root; else says what is missing.
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
