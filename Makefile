# Few verbs; `make` alone lists them. Each sets up what it needs (tools/setup.sh) and is instant the second time.
#   PYTHON=/path/to/python3   another interpreter than Debian's
#   WORKERS=0                 `test` in one process; 2 unless said, and each file of tests goes to one of them
#   DURATION=60               seconds: `run` and `soak` end by themselves with a summary

SHELL := /bin/bash
PYTHON ?= /usr/bin/python3
export PYTHON
BIN := .venv/bin
DURATION ?=
SEED ?= random
WORKERS ?= 2
RUN := $(BIN)/python -m sim.run

.DEFAULT_GOAL := help
.PHONY: help run test lint format bench recognise jiangsu score sim docs fresh faults soak fuzz build clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## a simulated province and the daemon beside it, with a live page; Ctrl-C ends it, or DURATION=60 (35 or more)
	@tools/setup.sh run
	@exec $(RUN) $(if $(DURATION),--duration $(DURATION))

test: ## the whole suite, on loopback; starts its own servers and stops them
	@tools/setup.sh test
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile $(ARGS)

lint: ## ruff, mypy --strict, import contracts, house rules
	@tools/setup.sh test
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/python -m tools.house

format: ## lays the code out as `lint` wants it
	@tools/setup.sh test
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

bench: ## speed, beside its peers in the same run
	@tools/setup.sh test
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input --editable '.[bench]' </dev/null
	@$(BIN)/python -m bench $(ARGS)

recognise: ## how well altered seed pictures are recognised, beside hashes alone (SHARE=0.1: a tenth); goes on where it was stopped
	@tools/setup.sh test
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input --editable '.[recognise]' </dev/null
	@$(BIN)/python -c 'import pdqhash' 2>/dev/null || $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input pdqhash </dev/null || true
	@OPENBLAS_NUM_THREADS=1 $(BIN)/python -m bench.recognise --share $(or $(SHARE),1) $(ARGS)

jiangsu: ## the torch relay, two million forwards in thirty days of logs, counted by the daemon beside the truth (SCALE=0.1: a tenth)
	@tools/setup.sh test
	@$(BIN)/python -m bench.jiangsu --scale $(or $(SCALE),1) $(ARGS)

score: ## how right the verdicts are: causes found beside the true ones; some ten minutes, or ARGS="--small", ARGS="real-day feeds"
	@tools/setup.sh test
	@$(BIN)/python -m bench.scorecard $(ARGS)

sim: ## only the simulator: its logs and its truth in run/sim; Ctrl-C ends it, or DURATION=60
	@tools/setup.sh run
	@exec $(BIN)/python -m sim live demo --again --out run/sim --duration $(or $(DURATION),0)

docs: ## every setting, cause, topic, table, endpoint and command is documented
	@tools/setup.sh test
	@$(BIN)/python -m pytest tests/test_docs.py

fresh: ## `make test` and `make run` in a bare Debian 12 made for the purpose (root, some minutes)
	@tools/fresh.sh

faults: ## the fault catalogue: rotation, truncation, full disks; a kill at every boundary, write and sync (an hour); 100,000 messages that wait; 500 random histories of logs
	@tools/setup.sh test
	@MMSD_SEQUENCES=$${MMSD_SEQUENCES:-500} MMSD_KILLS=$${MMSD_KILLS:-all} MMSD_QUEUED=$${MMSD_QUEUED:-100000} $(BIN)/python -m pytest tests/faults --seed $(SEED) $(ARGS)

soak: ## `run` for an hour
	@tools/setup.sh run
	@exec $(RUN) --duration $(or $(DURATION),3600)

fuzz: ## the random tests twenty times harder (SEED=n repeats one), then each decoder for FUZZ_SECONDS (600), or only TARGETS="mms push"
	@tools/setup.sh test
	@$(BIN)/python -c 'import atheris' 2>/dev/null || $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input --editable '.[fuzz]' </dev/null
	@$(if $(TARGETS),,$(BIN)/python -m pytest -m random --effort 20 --seed $(SEED) --timeout 0 $(ARGS))
	@$(BIN)/python -m tests.fuzz $(TARGETS) $(if $(filter-out random,$(SEED)),--seed $(SEED))

build: ## .venv and the compiled scanner, for working on mmsd
	@tools/setup.sh test

clean: ## everything made here, .venv too
	rm -rf .venv build dist run *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	rm -f ext/*.c mmsd/fast/*.so
	find . -name __pycache__ -prune -exec rm -rf {} +
