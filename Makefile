# `make book` and `make test` set everything up on a fresh machine: Python 3.11 or newer and a network suffice.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.PHONY: book test test-slow lint lab sync headline layers clean
.DELETE_ON_ERROR:

book: $(READY)
	$(BIN)/hcl book

test: $(READY)
	$(BIN)/python -m pytest -n 2

test-slow: $(READY) # what is long by nature: every notebook at smoke, kills, whole campaigns
	$(BIN)/python -m pytest -n 2 -m slow

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

lab: $(READY)
	$(BIN)/jupyter lab notebooks

sync: $(READY)
	$(BIN)/hcl sync

headline: $(READY) # the picture of the README, from the records
	$(BIN)/python -c 'from hcl.companion import figures, study; figures.set_theme(); \
	figures.headline(study.study("fig03").runs()).savefig("book/images/headline.png")'

layers: $(READY) # the drawing in CONTRIBUTING.md, from the imports
	$(BIN)/python -m hcl.companion.layers

clean:
	rm -rf _build book/pages build

$(READY): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(v < (3, 11) and f"Python 3.11 or newer is needed, {sys.executable} is {v[0]}.{v[1]}: make PYTHON=/path/to/python3.12")'
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { echo "Python's venv is missing: on Debian and Ubuntu, apt install python3-venv"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --requirement requirements.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@
