# make reproduce   everything, from nothing to the figures
# make run         the same (here, above and below CONFIG=config/NAME.yaml: another experiment)
# make plan        what it would take
# make verify      compare the results with results/reference/
# make reference   keep the results in results/reference/
# make audit       follow every figure and table back to the configuration
# make archive     pack results, sources and locks; and the crate alone
# make test        all tests
# make config      write config/README.md from the schema
# make lock        refresh every lock in envs/ (UPGRADE=1: to the latest versions)

SHELL := /bin/sh
RUNNER := .venv/environment.json
TESTS := .venvs/test/environment.json
SNAKEMAKE := .venv/bin/snakemake
TEST_PYTHON := .venvs/test/bin/python -s -E
CORES := all
# One more than cores: the tests of a cluster mostly wait. The other files go by name, so
# that the random experiments, which take longest, start early.
WORKERS := 3
CONFIG := config/config.yaml

# Any Python from 3.8 on, or a uv, starts the installer, which finds or fetches 3.11.
INSTALL := sh -c '\
	for start in python3 python3.11 python "uv run --no-project --quiet python"; do \
		if $$start -c "import sys; sys.exit(sys.version_info < (3, 8))" 2>/dev/null; \
		then exec $$start scripts/tools/deploy.py venv "$$@"; fi; \
	done; \
	echo "error: neither Python 3.8 or later nor uv found on PATH" >&2; exit 1' install

.PHONY: reproduce run plan verify reference audit archive test config lock readable FORCE
.DEFAULT_GOAL := reproduce

# Snakemake names neither the file nor the line of an error in YAML.
readable: $(RUNNER)
	@PYTHONPATH=scripts .venv/bin/python -m barren.runner.configuration "$(CONFIG)"

reproduce run: readable
	$(SNAKEMAKE) --cores $(CORES) --configfile "$(CONFIG)"

# -- parts the configuration from the targets.
plan verify audit reference: readable
	@$(SNAKEMAKE) --cores $(CORES) --configfile "$(CONFIG)" -- $@

archive: readable
	$(SNAKEMAKE) --cores $(CORES) --configfile "$(CONFIG)" -- archive archive_crate

test: $(RUNNER) $(TESTS) .venvs/slurm/environment.json
	$(TEST_PYTHON) -m ruff check
	$(TEST_PYTHON) -m ruff format --check
	$(TEST_PYTHON) -m mypy
	.venv/bin/snakefmt --check workflow
	$(SNAKEMAKE) --lint
	$(TEST_PYTHON) -m pytest -n $(WORKERS) --no-loadscope-reorder

config: $(RUNNER)
	PYTHONPATH=scripts .venv/bin/python -m barren.runner.configuration

lock: $(RUNNER)
	.venv/bin/python -s -E scripts/tools/lock.py $(if $(UPGRADE),--upgrade)
	$(SNAKEMAKE) --list-rules >/dev/null

# The installer looks whether the environment is whole; make cannot tell.
$(RUNNER): FORCE
	@$(INSTALL) snakemake .venv

# .venvs/test for the tests; .venvs/slurm (Snakemake for a Slurm cluster) and
# .venvs/snakedeploy for those that need them
.venvs/%/environment.json: FORCE
	@$(INSTALL) $* .venvs/$*
