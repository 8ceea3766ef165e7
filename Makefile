# Everything a person does with the checkout. Needs make, bash and Python 3.11 to 3.13; `make setup` brings the rest.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

# dbt is started by name from inside Dagster, so the environment has to come first on the path.
export PATH := $(CURDIR)/.venv/bin:$(PATH)
# No tool reports to its vendor from here.
export DO_NOT_TRACK := 1
export DBT_SEND_ANONYMOUS_USAGE_STATS := false
export DAGSTER_DISABLE_TELEMETRY := 1

PYTHON_CODE := connectors segmentation orchestration $(wildcard benchmarks)
SQL_CODE := $(wildcard dbt_project/models dbt_project/tests)

# More for the command behind a target: make test ARGS='-k windows', make run ARGS=--json
ARGS ?=
# One file stays on one worker, so that what a file prepares once is not prepared twice.
PYTEST := .venv/bin/pytest -q --numprocesses auto --dist loadfile

STAMP := .venv/.synced
# A checkout that was copied or moved has to be set up again: see scripts/setup.
ifneq ($(CURDIR),$(shell cat $(STAMP) 2>/dev/null))
.PHONY: $(STAMP)
endif
$(STAMP): pyproject.toml uv.lock scripts/setup
	@scripts/setup

.PHONY: help setup run dev test test-all lint types format bench schema clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: $(STAMP) ## the locked environment in .venv; instant when nothing changed
	@echo 'ready: .venv, as in uv.lock'

run: $(STAMP) ## calculate all segments once, on sample data if nothing has landed yet
	@.venv/bin/segments run --sample-if-empty $(ARGS)

dev: $(STAMP) ## Dagster with its web page, schedules and sensors
	@.venv/bin/segments dev $(ARGS)

test: $(STAMP) ## the tests, without the long ones
	@$(PYTEST) -m "not long" $(ARGS)

test-all: $(STAMP) ## all tests
	@$(PYTEST) $(ARGS)

lint: $(STAMP) ## style of Python and SQL, and who may import whom
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/lint-imports
	$(if $(SQL_CODE),.venv/bin/sqlfluff lint $(SQL_CODE))

types: $(STAMP) ## type check
	.venv/bin/mypy $(PYTHON_CODE)

format: $(STAMP) ## rewrite Python and SQL in the agreed style
	.venv/bin/ruff check --fix-only
	.venv/bin/ruff format
	$(if $(SQL_CODE),.venv/bin/sqlfluff format $(SQL_CODE))

bench: $(STAMP) ## measure the calculation and print the times
	@.venv/bin/python -m benchmarks $(ARGS)

schema: $(STAMP) ## write the JSON schema that gives editors completion in segments/*.yml
	@.venv/bin/python -m segmentation.language.schema > segments/segment.schema.json

clean: ## remove what the tools leave behind; the environment and the data stay
	rm -rf .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis dist
	rm -rf dbt_project/target dbt_project/logs
	find . -path ./.venv -prune -o -type d -name __pycache__ -exec rm -rf {} +
