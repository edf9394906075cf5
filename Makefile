# Goalposts: `make demo`, `make test` and `make check` set up .venv by themselves, once.
# PYTHON=python3.12 names another interpreter; pip's own environment variables (PIP_INDEX_URL …) are honoured.

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/ready
# The package as the type checker must find it from tests/: it does not know that goalposts extends its __path__.
TYPES := .venv/types
LOCK_VENV := .venv-lock

.DELETE_ON_ERROR:
.PHONY: help setup demo test check docs fmt lock clean

help: ## list the targets
	@grep -E '^[a-z]+:.*## ' Makefile | sed -E 's/^([a-z]+):.*## /make \1|/' | column -t -s '|'

setup: $(READY) ## build .venv from the lock files, once

demo: $(READY) ## train the twins, evaluate them, write the report
	$(BIN)/goalposts demo

test: $(READY) ## run the fast tests (PYTEST_ARGS=tests/agents selects a folder; slow ones: PYTEST_ARGS="-m slow")
	$(BIN)/pytest -m "not slow" -n 2 --dist worksteal $(PYTEST_ARGS)

check: $(READY) ## check lint, format, types, imports, English, stale results
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	@rm -rf $(TYPES) && mkdir -p $(TYPES)/goalposts
	@ln -s "$$PWD"/goalposts/* "$$PWD"/agents "$$PWD"/configs "$$PWD"/envs "$$PWD"/experiments $(TYPES)/goalposts
	$(BIN)/basedpyright
	$(BIN)/pytest -q tests/test_imports.py tests/test_english.py tests/test_results.py

docs: $(READY) ## build the documentation into site/, readable without a server
	$(BIN)/python docs/_build/claims.py
	$(BIN)/python docs/_build/samples.py
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet

fmt: $(READY) ## format, and apply the linter's fixes
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

# A missing mark means that set-up never finished, so it starts from scratch. A mark older than its
# sources means that they changed, so pip updates the environment. Torch is installed second and without hashes;
# requirements-torch.lock explains why. `--no-deps` restricts pip to the lock's contents. While pip downloads and unpacks torch, the
# demo's kernels are compiled; if that fails, the demo compiles them.
$(READY): requirements.lock requirements-torch.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null || { \
	  echo "goalposts needs Python 3.11, 3.12 or 3.13; $(PYTHON) is $$($(PYTHON) --version 2>/dev/null || echo not there)." >&2; \
	  echo "Name another one, for example: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	@if [ -e $@ ]; then rm $@; else echo "Setting up .venv (once; a few minutes) …"; $(PYTHON) -m venv --clear .venv; fi
	$(BIN)/pip install -qq --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	$(BIN)/pip install -qq --disable-pip-version-check --no-deps --no-build-isolation -e .
	@$(BIN)/python -m goalposts.experiments.training.precompile >/dev/null 2>&1 & \
	  $(BIN)/pip install -qq --disable-pip-version-check -r requirements-torch.lock; torch=$$?; wait; exit $$torch
	@touch $@

# Packages of torch's CUDA builds are pinned by torch itself and omitted, so that the lock is the same everywhere.
lock: ## pin the dependencies of pyproject.toml (LOCK_ARGS=--upgrade takes newer releases)
	test -x $(LOCK_VENV)/bin/pip-compile || { \
	  $(PYTHON) -m venv --clear $(LOCK_VENV) && $(LOCK_VENV)/bin/pip install -qq pip-tools==7.6.2; }
	$(LOCK_VENV)/bin/pip-compile --no-config --quiet --no-header --generate-hashes --strip-extras \
	  --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-emit-options --annotation-style line \
	  --unsafe-package torch --constraint requirements-torch.lock \
	  --extra dev --extra tensorboard --extra video --extra browser --extra docs --extra ray --extra contrib $(LOCK_ARGS) -o requirements.lock pyproject.toml
	awk 'BEGIN { print "# All but torch (requirements-torch.lock), for Python 3.11 to 3.13. Written by `make lock`; do not edit." } \
	  /^# WARNING/ { exit } /^[a-z0-9]/ { keep = !/^(nvidia-|cuda-|triton)/ } keep && NF' requirements.lock > requirements.lock.new
	mv requirements.lock.new requirements.lock

clean: ## remove everything that can be rebuilt; keeps runs/ and studies/
	rm -rf .venv $(LOCK_VENV) build dist *.egg-info .pytest_cache .ruff_cache .hypothesis site
	find . -name __pycache__ -type d -not -path './runs/*' -not -path './studies/*' -prune -exec rm -rf {} +
