# `make` lists what there is. Nothing needs to be installed first but Python 3.11 or newer.

PYTHON ?= python3
PACKS  ?= packs/mfg
JOBS   ?= 2

# Everything `make check` does after the tests on SQLite.
REST := lint types audit imports migrations postgres browser

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: messages help install run test check rest $(REST) format lock mutants

help: ## list what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

install: ## make .venv, fetch packages, front-end files and the printing font
	@$(PYTHON) tools/setup.py

run: install ## serve Kehu with its demo company
	.venv/bin/kehu serve --demo

test: install ## the tests, on SQLite; the longest walks are left to `make postgres`
	.venv/bin/pytest -q -m "not browser and not thorough" -n $(JOBS) --dist worksteal

check: test rest ## everything CI does

rest: $(REST) ## `make check` without the tests on SQLite

lint: install ## style of the Python code
	.venv/bin/ruff check
	.venv/bin/ruff format --check

types: install ## types
	.venv/bin/mypy

audit: install ## mistakes that make holes, and known vulnerabilities of the libraries
	.venv/bin/bandit -q -c pyproject.toml -r kehu tools
	.venv/bin/python tools/audit.py

imports: install ## imports point down
	.venv/bin/lint-imports

migrations: install ## no model has changed without a migration
	.venv/bin/python manage.py makemigrations --check --dry-run

postgres: install ## the tests that use a database, on PostgreSQL (KEHU_TEST_POSTGRES says where)
	@url=$$(.venv/bin/python tools/postgres.py) && echo '.venv/bin/pytest on PostgreSQL' && \
	KEHU_DATABASE_URL="$$url" .venv/bin/pytest -q -m "database and not browser" -n $(JOBS) --dist worksteal

packs: install ## the packs' own checks and examples by themselves; the tests run them too
	@for pack in $(PACKS); do \
	  echo "kehu check $$pack" && .venv/bin/kehu check $$pack && \
	  echo "kehu examples --pack $$pack" && .venv/bin/kehu examples --pack $$pack || exit 1; \
	done

mutants: install ## which of the packs' rules can be broken without a story noticing; takes an hour
	@for pack in $(PACKS); do .venv/bin/python tools/mutate.py $$pack || exit 1; done

browser: install ## the tests in a browser (KEHU_CHROMIUM says where)
	@chromium=$$($(PYTHON) tools/browser.py) && echo ".venv/bin/pytest in $$chromium" && \
	KEHU_CHROMIUM="$$chromium" .venv/bin/pytest -q -m browser -n $(JOBS)

messages: install ## collect and compile the texts of the pages (needs GNU gettext)
	.venv/bin/python tools/messages.py

format: install ## put the Python code in style
	.venv/bin/ruff check --fix
	.venv/bin/ruff format

lock: install ## choose versions anew: requirements/*.txt
	@for name in base dev node; do \
	  .venv/bin/uv pip compile --quiet --upgrade --universal --generate-hashes --no-emit-index-url \
	    --python-version 3.11 --custom-compile-command "make lock" \
	    requirements/$$name.in --output-file requirements/$$name.txt || exit 1; \
	done
