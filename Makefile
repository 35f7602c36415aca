# make run   installs what is needed into .venv and answers the first question
# make test  installs the development tools too and runs every test
# The second time both start in seconds: a stamp in .venv remembers what was installed.

.DELETE_ON_ERROR:
.PHONY: run test test-slow lint types bench-smoke check clean-cache clean help

VENV := .venv
BIN := $(VENV)/bin
PYTHONS := python3.13 python3.12 python3.11 python3
ENOUGH := import ensurepip, sys, venv; sys.exit(not sys.version_info[:2] >= (3, 11))
SETUP := pyproject.toml constraints.txt
PARALLEL := -n auto --maxprocesses 4

run: $(VENV)/.installed
	$(BIN)/cvmax run grocery

test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest $(PARALLEL)

test-slow: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -m slow $(PARALLEL)

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.installed-dev
	$(BIN)/mypy

bench-smoke: $(VENV)/.installed-dev
	$(BIN)/python -m pytest benchmarks --benchmark-disable -m "not slow" $(PARALLEL)

check: lint types test test-slow bench-smoke

$(VENV)/.python:
	@for python in $(PYTHON) $(PYTHONS); do \
	  if $$python -c '$(ENOUGH)' 2>/dev/null; then found=$$python; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
	  echo "cvmax needs Python 3.11 or newer with venv (Debian: apt-get install python3-venv); tried: $(strip $(PYTHON) $(PYTHONS)). Name another: make run PYTHON=/path/to/python" >&2; exit 1; \
	fi; \
	echo "creating $(VENV) with $$($$found --version)"; \
	rm -rf $(VENV); \
	$$found -m venv $(VENV)
	@touch $@

$(VENV)/.installed: $(VENV)/.python $(SETUP)
	@echo "installing (once, about two minutes) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[datasets]"
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@echo "installing the development tools ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[datasets,distributed,dev]"
	@touch $@

# Compiled kernels do not notice a change in a function that they inline from another file.
clean-cache:
	find engine solvers scenarios -name '*.nbi' -delete -o -name '*.nbc' -delete
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .numba_cache

clean: clean-cache
	rm -rf $(VENV) build dist *.egg-info

help:
	@sed -n '1,3s/^# //p' $(MAKEFILE_LIST)
