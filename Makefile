# Two commands: `make demo` (set-up and the main job) and `make test` (set-up and every check).
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
RUN := $(BIN)/python -m weaklabel
# Public data sets for tests and experiments: used where they are found.
ifneq ($(wildcard ../shared/data/README.md),)
export WEAKLABEL_DATA ?= $(abspath ../shared/data)
endif
export MPLBACKEND ?= Agg
# Compiled Python is kept: hundreds of processes would each compile all that they import once more.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup demo test check lint types layers warm tests test-slow test-without-torch ui clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 22

setup: $(STAMP)  ## make .venv with every package at the version of constraints.txt

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v <= (3, 13) else f"weaklabel needs Python 3.11 to 3.13, and $(PYTHON) is {v[0]}.{v[1]}; try: make $(MAKECMDGOALS) PYTHON=python3.12")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing into $(VENV): some 190 packages, three to five minutes; longer where PyTorch's GPU build (2.7 GB) must be fetched."
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --constraint constraints.txt --editable '.[dev]'
	@touch $@

demo: $(STAMP)  ## set up, then label the sample messages: rules, label model, report, MLflow
	$(RUN) run

test: $(STAMP)  ## set up, then every check that CI runs
	@$(MAKE) --no-print-directory -j 2 warm lint types layers
	@$(MAKE) --no-print-directory tests

check: test

lint: $(STAMP)  ## style and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP)  ## static types
	$(BIN)/mypy

layers: $(STAMP)  ## which floor may import which
	$(BIN)/lint-imports

warm: $(STAMP)  ## compile what all tests need, once and not by each of three workers
	$(BIN)/python tests/warm.py files
	$(BIN)/python tests/warm.py kernels

tests: $(STAMP)  ## unit tests and the examples of docstrings and documents
	$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder -m 'not slow'

test-slow: $(STAMP)  ## tests that take minutes
	$(BIN)/python -m pytest -m slow

test-without-torch:  ## the suite on another Python without torch and Snorkel: make test-without-torch PYTHON=python3.13
	$(PYTHON) -m venv .venv-without-torch
	grep -vE '^(torch|snorkel)==' constraints.txt > .venv-without-torch/requirements.txt
	.venv-without-torch/bin/python -m pip install --quiet --no-deps --requirement .venv-without-torch/requirements.txt
	.venv-without-torch/bin/python -m pip install --quiet --no-deps --editable .
	.venv-without-torch/bin/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder -m 'not slow'

ui: $(STAMP)  ## open the runs in MLflow
	$(RUN) ui

clean:  ## remove the environments and every run
	rm -rf .venv .venv-without-torch .weaklabel
