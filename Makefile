# `make book` and `make test` set everything up on a fresh machine: Python 3.11 or newer and a network suffice.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
# The resolver, from pip like everything else, in an environment that `make clean` removes.
UV := build/uv/bin/uv
COMPILE := $(UV) pip compile --quiet --python-version 3.11 --all-extras --no-annotate --no-header pyproject.toml

.PHONY: book pictures pdf links test test-slow test-browser test-lowest lint lab sync headline palette minimisers layers contents lock audit mutants clean
.DELETE_ON_ERROR:

book: $(READY)
	$(BIN)/hcl book

pictures: $(READY) # of every page of the built book, light and dark, wide and narrow, into build/pictures
	$(BIN)/hcl pictures

pdf: $(READY) # the built book in one file, build/hcl.pdf
	$(BIN)/hcl pdf

links: $(READY) # that lead out of the built book; make links CHECK=--check asks for each
	$(BIN)/hcl links $(CHECK)

test: $(READY)
	$(BIN)/python -m pytest -n 2 --dist worksteal

test-slow: $(READY) # what is long by nature: every notebook at smoke, kills, whole campaigns, every page in a browser
	$(BIN)/python -m pytest -n 2 --dist worksteal -m slow

test-browser: $(READY) # of these, what looks at the pages: Chromium, JupyterLab, the PDF
	$(BIN)/python -m pytest -n 2 --dist worksteal -m slow tests/browser

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
	$(BIN)/python -c 'from hcl.companion import figures, published, study; \
	figures.headline(study.study("fig03").runs(), published.FIGURE_3).savefig("book/images/headline.png", dpi=200)'

palette: $(READY) # the colours of the book as CSS, from hcl/companion/style.py
	$(BIN)/python -m hcl.companion.style

minimisers: $(READY) # the points of the pages on minimisers and on more negatives, searched for anew: a quarter of an hour
	$(BIN)/python -m hcl.companion.minimisers
	$(BIN)/python -m hcl.companion.negatives

layers: $(READY) # the drawing in CONTRIBUTING.md, from the imports
	$(BIN)/python -m hcl.companion.layers

contents: $(READY) # _toc.yml and the README's tables of figures, from the registry, and of verdicts, from the records
	$(BIN)/python -m hcl.companion.contents

mutants: $(READY) # the mutants of tests/mutation/table.csv without a result yet; stop and go on at will
	$(BIN)/python tests/mutation/run.py

lock: $(UV) # requirements.txt anew; what is pinned stays where pyproject allows it (COMPILE += --upgrade takes newer ones)
	$(COMPILE) --universal --generate-hashes --output-file requirements.txt

audit: $(UV) # what is locked against the known vulnerabilities that PyPI lists, which is asked by the network
	$(UV) tool run --quiet pip-audit==2.10.1 --requirement requirements.txt --require-hashes --disable-pip --strict

# Everything at the lowest versions that pyproject allows, beside the environment of the rest: some gigabytes, run by hand.
test-lowest: $(UV)
	$(COMPILE) --resolution lowest-direct --output-file build/lowest.txt
	$(UV) venv --quiet --clear --python 3.11 build/lowest
	$(UV) pip install --quiet --python build/lowest --requirement build/lowest.txt
	$(UV) pip install --quiet --python build/lowest --no-deps --editable .
	build/lowest/bin/python -m pytest -n 2

clean:
	rm -rf _build book/pages build

$(UV):
	$(PYTHON) -m venv build/uv
	build/uv/bin/python -m pip install --quiet uv==0.13.9

$(READY): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(v < (3, 11) and f"Python 3.11 or newer is needed, {sys.executable} is {v[0]}.{v[1]}: make PYTHON=/path/to/python3.12")'
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { echo "Python's venv is missing: on Debian and Ubuntu, apt install python3-venv"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@
