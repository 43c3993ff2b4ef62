# make sandbox   try the bot against a simulated Slack and Genesys; needs only Python and make
# make test      run every check: lint, types, import rules, tests
# make help      list all targets

VENV := .venv
BIN := $(VENV)/bin
PORT := 8300
WORKERS := 4
COVERAGE :=
ENTRIES := 1000000
SECONDS := 1800
RUNS := 20
FUZZ_SECONDS := 600
JOBS := 4
LOOPS := 6
PYTHONS := $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
UV_COMPILE := $(BIN)/uv pip compile -q --universal --generate-hashes --no-header --no-strip-extras --python-version 3.11

# The tests start hundreds of processes. Without cached bytecode each would compile the same modules again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: sandbox test install dev lint types unit steady faults mutations fuzz bench scaling soak deps sbom format requirements pictures clean help

sandbox: install ## run the bot against the simulators and print the address of their page (PORT=8300)
	@exec $(BIN)/record-bot sandbox --port $(PORT)

test: lint types unit ## run every check: lint, types, import rules, and the tests (COVERAGE=1 measures coverage)

install: $(VENV)/.installed ## install the bot into .venv

dev: $(VENV)/.installed-dev ## install the test dependencies too

lint: dev ## run ruff (rules and format) and check the import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo

types: dev ## run mypy in strict mode
	$(BIN)/mypy

# Coverage files of failed runs would be counted, so delete them first.
unit: $(VENV)/.compiled ## run only the tests (WORKERS=4; COVERAGE=1 measures coverage, which takes a third longer)
	@rm -f .coverage .coverage.*
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(if $(COVERAGE),--cov --cov-report=term:skip-covered)

steady: $(VENV)/.compiled ## run the tests beside busy loops, as on a busy machine (LOOPS=6 WORKERS=4)
	$(BIN)/python -m tests.support.busy $(LOOPS) $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

faults: dev ## kill, disconnect and delay the real bot about 1,400 times; write docs/reliability.md (RUNS=20 JOBS=4)
	$(BIN)/python -m tests.faults --runs $(RUNS) --jobs $(JOBS)

mutations: dev ## break the code in known ways and check that the tests notice (5 minutes)
	$(BIN)/python -m tests.mutations

fuzz: dev ## feed the bot random input for FUZZ_SECONDS; a failure prints how to repeat it
	@until=$$(($$(date +%s) + $(FUZZ_SECONDS))); while [ $$(date +%s) -lt $$until ]; do \
		FUZZ_TIMES=2 $(BIN)/python -m pytest tests/fuzz -n $(WORKERS) -p no:cacheprovider -q || exit 1; done

bench: dev ## measure the bot against baselines; write docs/benchmarks.md (30 minutes; ENTRIES=1000000)
	$(BIN)/python -m tests.benchmarks --entries $(ENTRIES)
	$(BIN)/python -m tests.benchmarks.growth --entries $(ENTRIES)

scaling: dev ## simulate up to 200,000 agents with the limits of Genesys and Slack; write docs/scaling.md (5 minutes)
	$(BIN)/python -m tests.benchmarks.scaling

soak: dev ## load the bot for half an hour while Genesys and Slack fail; write docs/soak.md (SECONDS=1800)
	$(BIN)/python -m tests.benchmarks.soak --seconds $(SECONDS)

deps: dev ## look for published vulnerabilities in requirements.txt; needs network access
	@.ci/advisories

# Use a separate environment, so that the list contains the bot's packages and not the tests'.
sbom: dev ## write dist/sbom.json (CycloneDX), a list of all packages that the bot installs
	@rm -rf dist/sbom
	@$(BIN)/python -m venv --without-pip dist/sbom
	@$(BIN)/python -m pip --python dist/sbom/bin/python --disable-pip-version-check install --quiet \
		--require-hashes -r requirements.txt -r requirements-otel.txt
	@$(BIN)/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible --output-format JSON \
		--output-file dist/sbom.json dist/sbom
	@rm -rf dist/sbom
	@echo "dist/sbom.json is written"

format: dev ## auto-fix with ruff
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Keep extras in the locks: pip before 24.0 refuses a requirement with an extra if the lock pins it without the extra.
requirements: dev ## regenerate requirements*.txt from pyproject.toml; locked packages keep their versions
	$(UV_COMPILE) --group uv -o requirements-uv.txt
	$(UV_COMPILE) pyproject.toml --group build -o requirements.txt
	$(UV_COMPILE) -c requirements.txt --group otel -o requirements-otel.txt
	$(UV_COMPILE) -c requirements.txt -c requirements-otel.txt --group dev -o requirements-dev.txt

pictures: dev ## take the pictures in docs/images again; needs Chromium and the fonts Liberation and Noto Color Emoji
	$(BIN)/python -m tests.browser.pictures docs/images

clean: ## delete .venv and all build and test output
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage .coverage.* .foreign .axe dist
	find bot migrations tests -type d -name __pycache__ -prune -exec rm -rf {} +

help: ## show this help
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

# The workers of pytest start at the same time, and each would compile the same modules. One process does it for all.
$(VENV)/.compiled: $(VENV)/.installed-dev
	@echo "Compiling the tests (once)"
	@$(BIN)/python -m pytest --collect-only -qq >/dev/null 2>&1 || true
	@touch $@
