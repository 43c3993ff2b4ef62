# make sandbox   try the bot against a simulated Slack and Genesys; nothing but Python and make is needed
# make test      everything that has to hold: lint, types, import rules, tests with coverage
# make help      the rest

VENV := .venv
BIN := $(VENV)/bin
PORT := 8300
WORKERS := 3
ENTRIES := 1000000
SECONDS := 1800
RUNS := 20
FUZZ_SECONDS := 600
JOBS := 4
LOOPS := 6
PYTHONS := $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
UV_COMPILE := $(BIN)/uv pip compile -q --universal --generate-hashes --no-header --no-strip-extras --python-version 3.11

# The tests start hundreds of processes; each would compile the same modules again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: sandbox test install dev lint types unit steady faults mutations fuzz bench soak deps sbom format requirements clean help

sandbox: install ## run the bot against the simulators and print the address of their page (PORT=8300)
	@exec $(BIN)/record-bot sandbox --port $(PORT)

test: lint types unit ## lint, types, import rules and the whole test suite, coverage included

install: $(VENV)/.installed ## install the bot into .venv

dev: $(VENV)/.installed-dev ## install what the tests need as well

lint: dev ## ruff (rules and format) and the import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo

types: dev ## mypy, strict
	$(BIN)/mypy

# What failed runs leave behind would be counted, so it goes first.
unit: dev ## the test suite alone (WORKERS=3)
	@rm -f .coverage .coverage.*
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal --cov --cov-report=term:skip-covered

steady: dev ## the test suite beside busy loops: it has to hold on a busy machine (LOOPS=6 WORKERS=3)
	$(BIN)/python -m tests.support.busy $(LOOPS) $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

faults: dev ## kill, cut and delay the real bot some 950 times, and write docs/reliability.md (RUNS=20 JOBS=4)
	$(BIN)/python -m tests.faults --runs $(RUNS) --jobs $(JOBS)

mutations: dev ## break the code in known ways, and see that named tests notice (5 minutes)
	$(BIN)/python -m tests.mutations

fuzz: dev ## feed the bot odd input for FUZZ_SECONDS, other input each time; a failure says how to repeat it
	@until=$$(($$(date +%s) + $(FUZZ_SECONDS))); while [ $$(date +%s) -lt $$until ]; do \
		FUZZ_TIMES=2 $(BIN)/python -m pytest tests/fuzz -n $(WORKERS) -p no:cacheprovider -q || exit 1; done

bench: dev ## measure the bot against yardsticks, and write docs/benchmarks.md (10 minutes; ENTRIES=1000000)
	$(BIN)/python -m tests.benchmarks --entries $(ENTRIES)

soak: dev ## load the bot for half an hour while Genesys and Slack fail, and write docs/soak.md (SECONDS=1800)
	$(BIN)/python -m tests.benchmarks.soak --seconds $(SECONDS)

deps: dev ## ask an advisory service for published vulnerabilities in requirements.txt; needs to reach it
	@.ci/advisories

# In an environment of its own, so that it lists what the bot runs with and not what tests it.
sbom: dev ## write dist/sbom.json (CycloneDX): all that the bot is installed with
	@rm -rf dist/sbom
	@$(BIN)/python -m venv --without-pip dist/sbom
	@$(BIN)/python -m pip --python dist/sbom/bin/python --disable-pip-version-check install --quiet \
		--require-hashes -r requirements.txt -r requirements-otel.txt
	@$(BIN)/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible --output-format JSON \
		--output-file dist/sbom.json dist/sbom
	@rm -rf dist/sbom
	@echo "dist/sbom.json is written"

format: dev ## let ruff mend what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Extras stay in the locks: an old pip (before 24.0) refuses a requirement with an extra that the lock pins without it.
requirements: dev ## lock requirements*.txt again from pyproject.toml; newer releases only for what is unlocked
	$(UV_COMPILE) --group uv -o requirements-uv.txt
	$(UV_COMPILE) pyproject.toml --group build -o requirements.txt
	$(UV_COMPILE) -c requirements.txt --group otel -o requirements-otel.txt
	$(UV_COMPILE) -c requirements.txt -c requirements-otel.txt --group dev -o requirements-dev.txt

clean: ## remove the environment and everything that tools left behind
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage .coverage.* .foreign dist
	find bot migrations tests -type d -name __pycache__ -prune -exec rm -rf {} +

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "make %-13s %s\n", $$1, $$2 }'

# An incomplete environment (no pip) is created again. A stamp is out of date as soon as its requirements change.
$(BIN)/pip:
	@for one in $(PYTHONS); do \
		"$$one" -c '$(NEW_ENOUGH)' >/dev/null 2>&1 || continue; \
		echo "Making $(VENV) with $$("$$one" --version)"; \
		"$$one" -m venv $(VENV) && exit 0; \
		rm -rf $(VENV); \
		echo "$$one can't make a virtual environment; on Debian and Ubuntu: apt-get install python3-venv" >&2; \
		exit 1; \
	done; \
	echo "Python 3.11 or newer is needed; install it, or name one: make PYTHON=/path/to/python3" >&2; \
	exit 1

$(VENV)/.installed: requirements.txt requirements-uv.txt pyproject.toml | $(BIN)/pip
	@scripts/install "what the bot needs (once)" --require-hashes -r requirements.txt
	@scripts/install "the bot itself" --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.installed-dev: requirements-dev.txt $(VENV)/.installed
	@scripts/install "what the tests need" --require-hashes -r requirements-dev.txt
	@touch $@
