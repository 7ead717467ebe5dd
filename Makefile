# The only entry points; CI calls the same ones. `make help` lists them.
VENV ?= .venv
BIN := $(VENV)/bin
# Flags for `shoal up` and `shoal demo`: make up ARGS='--data /srv/shoal'
ARGS ?=
# Flags for pytest: make test TEST_ARGS='-k socks5 -x'
TEST_ARGS ?=
# More than a machine of two cores has: many tests wait most of their time. What fails beside others is tried once more, alone.
TEST_JOBS ?= 3
# Debian packages that the tests call; installed where make runs as root and they are missing.
TEST_PACKAGES := curl haproxy proxychains4 chromium redis-server git
# Letters of the Chinese pictures.
SCREENSHOT_PACKAGES := fonts-wqy-microhei
# Modules are compiled once and kept, whatever the environment says: a start that compiles them all again takes four times as long.
export PYTHONDONTWRITEBYTECODE =
# The benchmarks to run: make bench BENCH=handout
BENCH ?= *
# Flags of the crash trial
CRASH_ARGS ?=
# Targets, and flags of libFuzzer, for the fuzzing campaign
FUZZ_ARGS ?=

RUNTIME := $(VENV)/.stamp-runtime
DEV := $(VENV)/.stamp-dev
PACKAGES := $(VENV)/.stamp-packages
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-header --no-annotate

.DEFAULT_GOAL := help
.PHONY: help up demo install test lint format real-data bench screenshots fuzz crash compose-test docs docs-pages lock clean

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

up: $(RUNTIME) ## Install, then run the pool (flags in ARGS)
	@exec $(BIN)/shoal up $(ARGS)

demo: $(RUNTIME) ## The same against a simulated internet; needs no network once installed
	@exec $(BIN)/shoal demo $(ARGS)

install: $(RUNTIME) ## Install only

test: $(DEV) $(PACKAGES) ## Install what the tests need and run them all (flags in TEST_ARGS)
	@exec $(BIN)/python tools/run_tests.py $(TEST_JOBS) $(TEST_ARGS)

real-data: $(DEV) ## Read the published lists beside the checkout and compare with counts made by hand
	@exec $(BIN)/python -m pytest -m real_data tests/real_data $(TEST_ARGS)

lint: $(DEV) ## Style, types and layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(DEV) ## Put the code into the house style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(DEV) ## Run the benchmarks (one: BENCH=name)
	@set -e; for file in benchmarks/$(BENCH).py; do \
		case $$file in */_*) continue ;; esac; \
		echo "== $$file"; $(BIN)/python $$file; \
	done

fuzz: $(DEV) requirements/fuzz.txt ## Fuzz every parser of foreign bytes for ten minutes (FUZZ_ARGS='lists -max_total_time=3600')
	@$(PIP) --require-hashes -r requirements/fuzz.txt
	@$(BIN)/python tools/fuzz.py $(FUZZ_ARGS)

crash: $(DEV) ## Kill a working pool 200 times and look for what it had acknowledged (CRASH_ARGS='--redis')
	@$(BIN)/python tools/crash_trial.py --rounds 200 $(CRASH_ARGS)

compose-test: ## Build the image and run compose.yaml for real (needs Docker, or root on Debian); prints a table
	@sh tools/compose-test.sh

screenshots: $(DEV) $(PACKAGES) ## Take the pictures of the dashboard in docs/images again (a few minutes)
	@sh tools/debian-packages.sh $(SCREENSHOT_PACKAGES)
	@$(BIN)/python tools/screenshots.py

docs: docs-pages build/zensical/.stamp ## Write the generated pages of docs/ again and build the site into build/site
	@$(BIN)/python tools/build_site.py build/zensical
	@echo "build/site/index.html"

docs-pages: $(DEV) ## The generated pages alone
	$(BIN)/python tools/generate_docs.py

lock: $(VENV)/bin/python ## Pin the newest versions that pyproject.toml admits
	$(PIP) uv
	$(COMPILE) --upgrade requirements/build.in -o requirements/build.txt
	$(COMPILE) --upgrade pyproject.toml --extra cluster -o requirements/runtime.txt
	$(COMPILE) --upgrade pyproject.toml --extra cluster --group dev -c requirements/runtime.txt -o requirements/dev.txt
	$(COMPILE) --upgrade requirements/fuzz.in -o requirements/fuzz.txt
	$(COMPILE) --upgrade requirements/docs.in -o requirements/docs.txt

clean: ## Remove everything that make made
	rm -rf $(VENV) .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist

$(VENV)/bin/python:
	@sh tools/make-venv.sh $(VENV)

# A second run finds the stamps and starts at once.
$(RUNTIME): $(VENV)/bin/python requirements/build.txt requirements/runtime.txt pyproject.toml
	@echo "Installing into $(VENV) ..."
	@$(PIP) --require-hashes -r requirements/build.txt -r requirements/runtime.txt
	@$(PIP) --no-deps --no-build-isolation --no-index --editable .
	@touch $@

$(DEV): $(RUNTIME) requirements/dev.txt clients/python/pyproject.toml
	@echo "Installing what the tests need into $(VENV) ..."
	@$(PIP) --require-hashes -r requirements/dev.txt
	@$(PIP) --no-deps --no-build-isolation --no-index --editable clients/python
	@touch $@

$(PACKAGES): $(VENV)/bin/python Makefile
	@sh tools/debian-packages.sh $(TEST_PACKAGES)
	@touch $@

# In a folder of its own: it shares libraries with us, but not their versions.
build/zensical/.stamp: $(VENV)/bin/python requirements/docs.txt
	@$(PIP) --require-hashes --target build/zensical --upgrade -r requirements/docs.txt
	@touch $@
