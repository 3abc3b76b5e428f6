# Any Python from 3.11 on; `make PYTHON=python3.13 …` chooses one.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$p" && break; done)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet install

.PHONY: help install demo test test-all lint bench model-check state-machine simulation crash-test sabotage fuzz pictures soak catch-up lock clean

help: ## what can be made
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 24

install: $(VENV)/.installed ## a virtual environment that runs the bot

demo: $(VENV)/.installed ## a Slack, a GoldRush and the bot on this machine, with a page to click in
	@$(BIN)/pipeline-bot demo

TESTS := tests/unit tests/service tests/contract
# Six workers, since most of it waits. The longest first: a long one that starts last leaves the other workers idle.
ALL_TESTS := tests/proofs tests/journey tests/sandbox tests/fuzz $(TESTS)
JOURNEY := tests/journey/test_journey.py::test_a_channel_watches_a_pipeline_and_hears_of_its_failure[socket]

test: $(VENV)/.developing ## what the bot relies on, and one journey: 5 to 10 minutes on two cores
	$(BIN)/python -m pytest -n 4 --dist worksteal $(PYTEST) $(TESTS) '$(JOURNEY)'

test-all: $(VENV)/.developing ## all tests but `sabotage`: also the sandbox, every journey, the page, bounded proofs and a bounded fuzz
	$(BIN)/python -m pytest -m '' --shuffle 1 -n 6 --dist worksteal --ignore tests/proofs/test_sabotage.py $(PYTEST) $(ALL_TESTS)

lint: $(VENV)/.developing ## style, types, import arrows
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.developing ## one table: each figure beside a peer or a limit; BENCH=--quick takes about two minutes on a quiet machine
	$(BIN)/python -m bench $(BENCH)

model-check: $(VENV)/.developing ## every interleaving of the delivery protocol: which protocols lose, which repeat
	$(BIN)/python -m tests.proofs.model

state-machine: $(VENV)/.developing ## core and store under whatever hypothesis makes of them, over fakeredis and a real Valkey
	$(BIN)/python -m tests.proofs.test_machine

simulation: $(VENV)/.developing ## the bot on a virtual clock under every trouble; HOURS=100000 takes a night
	$(BIN)/python -m tests.proofs.simulation --hours $(or $(HOURS),1000)

crash-test: $(VENV)/.developing ## the bot as a process, killed 500 times over 20 seeds, and once at each of its calls
	$(BIN)/python -m tests.proofs.crash

sabotage: $(VENV)/.developing ## each safeguard taken out turns a proof red
	$(BIN)/python -m pytest -v tests/proofs/test_sabotage.py

fuzz: $(VENV)/.developing ## 100,000 inputs over every boundary
	$(BIN)/python -m tests.fuzz

pictures: $(VENV)/.developing ## every message, form and page of the bot at 390 and 1440 pixels, into pictures/; needs a Chromium
	$(BIN)/python -m tests.pictures $(SCENES)

soak: $(VENV)/.developing ## Slack away for long, and pipelines that hang: memory, connections, how late
	$(BIN)/python -m bench.outage
	$(BIN)/python -m bench.outage --fault throttled
	$(BIN)/python -m bench.hanging

catch-up: $(VENV)/.developing ## one fault after the other: how long until a failure is told
	$(BIN)/python -m bench.catch_up

lock: $(VENV)/.developing ## resolve the dependencies again: versions and hashes, no addresses
	$(BIN)/uv pip compile $(LOCK) --group build -o requirements.lock
	$(BIN)/uv pip compile $(LOCK) --group build --group dev -c requirements.lock -o requirements-dev.lock
LOCK := pyproject.toml --extra embedded --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header

clean: ## all that was made
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis .coverage*

$(VENV)/.installed: requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed: install it, or name it: make PYTHON=/path/to/python3.12 …"; exit 1; }
	@echo "Installing into $(VENV) (once) …"
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) --no-deps --require-hashes -r requirements.lock
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.developing: requirements-dev.lock $(VENV)/.installed
	@echo "Installing what the tests need (once) …"
	@$(PIP) --no-deps --require-hashes -r requirements-dev.lock
	@touch $@
