# Every target works as the first command in a bare clone with Python 3.11+ and make.
PYTHON ?= python3
BIN := .venv/bin
WORKERS ?= 3
.DEFAULT_GOAL := help

.PHONY: help setup demo up test unit newest lint fuzz soak bench screenshots lock

help:  ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 10

$(BIN)/.ready: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "xmit needs Python 3.11 or newer; say which with make PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip sync --quiet --compile-bytecode --python $(BIN)/python --require-hashes requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

setup: $(BIN)/.ready  ## build .venv from the lock

demo: setup  ## run the bundled campaign in simulated time, into the sandbox
	$(BIN)/xmit demo

up: setup  ## Dagster, API and sandbox together, until Ctrl-C
	$(BIN)/xmit up

test: setup  ## every test, fast ones first, three files at a time: many of them wait
	$(BIN)/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

unit: setup  ## the fast tests alone
	$(BIN)/pytest tests/unit

newest: setup  ## the fast tests and the store's on the newest DuckDB, in an environment of its own
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python .venv-newest
	$(BIN)/uv pip sync --quiet --python .venv-newest/bin/python --require-hashes requirements.lock
	$(BIN)/uv pip install --quiet --no-config --python .venv-newest/bin/python 'duckdb>=2,<2.1'
	$(BIN)/uv pip install --quiet --python .venv-newest/bin/python --no-deps --no-build-isolation --editable .
	.venv-newest/bin/pytest -n $(WORKERS) tests/unit tests/integration/store tests/integration/events/test_event_folding.py \
		-k "not share_a_minute"

lint: setup  ## format, rules, types, floors
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/basedpyright
	$(BIN)/lint-imports

fuzz: setup  ## thousands of cases over the whole OpenAPI document; takes some minutes
	XMIT_FUZZ_EXAMPLES=40 $(BIN)/pytest -s tests/integration/api/test_api_fuzz.py -k thousands

soak: setup  ## 500 kills and more under a seeded schedule of faults (docs/guarantees.md); takes half an hour
	XMIT_SOAK_KILLS=500 XMIT_SOAK_DAGSTER_KILLS=20 XMIT_SOAK_SEED=$${XMIT_SOAK_SEED:-1} $(BIN)/pytest -s tests/faults

bench: setup  ## measure the figures of docs/performance.md
	$(BIN)/python -m benchmarks

screenshots: setup  ## the pictures of docs/screenshots/dashboard, of the demo's data; needs Chromium
	$(BIN)/python -m tests.browser.screenshots

lock: $(BIN)/.ready  ## resolve the lock anew
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-emit-index-url --generate-hashes --group dev pyproject.toml -o requirements.lock
