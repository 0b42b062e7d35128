# `make help` lists the targets. Everything happens in .venv, which is made on first use.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/bash

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SQLPIPE := $(BIN)/sqlpipe
OTHER_VENV := .venv-duckdb15
DUCKDB := 2.0.0
OTHER_DUCKDB := 1.5.5
# What depends on the version of DuckDB; schedules and servers do not.
ON_OTHER_DUCKDB := tests/engines tests/store/test_ledger.py tests/run/test_floor.py tests/stories \
	--ignore=tests/stories/test_scheduler_kills.py --ignore=tests/stories/test_serve.py --ignore=tests/stories/test_soak.py
SEED := 20130101

# Make an environment and install the project into it: $(call install,FOLDER,FURTHER REQUIREMENTS)
define install
	@if command -v uv >/dev/null; then \
		test -x $(1)/bin/python || uv venv --quiet --python $(PYTHON) $(1); \
		uv pip install --quiet --python $(1)/bin/python --constraint constraints.txt --editable '.[dev]' $(2); \
	else \
		test -x $(1)/bin/pip || $(PYTHON) -m venv $(1); \
		$(1)/bin/python -m pip install --quiet --disable-pip-version-check \
			--constraint constraints.txt --editable '.[dev]' $(2); \
	fi
	@touch $(1)/.installed
endef

$(VENV)/.installed: pyproject.toml constraints.txt
	@echo "installing into $(VENV) (once)"
	$(call install,$(VENV),duckdb==$(DUCKDB))

$(OTHER_VENV)/.installed: pyproject.toml constraints.txt
	@echo "installing into $(OTHER_VENV) (once)"
	$(call install,$(OTHER_VENV),duckdb==$(OTHER_DUCKDB))

# Pages are tested in a real browser: one that is there, or Debian's, or the one that Playwright brings.
$(VENV)/.browser: $(VENV)/.installed
	@if command -v chromium google-chrome chrome >/dev/null; then :; \
	elif command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
		echo "installing Chromium (once)"; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends \
			chromium fonts-dejavu-core >/dev/null; \
	else $(BIN)/playwright install chromium; fi
	@touch $@

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: $(VENV)/.installed ## run the pipeline in this folder on a year of flights, change its sources, run it again
	@BIN=$(BIN) demo/demo.sh

.PHONY: check
check: $(VENV)/.installed ## formatting, lint, types, architecture
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports

.PHONY: test
test: $(VENV)/.browser $(OTHER_VENV)/.installed ## all tests but the slow ones, then those of the engine on DuckDB 1.5
	SQLPIPE_TEST_DUCKDB=$(DUCKDB) $(BIN)/pytest -m "not slow" -n auto --dist loadfile
	SQLPIPE_TEST_DUCKDB=$(OTHER_DUCKDB) $(OTHER_VENV)/bin/pytest -m "not slow" -n auto --dist loadfile $(ON_OTHER_DUCKDB)

.PHONY: test-slow
test-slow: $(VENV)/.browser ## the slow tests, with fixed seeds
	PYTHONHASHSEED=0 $(BIN)/pytest -m slow -n auto --dist load --hypothesis-seed=$(SEED)

.PHONY: bench
bench: $(VENV)/.browser ## measure, and keep the figures
	$(BIN)/python -m benchmarks.run
	$(BIN)/python -m benchmarks.orchestrate
	$(BIN)/python -m benchmarks.pages

.PHONY: screenshots
screenshots: $(VENV)/.browser ## take the pictures of the README and the documentation anew
	$(BIN)/python docs/screenshots.py

.PHONY: clean
clean: ## remove what the demo and the tools have written; the environments stay
	rm -rf landing site flights.duckdb flights.duckdb.wal .sqlpipe build dist
	rm -rf .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find sqlpipe tests benchmarks demo models -name __pycache__ -prune -exec rm -rf {} +
