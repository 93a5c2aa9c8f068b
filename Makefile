# Each target sets itself up in .venv; nothing else is needed but Python 3.11 or newer, and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO := demo
WORK ?= pretraining-work
ROUNDS ?= 3

.PHONY: help demo test bench pretrained clean
.DEFAULT_GOAL := help

help:  ## Say what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/.installed: setup.cfg pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "Python 3.11 or newer is needed, and $(PYTHON) is not: name one, as in make PYTHON=python3.12." >&2; \
		exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[dev]"
	@touch $@

demo: $(VENV)/.installed  ## Scripted clips -> feature CSV -> cross-validation -> one clip scored
	rm -rf $(DEMO)
	$(BIN)/python -m featurize demo-data $(DEMO)/clips
	$(BIN)/python -m featurize run $(DEMO)/clips/manifest.csv -o $(DEMO)/features.csv
	$(BIN)/python -m models cross-validate $(DEMO)/features.csv --report $(DEMO)/report
	$(BIN)/python -m models train $(DEMO)/features.csv -o $(DEMO)/detector.skops
	$(BIN)/python -m featurize demo-data $(DEMO)/new --people 1 --seed 1000
	$(BIN)/python -m models score $(DEMO)/new/*_fake.mp4 --detector $(DEMO)/detector.skops

test: $(VENV)/.installed  ## Tests, doctests, style and import contracts
	$(BIN)/python -m pytest --numprocesses auto --dist worksteal

bench: $(VENV)/.installed  ## Speed and memory of the landmarks, as ratios (some ten minutes)
	$(BIN)/python -m benchmarks

pretrained: $(VENV)/.installed  ## The default detector and its card, of CLIPS=manifest.csv (hours)
	@test -n "$(CLIPS)" || { \
		echo "Name the clips to learn from, as in make pretrained CLIPS=clips/manifest.csv." >&2; exit 1; }
	$(BIN)/python -m pretraining $(CLIPS) --work $(WORK) --rounds $(ROUNDS)

clean:  ## Remove what the other targets made
	rm -rf $(VENV) $(DEMO) *.egg-info .pytest_cache .ruff_cache .hypothesis
