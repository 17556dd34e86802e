# Everything a checkout needs, each target once: `make help` lists them.
#
# A target that needs Python tools makes .venv first, from requirements/dev.lock and nothing else.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
STAMP := $(VENV)/.locked
VECTORS := .vectors/.complete
# Tests go to as many workers as there are processors: pure ones to four at most, those on a cloud to two, each of which
# has an embedded cloud of its own (1 to 2 GiB) and takes file after file, in the order of collection.  Another cloud
# (PASSERELLE_TEST_CLOUD) has one set of projects, so it gets one worker.
WORKERS := -n auto --maxprocesses 4
CLOUD_WORKERS := $(if $(PASSERELLE_TEST_CLOUD),,-n auto --maxprocesses 2 --dist loadfile --no-loadscope-reorder)

MAKEFLAGS += --no-print-directory
SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo demo-stop test check lint unit bench format docs lock vectors proxies ansible clean

help:  ## Say what can be made
	@grep -hE '^[a-z-]+:.*?## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | while IFS=$$'\t' read -r name text; do printf '  make %-10s %s\n' "$$name" "$$text"; done

demo: $(STAMP)  ## Bring up an OpenStack and the gateway, run a short tour, print the exports to paste
	@$(BIN)/passerelle demo

demo-stop: $(STAMP)  ## Stop the demo's gateway and cloud; what they hold is kept
	@$(BIN)/passerelle demo --stop

test: lint unit  ## Run every check and every test, on an OpenStack that comes up and goes again
	@echo "== tests on a cloud (the embedded OpenStack starts when the first test asks for it)"
	@$(BIN)/python -m pytest -m cloud $(CLOUD_WORKERS) $(PYTEST_ARGS)

check: lint unit  ## Run what needs no cloud: format, lint, types, import contracts, pure tests

lint: $(STAMP)
	@echo "== ruff format"
	@$(BIN)/ruff format --check .
	@echo "== ruff check"
	@$(BIN)/ruff check .
	@echo "== mypy --strict"
	@$(BIN)/mypy
	@echo "== import contracts"
	@$(BIN)/lint-imports

unit: $(STAMP) $(VECTORS)
	@echo "== pure tests"
	@$(BIN)/python -m pytest -m "not cloud" $(WORKERS) $(PYTEST_ARGS)

bench: $(STAMP)  ## Measure the gateway against bare OpenStack calls and print the ratios
	@$(BIN)/python -m bench

format: $(STAMP)  ## Let ruff rewrite the files
	@$(BIN)/ruff check --fix-only .
	@$(BIN)/ruff format .

docs: $(STAMP)  ## Write the generated tables under docs/ anew
	@$(BIN)/python -m tests.house.docs

lock: $(STAMP)  ## Solve the dependencies anew; UPGRADE=1 takes newer releases
	@$(BIN)/uv pip compile -q pyproject.toml --universal --python-version 3.11 --generate-hashes --no-header \
		$(if $(UPGRADE),--upgrade) -o requirements/runtime.lock
	@$(BIN)/uv pip compile -q --group dev pyproject.toml -c requirements/runtime.lock --universal \
		--python-version 3.11 --generate-hashes --no-header $(if $(UPGRADE),--upgrade) -o requirements/dev.lock
	@cd adapters/embedded && $(CURDIR)/$(BIN)/uv pip compile -q requirements.in --generate-hashes --python-version 3.11 \
		--no-header --no-annotate $(if $(UPGRADE),--upgrade) -o requirements.lock
	@cd requirements && $(CURDIR)/$(BIN)/uv pip compile -q tempest.in --generate-hashes --python-version 3.11 \
		--no-header --no-annotate $(if $(UPGRADE),--upgrade) -o tempest.lock
	@cd requirements && for one in clients ansible; do $(CURDIR)/$(BIN)/uv pip compile -q $$one.in --generate-hashes \
		--python-version 3.11 --no-header --no-annotate $(if $(UPGRADE),--upgrade) -o $$one.lock; done
	@git --no-pager diff --stat -- '*.lock'

vectors: $(VECTORS)  ## Fetch the protocol and signature vectors that AWS publishes with botocore

$(VECTORS): requirements/vectors.lock tests/support/vectors.py | $(STAMP)
	@$(BIN)/python -m tests.support.vectors

proxies:  ## Install HAProxy and nginx, which two tests put before the gateway (Debian or Ubuntu, as root)
	apt-get install -y --no-install-recommends haproxy nginx-light

ansible:  ## Install Ansible (600 MB) for tests/journeys, which skip that client without it
	@rm -rf .state/journeys/ansible && $(PYTHON) -m venv .state/journeys/ansible
	@.state/journeys/ansible/bin/python -m pip --disable-pip-version-check install --quiet --require-hashes \
		-r requirements/ansible.lock

clean:  ## Remove the virtual environment, caches and test state (a running test cloud is taken down first)
	@for state in $(wildcard .state/test* .state/test*/packets); do [ ! -x $(BIN)/passerelle ] || $(BIN)/passerelle cloud down --state-dir $$state || true; done
	rm -rf $(VENV) .vectors .state .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis dist build

# One stamp for the whole environment: made when every locked package stands, made anew when a lock changes.
$(STAMP): requirements/dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo \
		"Passerelle needs Python 3.11 or newer, and $(PYTHON) is not. Name another: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo \
		"$(PYTHON) cannot make virtual environments. On Debian or Ubuntu: sudo apt-get install python3-venv" >&2; exit 1; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || { \
		echo "== virtual environment in $(VENV)"; rm -rf $(VENV); $(PYTHON) -m venv $(VENV); }
	@total=$$(grep -c '^[a-z].*==' requirements/dev.lock); echo "== $$total locked packages, each checked by its hash"; \
	$(PIP) install --require-hashes -r requirements/dev.lock | { n=0; while read -r word _; do \
		case $$word in Collecting|Requirement) n=$$((n + 1)); [ $$((n % 20)) -ne 0 ] || echo "   $$n of $$total";; \
		Installing) echo "   installing";; esac; done; }
	@$(PIP) install --quiet --no-deps --no-build-isolation -e .
	@touch $@
