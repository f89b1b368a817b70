# Each target sets `.venv` up by itself (scripts/set_up.py); a second run finds it ready and needs no network.
PYTHON ?= python3
BIN := .venv/bin
unexport PYTHONDONTWRITEBYTECODE  # some images set it, and every start would compile everything again

.PHONY: help run test fast chaos check format bench clean

help: ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

run: ## the shop on SQLite with real baskets; Ctrl-C stops it, RUN_SECONDS=n ends it, ARGS="--rate 50" or "--all"
	@$(PYTHON) scripts/set_up.py run
	@$(BIN)/python -m examples.shop.main $(ARGS)

test: ## everything that can run here; what was left out is listed at the end with its reason
	@$(PYTHON) scripts/set_up.py test
	@$(BIN)/python -m pytest $(ARGS)

fast: ## unit, contract and architecture tests: under a minute
	@$(PYTHON) scripts/set_up.py test
	@$(BIN)/python -m pytest -m "not slow" tests/unit tests/contracts tests/architecture $(ARGS)

chaos: ## the shop as four processes on PostgreSQL, killed and stopped at random: five minutes, or CHAOS_SECONDS=n
	@$(PYTHON) scripts/set_up.py test
	@TWOFOLD_CHAOS_SECONDS=$${CHAOS_SECONDS:-300} $(BIN)/python -m pytest -s --timeout=0 tests/faults/chaos $(ARGS)

check: ## ruff, mypy, pyright, import-linter and the architecture tests
	@$(PYTHON) scripts/set_up.py test
	@PATH="$(CURDIR)/$(BIN):$$PATH" sh scripts/check.sh

format: ## let ruff lay the code out
	@$(PYTHON) scripts/set_up.py test
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

bench: ## DESIGN's figures beside their bare limits: a table, and bench/results.jsonl; ARGS="NAME ..." picks some, ARGS=flat.postgres grows a log
	@$(PYTHON) scripts/set_up.py test
	@$(BIN)/python -m bench $(ARGS)

clean: ## forget `.venv`, caches and everything that running made
	@rm -rf .venv .twofold .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache dist build
