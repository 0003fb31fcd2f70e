# `make` alone prints what there is.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c

READY := .venv/.masr-setup
JOBS ?= 2
SEED ?= 0
IN_VENV := PATH="$(CURDIR)/.venv/bin:$$PATH"

# Without it, each worker and each process of the tests would compile all of masr, and rewrite all tests, anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup demo test shell-tests short-fuzz check docs bench fuzz torture soak mutants clean

help: ## print this list
	@echo "usage: make TARGET"
	@sed -n 's/^\([a-z]*\):[^#]*## /  \1\t/p' Makefile | expand -t 10

setup: $(READY) ## build .venv (again, when what it is made from changed)

$(READY): setup.cfg setup.py constraints.txt pyproject.toml tools/setup.sh
	@tools/setup.sh

demo: $(READY) ## the main job: egs/fleurs/run.sh on the embedded corpus, end to end
	@$(IN_VENV) egs/fleurs/demo.sh --nj $(JOBS)

# The checks, each file of shell tests and the fuzzer take one core each and run side by side; then come the workers of
# pytest, one thread each, two a core as many tests wait. Pytest is the last, so that its closing line is the last one.
test: $(READY) ## checks and tests; ALL=yes, as CI does, what takes long too: whole recipes, ranks, exports, kills, damaged input
	@$(MAKE) --no-print-directory --jobs $(JOBS) --output-sync=target check $(if $(ALL),short-fuzz) shell-tests
	@echo "== tests (pytest)"
	@$(IN_VENV) OMP_NUM_THREADS=1 python -m pytest -n $$(($(JOBS) * 2)) --dist worksteal $(if $(ALL),,--ignore=tests/faults -m 'not slow')

SHELL_TESTS := $(wildcard tests/shell/*.bats)

shell-tests: $(SHELL_TESTS)

.PHONY: $(SHELL_TESTS)
$(SHELL_TESTS): $(READY)
	@echo "== shell tests (bats): $@"
	@$(IN_VENV) bats $@

short-fuzz: $(READY)
	@echo "== damaged input for every reader (fuzz): 2 minutes, always the same inputs"
	@$(MAKE) --no-print-directory fuzz SECONDS=120 SEED=0 INPUTS=200

check: $(READY) ## lint, types, imports, shell scripts, spelling; changes nothing
	@tools/check.sh

docs: $(READY) ## the documentation as a site, in build/docs/site; a link that leads nowhere ends it
	@$(IN_VENV) PYTHONPATH="$(CURDIR):$(CURDIR)/tools" python -m docs_site

bench: $(READY) ## measure what has a target, side by side with what it is measured against
	@$(IN_VENV) python tools/bench/run.py

# By hand as long as one likes; `make test ALL=yes` runs it for two minutes at most, always with the first inputs of seed 0.
fuzz: SECONDS ?= 600
fuzz: $(READY) ## damaged input for every reader, or TARGET=name alone, for SECONDS=600; what breaks is kept in .fuzz
	@$(IN_VENV) PYTHONPATH="$(CURDIR):$(CURDIR)/tools:$(CURDIR)/tests" OMP_NUM_THREADS=1 \
	  nice -n 5 python -m fuzz $(TARGET) --seconds $(SECONDS) --seed $(SEED) $(if $(INPUTS),--inputs $(INPUTS)) $(if $(GUIDED),--guided)

# Both run at low priority. Each takes its options as OPTIONS too: `make torture OPTIONS='--only train kill'`.
TORTURE := PYTHONPATH="$(CURDIR):$(CURDIR)/tools" OMP_NUM_THREADS=1 nice -n 10 python -m torture

torture: $(READY) ## kill -9, full disks and other faults, KILLS=100 of them; what was lost, as a table
	@$(IN_VENV) $(TORTURE) --kills $(or $(KILLS),100) $(if $(SECONDS),--seconds $(SECONDS)) $(OPTIONS)

soak: $(READY) ## train for HOURS=3: is memory flat, and descriptors, processes, disk?
	@$(IN_VENV) $(TORTURE) soak $(or $(OUT),build/soak) --hours $(or $(HOURS),3) $(OPTIONS)

mutants: $(READY) ## break masr in many small ways and say which no test notices: ROOM="losses masking" for some rooms
	@$(IN_VENV) OMP_NUM_THREADS=1 python tools/mutants/mutants.py $(if $(ROOM),--room $(ROOM))

clean: ## remove caches and build products; corpora, data and experiments stay
	rm -rf build dist ./*.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find masr tests utils tools -name __pycache__ -type d -prune -exec rm -rf {} +
