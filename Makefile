# scenariod: `make run` to see it work, `make test` for all tests, `sudo make install` to use it.
#
# Everything that a fresh Debian-like machine needs is set up here: packages by apt where we may,
# the rest in a virtual environment below .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO := demo
# How long `make soak` is: stories, power cuts, restarts, fuzzed inputs, files at once, kills of the
# daemon beside a worker, places that are broken, which kill points (`all`: in all roles and
# sequences), and real scenarios spoken. `make test` does a little of each.
SOAK ?= 500
CUTS ?= 200
RESTARTS ?= 200
FUZZ ?= 100000
FILES ?= 100000
KILLS ?= 200
PLACES ?= 12
KILL_POINTS ?= all
SPOKEN ?= 27
# Tests at a time: most of them wait for something. Those in machines, each of which has one processor, more so.
JOBS ?= $(shell echo $$(($$(nproc) + 1)))
MACHINES ?= $(shell echo $$(($$(nproc) * 2)))

# Packages for building systemd-python and a virtual environment, and for voices; the second row is for the tests
# only: the test machine, and the tools that people drop files with.
APT_RUN := python3-venv python3-dev gcc pkg-config libsystemd-dev flite
APT_TEST := mmdebstrap nbdkit libnbd-bin fuse3 uidmap rsync openssh-client openssh-sftp-server vim strace mpg123 espeak-ng tidy

IN_MACHINES = $(BIN)/python -m tests.machine -q -n $(MACHINES) --dist loadgroup --durations=30 tests/machine

# Tests start Python thousands of times: it keeps what it has compiled, whatever the environment says.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run test check coverage format machine soak kokoro-weights bench install uninstall install-user clean

help:  ## show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

run: $(VENV)/.run  ## set everything up, then process the samples in demo/ and show what to try next
	@sh samples/demo.sh $(BIN) $(DEMO)

test: $(VENV)/.test $(VENV)/.machine  ## set everything up, then run all tests, on real systemd too
	$(BIN)/pytest -q -n $(JOBS) --dist worksteal -m "not machine" --durations=15
	$(IN_MACHINES)

check: $(VENV)/.test  ## the quick gate: format, lint, types, import rules, fast tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -q -n $(JOBS) -m "not machine and not slow"

format: $(VENV)/.test  ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

coverage: $(VENV)/.test  ## which lines the tests without a machine run, in their own processes
	$(BIN)/pytest -q -n $(JOBS) --dist worksteal -m "not machine" --cov --cov-report=term:skip-covered

machine: $(VENV)/.test $(VENV)/.machine  ## only the tests in the test machine
	$(IN_MACHINES)

soak: export SCENARIOD_SOAK = $(SOAK)
soak: export SCENARIOD_CUTS = $(CUTS)
soak: export SCENARIOD_RESTARTS = $(RESTARTS)
soak: export SCENARIOD_FUZZ = $(FUZZ)
soak: export SCENARIOD_FILES = $(FILES)
soak: export SCENARIOD_KILLS = $(KILLS)
soak: export SCENARIOD_PLACES = $(PLACES)
soak: export SCENARIOD_KILL_POINTS = $(KILL_POINTS)
soak: export SCENARIOD_SPOKEN = $(SPOKEN)
soak: export SCENARIOD_FIGURES = $(CURDIR)/build/soak.md
soak: export SCENARIOD_COMMIT = $(shell git describe --always --dirty 2>/dev/null)
soak: $(VENV)/.test $(VENV)/.machine kokoro-weights  ## what `make test` proves a little, often (SOAK=500 CUTS=200 ...); hours
	@mkdir -p build
	@printf '%s\n' '| Date | Commit | What | Count | Seconds |' '|---|---|---|--:|--:|' >build/soak.md
	@code=0; \
	  $(BIN)/pytest -q -n $(JOBS) --dist worksteal --timeout 0 -m "soak and not machine" || code=$$?; \
	  $(IN_MACHINES) --timeout 0 -m "machine and soak" || code=$$?; \
	  echo; cat build/soak.md; exit $$code

kokoro-weights: $(VENV)/.run  ## fetch the weights of the engine `kokoro` into build/kokoro (107 MB), and what it needs
	@sh systemd/packages.sh espeak-ng
	@$(BIN)/pip install -q --disable-pip-version-check -e '.[kokoro]'
	$(BIN)/python systemd/kokoro_weights.py build/kokoro

bench: $(VENV)/.test  ## measure speed and memory: a table beside targets and floors (BENCH="drop idle": some rows)
	@$(BIN)/python -m bench $(BENCH)

install:  ## (as root) install the system service
	sh systemd/install.sh

uninstall:  ## (as root) remove the system service; data stays, unless PURGE=1
	sh systemd/uninstall.sh

install-user:  ## install a service of your own, for `systemctl --user`
	sh systemd/install-user.sh

clean:  ## remove what was built; never your inbox, library or backups
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(VENV)/.run: pyproject.toml
	@sh systemd/packages.sh $(APT_RUN)
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing scenariod into $(VENV)"
	@$(BIN)/pip install -q --disable-pip-version-check -e .
	@touch $@

$(VENV)/.test: $(VENV)/.run pyproject.toml
	@$(BIN)/pip install -q --disable-pip-version-check -e '.[dev]'
	@touch $@

$(VENV)/.machine: $(VENV)/.run
	@sh systemd/packages.sh $(APT_TEST)
	@touch $@
