# `make` alone prints what there is.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c

READY := .venv/.masr-setup
JOBS ?= 2
IN_VENV := PATH="$(CURDIR)/.venv/bin:$$PATH"

.PHONY: help setup demo test shell-tests check bench mutants clean

help: ## print this list
	@echo "usage: make TARGET"
	@sed -n 's/^\([a-z]*\):[^#]*## /  \1\t/p' Makefile | expand -t 10

setup: $(READY) ## build .venv (again, when what it is made from changed)

$(READY): setup.cfg constraints.txt pyproject.toml tools/setup.sh
	@tools/setup.sh

demo: $(READY) ## the main job: egs/fleurs/run.sh on the embedded corpus, end to end
	@$(IN_VENV) egs/fleurs/demo.sh --nj $(JOBS)

# The checks and the shell tests, which take one core each, run side by side; then the workers of pytest share the cores,
# one thread each. Pytest comes last, so that its closing line is the last one.
test: $(READY) ## every check and every test
	@$(MAKE) --no-print-directory --jobs $(JOBS) --output-sync=target check shell-tests
	@echo "== tests (pytest)"
	@$(IN_VENV) OMP_NUM_THREADS=1 python -m pytest -n $(JOBS) --dist worksteal

shell-tests: $(READY)
	@echo "== shell tests (bats)"
	@$(IN_VENV) bats --recursive tests/shell

check: $(READY) ## lint, types, imports, shell scripts, spelling; changes nothing
	@tools/check.sh

bench: $(READY) ## measure what has a target, side by side with what it is measured against
	@$(IN_VENV) python tools/bench/run.py

mutants: $(READY) ## break masr in many small ways and say which no test notices: ROOM="losses masking" for some rooms
	@$(IN_VENV) OMP_NUM_THREADS=1 python tools/mutants/mutants.py $(if $(ROOM),--room $(ROOM))

clean: ## remove caches and build products; corpora, data and experiments stay
	rm -rf build dist ./*.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find masr tests utils tools -name __pycache__ -type d -prune -exec rm -rf {} +
