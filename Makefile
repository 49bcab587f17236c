# Every command a person types. A bare `make` lists them.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# uv trusts the certificates of this machine, and takes the Python that is there.
export UV_SYSTEM_CERTS := 1
export UV_PYTHON_DOWNLOADS := never

# The distribution's, where it will do: it was trained when it was built (docs/adr/0034).
PYTHON3 ?= $(shell /usr/bin/python3 -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' \
  2> /dev/null && echo /usr/bin/python3 || echo python3)
PYTHON := .venv/bin/python
UV = $(shell command -v uv || echo .venv/bin/uv)
LOCK = $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes \
  --no-emit-index-url --custom-compile-command "make lock"
STACK := PYTHONPATH=tools $(PYTHON) -m stack
DEPLOYMENT := PYTHONPATH=tools $(PYTHON) -m deployment
MONITORING := PYTHONPATH=tools $(PYTHON) -m monitoring
CHARTS := PYTHONPATH=tools $(PYTHON) -m chart
IF_MADE := [ -x $(PYTHON) ] || { echo "Nothing has been set up."; exit 0; };
WORKERS ?= 2

# What setup has done leaves a file here, and is done again when what it was made from is newer.
MADE := .venv/.made
MEMBERS := proto chassis $(patsubst %/,%,$(dir $(wildcard services/*/pyproject.toml))) demo
PROTOS := $(shell find proto/crm) $(wildcard tools/build_protos.py tools/image.py)

.PHONY: help
help: ## List these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

##@ The suite on this machine

.PHONY: run up down status logs reset backup restore
run: setup servers ## Run the suite in the foreground, prepared and with the demo company; Ctrl-C stops it
	@$(STACK) run

up: setup servers ## The same in the background: returns when every process is ready
	@$(STACK) up

down: ## Stop every process of the suite
	@$(IF_MADE) $(STACK) down

status: ## Show what runs and what is ready
	@$(IF_MADE) $(STACK) status

logs: ## Follow the logs, of one service (S=contacts) or one process (S=contacts P=relay)
	@$(IF_MADE) $(STACK) logs --service "$(S)" --process "$(P)"

reset: ## Delete the local data, after asking
	@$(IF_MADE) $(STACK) reset

backup: ## Write a backup of all databases (TO=folder), as they are at one moment
	@$(IF_MADE) $(STACK) backup --folder "$(TO)"

restore: setup servers ## Start a new suite from a backup (FROM=folder), where there is none yet
	@$(STACK) restore --folder "$(FROM)"

##@ Work on it

.PHONY: test verify check bench format docs lock
test: setup servers watchers helm ## Run all tests, the long ones shortened; what fails has one more try, alone
	@$(PYTHON) -m pytest -n $(WORKERS) || { [ $$? = 1 ] && echo "Once more, alone:" && \
	  $(PYTHON) -m pytest --last-failed --last-failed-no-failures none --maxfail 1; }

verify: setup servers watchers helm ## Run the same tests at full length, then a load of 20 minutes with nothing beside it
	@CRM_TEST_SCALE=20 $(PYTHON) -m pytest -n $(WORKERS) --timeout 3600 --ignore tests/load
	@CRM_TEST_SCALE=20 $(PYTHON) -m pytest --timeout 3600 tests/load
	@if kubectl get --raw /readyz --request-timeout 10s > /dev/null 2>&1; then \
	  $(MAKE) images e2e-cluster; else echo "No cluster answers: its tests are left out."; fi

check: setup helm ## Check format, lint, types, import rules, protos and charts
	@echo "Format and lint ..."
	@.venv/bin/ruff format --check --quiet --output-format concise .
	@.venv/bin/ruff check --quiet .
	@$(PYTHON) tools/check_sizes.py
	@echo "Types ..."
	@.venv/bin/mypy
	@echo "Import rules ..."
	@.venv/bin/lint-imports > $(MADE)/imports.txt || { cat $(MADE)/imports.txt; exit 1; }
	@echo "Protos ..."
	@$(PYTHON) tools/check_protos.py
	@$(PYTHON) tools/events_doc.py --check
	@echo "Rules, dashboards and runbooks ..."
	@$(MONITORING) check
	@echo "Charts ..."
	@$(CHARTS) check

bench: setup servers ## Run the benchmarks on a stack of their own, and write bench/results/latest.json
	@$(PYTHON) -m bench

format: setup ## Format the code, and mend what the linter can
	@.venv/bin/ruff check --quiet --fix . || true
	@.venv/bin/ruff format .

docs: setup helm ## Write what follows from protos, code and values: documentation, rules, dashboards, renders
	@$(PYTHON) tools/events_doc.py
	@$(MONITORING) write
	@$(CHARTS) write

lock: $(MADE)/venv ## Write requirements*.lock anew from requirements*.in (U=--upgrade: newest versions)
	@$(LOCK) $(U) --output-file requirements.lock requirements.in
	@$(LOCK) --constraint requirements.lock --output-file requirements-run.lock \
	  requirements-run.in

##@ On Kubernetes

.PHONY: images deploy undeploy e2e-cluster helm
images: setup ## Build an image for each service (REGISTRY=localhost/ TAG=dev), with docker, buildah or podman
	@$(DEPLOYMENT) images

deploy: setup helm ## Install suite, development servers and demo company (NAMESPACE=crm) where kubectl points to
	@$(DEPLOYMENT) deploy

undeploy: helm ## Take them away again; volumes stay
	@$(IF_MADE) $(DEPLOYMENT) undeploy

e2e-cluster: setup helm ## Test the suite in a namespace of its own (NAMESPACE=crm-e2e) of that cluster
	@CRM_E2E_CLUSTER=1 $(PYTHON) -m pytest --timeout 1800 tests/cluster

helm: $(MADE)/helm ## Install helm and kubectl into .venv, as far as they are missing

$(MADE)/helm: tools/install_helm.py $(MADE)/packages
	@echo "Installing helm and kubectl ..."
	@$(PYTHON) tools/install_helm.py $(UV)
	@touch $@

##@ What they need

.PHONY: setup servers watchers
setup: proto/gen/.made $(MADE)/members ## Prepare packages and generated code, as far as they are missing

$(MADE)/venv:
	@echo "Making the virtual environment .venv ..."
	@$(PYTHON3) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or later is needed: name one with PYTHON3=..."; exit 1; }
	@if command -v uv > /dev/null; then \
	  uv venv --quiet --allow-existing --python $(PYTHON3) .venv; \
	else \
	  $(PYTHON3) -m venv .venv || { echo "Install python3-venv."; exit 1; }; \
	  .venv/bin/pip install --quiet uv; \
	fi
	@mkdir -p $(MADE) && touch $@

$(MADE)/packages: requirements.lock $(MADE)/venv
	@echo "Installing packages (1 GB, a minute or two the first time) ..."
	@$(UV) pip install --quiet --python $(PYTHON) --no-deps --require-hashes -r requirements.lock
	@touch $@

$(MADE)/members: $(MEMBERS:%=%/pyproject.toml) $(MADE)/packages
	@echo "Linking our own packages ..."
	@$(UV) pip install --quiet --python $(PYTHON) --no-deps --no-build-isolation $(MEMBERS:%=-e %)
	@touch $@

proto/gen/.made: $(PROTOS) $(MADE)/packages
	@echo "Generating code from the protos ..."
	@$(PYTHON) tools/build_protos.py
	@touch $@

# mongod comes with the packages; on a bare Debian it misses one library.
servers: $(MADE)/packages ## Install what the servers need from the distribution, as far as it is missing
	@if [ ! -x /usr/lib/rabbitmq/bin/rabbitmq-server ] && ! command -v rabbitmq-server > /dev/null; \
	  then tools/install_package.sh rabbitmq-server; fi
	@if ldd .venv/lib/python*/site-packages/fiftyone/db/bin/mongod 2> /dev/null \
	  | grep -q 'libcurl.*not found'; then tools/install_package.sh libcurl4; fi

# Tests let Prometheus itself judge rules and alerts, and look at pages with a browser. Where
# Prometheus is installed, a stack runs it, too.
watchers: ## Install what only tests need from the distribution, as far as it is missing
	@for pair in promtool:prometheus prometheus-alertmanager:prometheus-alertmanager \
	  chromium:chromium; do \
	  command -v $${pair%%:*} > /dev/null || tools/install_package.sh $${pair##*:}; \
	done
