# One or two lines a target; CI calls only these. `make` alone prints the list.
PYTHON       ?= python3
BACKEND      ?= auto
INGRESS_PORT ?= 8080
PROJECT      ?= default
REAL         ?= auto
STORAGE      ?= folder
USERS        ?= 8
TIME         ?= 20s

BIN      := .venv/bin
PACKAGES := modelapi predictor-mock storage-init kserve-agent isvc
EXAMPLES := examples/torch-transformer/transformer-new.yaml examples/torch-grpc-transformer/grpc_transformer.yaml
ISVC      = $(BIN)/isvc
STACK     = --project $(PROJECT)

.DEFAULT_GOAL := help
.PHONY: help install up down serve status logs predict load soak compare bench bench-start bench-storage models images base-image lock format test check kills fuzz

help: ## print this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  variables of up and down: BACKEND=auto|process|compose  REAL=auto|0|1  STORAGE=folder|s3  INGRESS_PORT=8080  PROJECT=default"

install: .venv/.run ## make .venv, where isvc and locust then are

up: install ## start both example InferenceServices and wait for a first prediction of each
	@$(ISVC) up $(EXAMPLES) $(STACK) --backend $(BACKEND) --ingress-port $(INGRESS_PORT) --real $(REAL) --storage $(STORAGE)

down: install ## stop them; nothing of theirs keeps running or stays in Docker
	@$(ISVC) down $(STACK) --volumes

serve: install ## a Kubernetes API for kubectl and KServe's client, until Ctrl-C; what runs goes on
	@$(ISVC) serve $(STACK) --backend $(BACKEND) --ingress-port $(INGRESS_PORT) --real $(REAL) --storage $(STORAGE)

status: install ## what runs: the services and their units
	@$(ISVC) get $(STACK) -o wide

logs: install ## what the units wrote, one stream
	@$(ISVC) logs $(STACK)

predict: install ## send each example its input.json through the ingress
	@$(ISVC) predict torch-transformer $(STACK) -i examples/torch-transformer/input.json
	@$(ISVC) predict torch-grpc-transformer $(STACK) -i examples/torch-grpc-transformer/input.json

load: install ## a short Locust load on the running stack: USERS=8 TIME=20s
	@$(BIN)/locust -f loadtest/ --headless -u $(USERS) -r $(USERS) -t $(TIME) --host http://127.0.0.1:$(INGRESS_PORT)

compare: install ## REST against gRPC on both hops, with a report: about 10 minutes, QUICK=1 for 90 seconds
	@$(ISVC) compare $(if $(QUICK),--quick) $(ARGS)

soak: install ## 60 s of 32 gRPC users on gevent, on the running stack
	@$(BIN)/locust -f loadtest/ --headless --only-summary -u 32 -r 32 -t 60s --host http://127.0.0.1:$(INGRESS_PORT) --threshold failures=0 V2Grpc

bench-storage: install ## the storage initializer beside kserve-storage 0.21, from one SeaweedFS
	$(BIN)/python -m benchmark.storage --rounds 5

bench-start: install ## seconds to the first prediction, cold and warm: mock, Triton, TorchServe, on both backends
	$(BIN)/python -m benchmark.start $(ARGS)

bench: install ## the Model API beside kserve 0.21 and hand-written servers, interleaved; a table and a JSON file
	$(BIN)/python -m benchmark $(ARGS)

images: ## build the images of compose.yaml, and print their sizes
	docker compose build && docker image ls --filter reference='kserve-local/*'

base-image: ## where no registry can be reached: the base image and the ingress from Debian's packages and PyPI
	.ci/base-image

models: models/.work/.installed ## build the sample models of models/bucket again, from data on PyPI
	models/.work/venv/bin/python -m models.build

test: .venv/.test ## unit, integration and end-to-end tests
	$(BIN)/python -m pytest

kills: .venv/.test ## the long form of tests: 200 kills of the storage initializer, 100 of the control plane
	STORAGE_KILLS=200 $(BIN)/python -m pytest tests/integration/storage_init/test_s3.py -k killed_at -s
	CONTROL_PLANE_KILLS=100 $(BIN)/python -m pytest tests/e2e/test_control_plane_kills.py

fuzz: .venv/.test ## the long form of the tests with bad requests: 105,000 of them, by schemathesis, hypothesis and mutation
	MODELAPI_BAD_REQUESTS=17000 $(BIN)/python -m pytest -s tests/unit/modelapi/server/test_bad_requests.py tests/unit/modelapi/server/test_openapi.py tests/integration/modelapi/test_bad_messages.py

check: .venv/.test ## ruff, mypy --strict, import directions
	$(BIN)/ruff check . && $(BIN)/ruff format --check .
	$(BIN)/mypy && $(BIN)/lint-imports

format: .venv/.test ## put the code into ruff's format
	$(BIN)/ruff check --fix . && $(BIN)/ruff format .

lock: .venv/.test ## resolve the dependencies again: requirements-test.lock, and its part that `make up` needs
	$(BIN)/uv pip compile $(LOCK) pyproject.toml --group test -o requirements-test.lock
	$(BIN)/uv pip compile $(LOCK) pyproject.toml -c requirements-test.lock -o requirements.lock
	UV=$(BIN)/uv .ci/role-locks

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
