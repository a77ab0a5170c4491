# The commands of this project. Needs Python 3.11 or newer and make; everything else goes into .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test soak lint format install requirements clean

demo: install  ## Place one simulated call and show what becomes of it.
	@$(BIN)/offhook demo

install: $(VENV)/.installed  ## Set up .venv.

$(VENV)/.installed: scripts/install.py requirements/all.txt pyproject.toml
	@$(PYTHON) scripts/install.py $(VENV)

# Most tests wait, for calls in real time, so three at once keep two cores busy. Those that are marked `alone`
# measure what a caller waits for, and have the machine to themselves afterwards.
test: install  ## Run all tests.
	@$(BIN)/python -m pytest -m "not alone" -n 3 --dist loadfile --no-loadscope-reorder
	@$(BIN)/python -m pytest -m alone

soak: install  ## Servers and the database die under calls, and many calls leave nothing behind: half an hour.
	@$(BIN)/python -m benchmarks.soak

lint: install  ## Style and types.
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

format: install
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

# Pins every package with its hash, for every Python from 3.11 on, without a word of where it came from.
requirements: install
	@$(BIN)/python -m pip install --quiet uv
	@$(BIN)/uv pip compile pyproject.toml --all-extras --group dev --universal --python-version 3.11 \
		--generate-hashes --no-emit-index-url --no-emit-find-links --custom-compile-command "make requirements" \
		--output-file requirements/all.txt --quiet

clean:
	@rm -rf $(VENV) .offhook .pytest_cache .mypy_cache .ruff_cache .hypothesis
