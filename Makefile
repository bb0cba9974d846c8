# One or two lines a target; CI calls only these. `make` alone prints the list.
PYTHON       ?= python3
BACKEND      ?= auto
INGRESS_PORT ?= 8080
PROJECT      ?= default
REAL         ?= 0
USERS        ?= 8
TIME         ?= 20s

BIN      := .venv/bin
PACKAGES := modelapi predictor-mock storage-init isvc
EXAMPLES := examples/torch-transformer/transformer-new.yaml examples/torch-grpc-transformer/grpc_transformer.yaml
ISVC      = $(BIN)/isvc
STACK     = --project $(PROJECT)

.DEFAULT_GOAL := help
.PHONY: help install up down status logs predict load models lock format test check

help: ## print this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  variables of up and down: BACKEND=auto|process  INGRESS_PORT=8080  PROJECT=default"

install: .venv/.run ## make .venv, where isvc and locust then are

up: install ## start both example InferenceServices and wait for a first prediction of each
	@$(ISVC) up $(EXAMPLES) $(STACK) --backend $(BACKEND) --ingress-port $(INGRESS_PORT)

down: install ## stop them; nothing of theirs keeps running
	@$(ISVC) down $(STACK)

status: install ## what runs: the services and their units
	@$(ISVC) get $(STACK) -o wide

logs: install ## what the units wrote, one stream
	@$(ISVC) logs $(STACK)

predict: install ## send each example its input.json through the ingress
	@$(ISVC) predict torch-transformer $(STACK) -i examples/torch-transformer/input.json
	@$(ISVC) predict torch-grpc-transformer $(STACK) -i examples/torch-grpc-transformer/input.json

load: install ## a short Locust load on the running stack: USERS=8 TIME=20s
	@$(BIN)/locust -f loadtest/ --headless -u $(USERS) -r $(USERS) -t $(TIME) --host http://127.0.0.1:$(INGRESS_PORT)

models: models/.work/.installed ## build the sample models of models/bucket again, from data on PyPI
	models/.work/venv/bin/python -m models.build

test: .venv/.test ## unit, integration and end-to-end tests
	$(BIN)/python -m pytest

check: .venv/.test ## ruff, mypy --strict, import directions
	$(BIN)/ruff check . && $(BIN)/ruff format --check .
	$(BIN)/mypy && $(BIN)/lint-imports

format: .venv/.test ## put the code into ruff's format
	$(BIN)/ruff check --fix . && $(BIN)/ruff format .

lock: .venv/.test ## resolve the dependencies again: requirements-test.lock, and its part that `make up` needs
	$(BIN)/uv pip compile $(LOCK) pyproject.toml --group test -o requirements-test.lock
	$(BIN)/uv pip compile $(LOCK) pyproject.toml -c requirements-test.lock -o requirements.lock

LOCK = --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header \
	$(addprefix --no-emit-package ,$(PACKAGES))
PIP  = $(BIN)/python -m pip --disable-pip-version-check --quiet

.venv/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "kserve-local needs Python 3.11 or newer: make install PYTHON=python3.11")'
	@$(PYTHON) -m venv .venv || { rm -rf .venv; echo "python -m venv failed; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@touch $@

.venv/.run: .venv/.python requirements.lock $(PACKAGES:%=%/pyproject.toml)
	@echo "installing into .venv (once; about a minute)"
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation $(PACKAGES:%=-e ./%)
	@touch $@

models/.work/.installed: models/requirements.txt
	@$(PYTHON) -m venv models/.work/venv
	@models/.work/venv/bin/python -m pip --disable-pip-version-check --quiet install -r models/requirements.txt
	@touch $@

.venv/.test: .venv/.run requirements-test.lock
	@echo "installing what the tests need into .venv"
	@$(PIP) install --require-hashes -r requirements-test.lock
	@touch $@
