# Everything starts from a clean clone: each target first sets up what it needs (bin/setup), once.
PYTHON := .venv/bin/python
TYPED := openfire_billing/kernel openfire_billing/db openfire_billing/web/contributions.py \
	$(wildcard */models */services */planner */querysets.py */availability.py */announced.py */reminding.py */travel.py */ranking.py */tour_order.py */spreading.py */sectors.py)
TEMPLATES := $(shell find templates -name '*.html' 2>/dev/null | head -n 1)

.PHONY: help setup demo test lint format bench chaos clients mutants fleet screenshots lock
.DEFAULT_GOAL := help

help: ## what can be done
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## virtual environment, locked packages, what the system lacks
	@bin/setup --dev

demo: ## the demonstration company on http://127.0.0.1:8000 (ARGS=--once: main job only, no server)
	@bin/setup
	@DEMO=1 $(PYTHON) manage.py demo $(ARGS)

test: ## the whole suite: SQLite, PostgreSQL, browser (ARGS="tests/invoicing -k credit": a part of it)
	@bin/setup --tests
	@bin/test $(ARGS)

lint: ## style, types, migrations, templates
	@bin/setup --dev
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	.venv/bin/lint-imports
	$(PYTHON) -m mypy $(TYPED)
	TESTING=1 $(PYTHON) manage.py makemigrations --check --dry-run
	$(if $(TEMPLATES),$(PYTHON) -m djlint --quiet --lint templates)

format: ## put the code in its usual shape
	@bin/setup --dev
	$(PYTHON) -m ruff check --fix .
	$(PYTHON) -m ruff format .

bench: ## invoices per second on this machine (ARGS="--contracts 100000"); BENCH=backlog, visits, documents, office, planning: late periods, visits, PDFs, how fast the doors and the planning board open
	@bin/setup --dev
	@$(PYTHON) -m tests.bench $(or $(BENCH),billing) $(ARGS)

chaos: ## two people at two doors, each pair of acts ten times in a drawn order; then fifty kills, then `make demo` cut ten times (SEED=7 ROUNDS=10 KILLS=50)
	@bin/setup --tests
	@SEED=$(SEED) ROUNDS=$(ROUNDS) $(PYTHON) -m tests.servers $(PYTHON) -m tests.faults.chaos
	@SEED=$(SEED) KILLS=$(KILLS) $(PYTHON) -m tests.faults.kills
	@SEED=$(SEED) $(PYTHON) -m tests.faults.cut_demo

clients: ## clients of the API, generated in Python and TypeScript, compiled strictly, a program run on each (needs npm)
	@bin/setup --dev
	@command -v npm >/dev/null || { echo "npm manque : apt-get install nodejs npm"; exit 2; }
	@CLIENTS=1 $(PYTHON) -m pytest -q tests/clients

mutants: ## the code changed at points drawn by SEED, one at a time: how many its own tests notice (SEED=7 COUNT=60 ARGS="--only contracts/")
	@bin/setup --tests
	@$(PYTHON) -m tests.mutants --seed $(or $(SEED),7) --count $(or $(COUNT),60) $(ARGS)

fleet: ## two machines behind PgBouncer, one broker and one S3 bucket, tried in a browser (as root: installs PgBouncer)
	@bin/setup --tests
	@$(PYTHON) -m tests.fleet

screenshots: ## the pictures of the manual, from the demonstration company
	@bin/setup --tests
	@$(PYTHON) docs/screenshots/make.py $(ARGS)

lock: ## read the ranges of pyproject.toml again into the two requirements files (UPGRADE=--upgrade: newest)
	@bin/setup --dev
	.venv/bin/uv pip compile pyproject.toml -o requirements.txt $(LOCK) $(UPGRADE)
	.venv/bin/uv pip compile pyproject.toml --group dev -c requirements.txt -o requirements-dev.txt $(LOCK) $(UPGRADE)

# Every platform and Python from 3.11 on in one file; no header, index or notes: they would name machines and hosts.
LOCK := --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --quiet
