# make reproduce   everything, from nothing to the figures
# make report      everything, and a report as one HTML file (CONFIG=config/NAME.yaml)
# make verify      compare the results with results/reference/
# make reference   keep the results in results/reference/ (CONFIG=config/NAME.yaml)
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
CONFIG := config/config.yaml
KEPT := experiment.json verdict.md tables figures paper
REFERENCE = results/reference/$(EXPERIMENT)
EXPERIMENT = $(shell sed -n 's/^experiment: *//p' $(CONFIG))

# Any Python from 3.8 on, or a uv, starts the installer, which finds or fetches 3.11.
INSTALL := sh -c '\
	for start in python3 python3.11 python "uv run --no-project --quiet python"; do \
		if $$start -c "import sys; sys.exit(sys.version_info < (3, 8))" 2>/dev/null; \
		then exec $$start scripts/tools/deploy.py venv "$$@"; fi; \
	done; \
	echo "error: neither Python 3.8 or later nor uv found on PATH" >&2; exit 1' install

.PHONY: reproduce report verify reference audit archive test config lock FORCE
.DEFAULT_GOAL := reproduce

reproduce: $(RUNNER)
	$(SNAKEMAKE) --cores $(CORES)

report: $(RUNNER)
	$(SNAKEMAKE) --cores $(CORES) --configfile $(CONFIG)
	$(SNAKEMAKE) --configfile $(CONFIG) --report results/$(EXPERIMENT)/report.html

verify audit: $(RUNNER)
	@$(SNAKEMAKE) $@ --cores $(CORES) --configfile $(CONFIG)

# Without the gradients of all circuits where they are many.
reference: $(RUNNER)
	$(SNAKEMAKE) --cores $(CORES) --configfile $(CONFIG)
	rm -rf $(REFERENCE) && mkdir -p $(REFERENCE)
	cd results/$(EXPERIMENT) && cp -r $(KEPT) ../../$(REFERENCE)
	find $(REFERENCE) -name gradients.csv -size +500k -delete

archive: $(RUNNER)
	$(SNAKEMAKE) archive archive_crate --cores $(CORES) --configfile $(CONFIG)

test: $(RUNNER) $(TESTS)
	$(TEST_PYTHON) -m ruff check
	$(TEST_PYTHON) -m ruff format --check
	$(TEST_PYTHON) -m mypy
	.venv/bin/snakefmt --check workflow
	$(SNAKEMAKE) --lint
	$(TEST_PYTHON) -m pytest

config: $(RUNNER)
	PYTHONPATH=scripts .venv/bin/python -m barren.configuration

lock: $(RUNNER)
	.venv/bin/python -s -E scripts/tools/lock.py $(if $(UPGRADE),--upgrade)
	$(SNAKEMAKE) --list-rules >/dev/null

# The installer looks whether the environment is whole; make cannot tell.
$(RUNNER): FORCE
	@$(INSTALL) snakemake .venv

# .venvs/test for the tests; .venvs/slurm (Snakemake for a Slurm cluster)
.venvs/%/environment.json: FORCE
	@$(INSTALL) $* .venvs/$*
