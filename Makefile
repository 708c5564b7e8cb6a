# make run                                         installs into .venv, then opens the atlas in a browser (ARGS="--port 4201")
# make run ID=region/name [ARGS="--budget 30s"]    runs one experiment in the terminal
# make tour [ARGS="--all"]                         runs one experiment of each region in the terminal
# make test                                        installs what tests need, then format, lint, types, tests (ARGS="-k name")

VENV := .venv
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python3.14; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := $(VENV)/bin
ARGS ?=
# Tests side by side, one a core. Who is done takes over what waits for another; one at a time: ARGS="-n 0".
PARALLEL ?= -n logical --maxprocesses 4 --dist worksteal
# Refuted (1), inconclusive (2) and "this machine lacks something" (69: what, and how to get it, has just been said)
# are answers, not failures of make.
ANSWER := || { status=$$?; [ $$status -le 2 ] || [ $$status -eq 69 ] || exit $$status; }

.PHONY: run serve tour test packages lint types docs lock clean

run: $(VENV)/run.stamp
ifdef ID
	@$(BIN)/hinterland run $(ID) $(ARGS) $(ANSWER)
else
	@$(BIN)/hinterland serve $(ARGS) $(ANSWER)
endif

serve: $(VENV)/run.stamp
	@$(BIN)/hinterland serve $(ARGS) $(ANSWER)

tour: $(VENV)/run.stamp
	@$(BIN)/hinterland tour $(ARGS) $(ANSWER)

test: $(VENV)/test.stamp packages
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	sh tools/scripts.sh $(VENV)
	$(BIN)/python docs/generate.py --check
	$(BIN)/pytest $(PARALLEL) $(ARGS)

packages:
	@sh tools/packages.sh

$(VENV)/python.stamp:
	@test -n "$(PYTHON)" || { echo "Hinterland needs Python 3.11 or later on the PATH (or PYTHON=/path/to/python3)."; exit 69; }
	@$(PYTHON) -m venv $(VENV) || { echo "This Python has no venv. On Debian or Ubuntu: apt-get install python3-venv"; exit 69; }
	@touch $@

# The lock file pins every package with its hash, the build backend too, so that two installs are the same.
$(VENV)/run.stamp: requirements.lock pyproject.toml | $(VENV)/python.stamp
	@sh tools/install.sh $(VENV) requirements.lock Hinterland
	@touch $@

$(VENV)/test.stamp: requirements-test.lock $(VENV)/run.stamp
	@sh tools/install.sh $(VENV) requirements-test.lock "what its tests need"
	@touch $@

docs: $(VENV)/run.stamp
	$(BIN)/python docs/generate.py

# Rewrites the lock files from pyproject.toml (needs uv).
lock:
	uv pip compile --quiet --universal --generate-hashes --no-annotate --no-emit-index-url --no-emit-find-links \
		--python-version 3.11 --custom-compile-command "make lock" \
		--extra databases --extra servers --extra protocols --extra messaging --extra browser --group build pyproject.toml \
		-o requirements.lock
	uv pip compile --quiet --universal --generate-hashes --no-annotate --no-emit-index-url --no-emit-find-links \
		--python-version 3.11 --custom-compile-command "make lock" \
		--extra all --group build --group test pyproject.toml -o requirements-test.lock

clean:
	rm -rf $(VENV) dist
