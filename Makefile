# `make demo` and `make test` are all a new user needs; both set up .venv first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test test-browser lint types ci docs clean

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet -c constraints.txt torch
	$(BIN)/python -m pip install --quiet -c constraints.txt -e . --group dev
	touch $(READY)

demo: $(READY)
	$(BIN)/wps-sam demo

test: $(READY)
	$(BIN)/python -m pytest

# The report in a real browser; needs Chromium (WPS_SAM_BROWSER may name another one).
test-browser: $(READY)
	$(BIN)/python -m pytest tests/evaluation/report -m browser

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache

types: $(READY)
	$(BIN)/mypy

ci: lint types test

docs: $(READY)
	$(BIN)/python -m pip install --quiet -c constraints.txt --group docs
	$(BIN)/mkdocs build --strict

clean:
	rm -rf $(VENV) demo site
