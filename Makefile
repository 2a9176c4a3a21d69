# Needs nothing but make and a Python of at least 3.11: everything else is put into .venv.
PYTHON ?= python3
ONCE ?=
ARGS ?=
READY := .venv/.ready
RUN := .venv/bin/python -m sidecar

.DEFAULT_GOAL := help
.PHONY: help demo test check fmt bench matrix soak run

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-7s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(READY) ## sync two sandboxes through real workers and show the result (ONCE=1: exit afterwards)
	$(RUN) demo $(if $(filter-out 0,$(ONCE)),--once) $(ARGS)

test: check ## check the code and run every test, with their own database and queue servers
	.venv/bin/python -m tests.services run -- .venv/bin/python -m pytest -n 2 --dist worksteal $(ARGS)

check: $(READY) ## lint, formatting and types
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy

fmt: $(READY) ## put the code into its form
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

bench: $(READY) ## measure calls, time and memory against the sandboxes
	.venv/bin/python -m tests.bench $(ARGS)

matrix: $(READY) ## run every scenario against every host: four versions of Mautic, and a plain table
	.venv/bin/python -m tests.matrix $(ARGS)

soak: $(READY) ## let both sides change for a long time and check that they agree
	TEST_EXAMPLES=20000 .venv/bin/python -m pytest -q --timeout=0 tests/integration/test_converges.py $(ARGS)

run: $(READY) ## serve the pages on this machine
	$(RUN) serve $(ARGS)

$(READY): requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "The sidecar needs Python 3.11 or newer; choose one with: make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { test "$$(id -u)" = 0 && apt-get update -q && \
	  DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends python3-venv; } || \
	  { echo "Python cannot make virtual environments; on Debian or Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@touch $@
