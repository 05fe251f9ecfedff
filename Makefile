# Everything a contributor runs. `make help` lists the targets.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
STAMPS := .venv/.stamps
PACKAGES := services clients/python/src/labelmill tools

.DEFAULT_GOAL := help
.PHONY: help setup protos demo test lint bench tagger clean

help: ## Lists the targets.
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

setup: $(STAMPS)/packages $(STAMPS)/data ## Makes .venv with all services, the client and the tools, and fetches the demo's data.

$(STAMPS)/packages: pyproject.toml clients/python/pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "Labelmill needs Python 3.11 or newer")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e clients/python -e '.[all,dev]'
	mkdir -p $(STAMPS) && touch $@

$(STAMPS)/data: tools/fetch_data.py | $(STAMPS)/packages
	$(BIN)/python tools/fetch_data.py
	mkdir -p $(STAMPS) && touch $@

# A real Triton server, apart from .venv because it needs numpy<2.
$(STAMPS)/triton: tests/support/triton.py | $(STAMPS)/packages
	$(BIN)/python -m tests.support.triton install
	mkdir -p $(STAMPS) && touch $@

protos: $(STAMPS)/packages ## Formats and lints the contract, and generates the code in clients/ from it.
	cd protos && ../$(BIN)/buf format -w --path labelmill && ../$(BIN)/buf lint
	$(BIN)/python tools/generate_protos.py
	$(BIN)/python tools/generate_sdk.py

demo: setup ## Runs the whole loop on real data; leaves demo-report/ (a few minutes).
	$(BIN)/labelmill demo

test: setup $(STAMPS)/triton ## Runs all tests, against real servers that the tests start.
	$(BIN)/python -m pytest $(ARGS)

lint: setup ## Checks format, style and types.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy $(PACKAGES)
	cd protos && ../$(BIN)/buf lint

bench: setup ## Compares us with named peers in one run; ARGS="--quick" for under a minute each.
	for name in $$(ls benchmarks | sed -nE 's/^([a-z_]+)\.py$$/\1/p') quality; do $(BIN)/python -m benchmarks.$$name --json $(ARGS) || exit 1; done

tagger: setup ## Trains the tagger of anonymization anew and writes its card (slow without a GPU).
	for step in pools lexicon silver train "evaluate --card"; do $(BIN)/python -m tools.tagger.$$step || exit 1; done

clean: ## Removes everything that was built, downloaded or left by runs.
	rm -rf .venv .venvs .data demo-report .pytest_cache .mypy_cache .ruff_cache .hypothesis
