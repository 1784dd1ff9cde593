# Two commands for a newcomer: `make demo` and `make test`. Each sets `.venv` up first.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed-$(shell cat requirements/dev.txt pyproject.toml | cksum | cut -d' ' -f1)
WORKERS ?= auto

.PHONY: demo test simulate test-real real-litellm real-others check benchmark rival lock setup schemas reference readme clean

setup: $(STAMP)

$(STAMP): requirements/dev.txt pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 is needed: make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@rm -f $(VENV)/.installed-*
	@touch $@

demo: setup  ## the example fleet on the embedded gateway: apply, an empty plan, a drift repaired; a bot turn on each webhook
	@PATH="$(CURDIR)/$(BIN):$$PATH" sh docs/demo.sh
	@PATH="$(CURDIR)/$(BIN):$$PATH" sh docs/demo-bots.sh

check: setup  ## the fast half: format, lint, types, import law, tests that start no process
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	QUICK=1 $(BIN)/pytest -n $(WORKERS) -m "not slow and not process"

test: setup  ## everything
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/pytest -n $(WORKERS)

SECONDS ?= 60
simulate: setup  ## the whole engine against simulated gateways for SECONDS of one processor; tells the first story that breaks a promise
	PYTHONPATH=tests/support $(BIN)/python -m simulation campaign --seconds $(SECONDS) --seed $$$$

# Each server is started once: LiteLLM, the slowest, beside all others.
REAL_LITELLM := $(wildcard tests/real/test_*litellm*.py)
REAL_OTHERS := $(filter-out $(REAL_LITELLM),$(wildcard tests/real/test_*.py))

test-real: setup  ## against real gateways, installed into .real/ (needs node, npm and PostgreSQL's programs; 3 GB)
	$(MAKE) --jobs=2 --output-sync=target real-litellm real-others

real-litellm: setup
	$(BIN)/pytest -n 0 -m real $(REAL_LITELLM)

real-others: setup
	$(BIN)/pytest -n 0 -m real $(REAL_OTHERS)

benchmark: setup  ## the README's figures, measured on this machine
	$(BIN)/python benchmarks/run.py
	$(BIN)/python benchmarks/router.py

rival: setup  ## beside litellm-as-code on a real LiteLLM: what each does, in requests and seconds (needs what test-real needs)
	$(BIN)/python benchmarks/rival_litellm.py
	$(BIN)/python docs/beside_tables.py

schemas: setup  ## write schemas/ from the models
	$(BIN)/reconciler schema --write schemas
	$(BIN)/reconciler serve --openapi > schemas/router.openapi.json

reference: setup  ## write the pages that are generated from the models
	$(BIN)/python docs/defaults_table.py
	$(BIN)/python docs/windows_table.py
	$(BIN)/python docs/detectors_table.py
	$(BIN)/python docs/support_table.py

readme: setup  ## fill the README with the demo's transcript and the benchmark's table
	$(BIN)/python docs/fill_readme.py

LOCK := $(BIN)/pip-compile --quiet --generate-hashes --allow-unsafe --strip-extras --no-emit-index-url \
	--no-emit-trusted-host --no-emit-find-links --no-header

lock: setup  ## pin the dependencies again, with hashes and without index addresses
	for name in runtime build dev; do $(LOCK) --output-file requirements/$$name.txt requirements/$$name.in; done

clean:
	rm -rf $(VENV) .real .reconciler .mypy_cache .ruff_cache .pytest_cache .hypothesis
