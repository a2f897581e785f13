# qgeom: `make demo` shows the main job, `make test` checks everything; each makes the environment it needs.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
WORKERS ?= 2
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: help setup demo test test-all lint format bench clean
.DEFAULT_GOAL := help

help:
	@echo "make setup     create $(VENV) with every extra and the test tools"
	@echo "make demo      a circuit and a network side by side on iris: a table and a figure (under 5 minutes)"
	@echo "make test      lint, then every test that is not slow"
	@echo "make test-all  lint, then every test, with new random examples"
	@echo "make lint      ruff, basedpyright, import arrows"
	@echo "make format    let ruff rewrite the layout"
	@echo "make bench     time qgeom against its peers, in an environment of their own"
	@echo "make clean     remove caches and builds (environments and runs stay)"

setup: $(STAMP)

$(STAMP): pyproject.toml
	@command -v $(PYTHON) >/dev/null 2>&1 || \
	  { echo "make: $(PYTHON) not found: install Python 3.11 or newer, or say make PYTHON=/path/to/python" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "make: $(PYTHON) is older than 3.11: install a newer one, or say make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
	  { echo "make: $(PYTHON) has no venv module: install it (Debian, Ubuntu: apt install python3-venv)" >&2; exit 1; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@echo "installing qgeom and its tools into $(VENV) (one to two minutes) ..."
	@$(PIP) install --upgrade "pip >= 25.1"
	@$(PIP) install --no-compile --editable ".[all]" --group tests
	@touch $@

demo: setup
	@$(BIN)/qgeom compare iris --out runs/demo

lint: setup
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/basedpyright --level error
	@$(BIN)/lint-imports --no-cache

format: setup
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

# Most of a test's time is XLA's compiler: here without its dearer optimisations, in test-all with them.
test: export JAX_DISABLE_MOST_OPTIMIZATIONS = 1
test: lint
	@$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m "not slow and not gpu"

test-all: export HYPOTHESIS_PROFILE = explore
test-all: lint
	@$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

bench:
	@$(MAKE) --no-print-directory -C benchmarks PYTHON="$(PYTHON)"

clean:
	rm -rf build dist .pytest_cache .ruff_cache .hypothesis .import_linter_cache .grimp_cache
	find circuits qgeom tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
