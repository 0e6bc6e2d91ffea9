# make run: a broker on 5672.  make test: everything CI runs.  Needs Python >= 3.11, git and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: run test check soak bench wheel deb setup clean

setup: $(VENV)/.ready

$(VENV)/.ready: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; assert sys.version_info >= (3, 11), "Leveret needs Python 3.11 or newer; set PYTHON=..."'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

run: setup
	$(BIN)/leveret

test: setup
	$(BIN)/python -m tests.check --static
	$(BIN)/python -m pytest -q -n auto --dist loadfile -m "not soak"

check: setup
	$(BIN)/python -m tests.check --static

soak: setup
	$(BIN)/python -m pytest -q -m soak

bench: setup
	$(BIN)/python -m benchmarks

wheel: setup
	$(BIN)/python -m tools.wheel dist

deb: setup
	$(BIN)/python -m tools.deb dist

clean:
	rm -rf $(VENV) build dist *.egg-info
