#!/usr/bin/env bash
# Written by scripts/lock_environments.py; do not edit.
set -euo pipefail
if [[ ! "${CONDA_PREFIX:-}" -ef "${0%.post-deploy.sh}" ]]; then
    echo "error: test: not the active conda environment; only Snakemake runs this" >&2
    exit 1
fi
exec "$CONDA_PREFIX/bin/python" -s -E scripts/deploy_environment.py conda test \
    947043531a42f1c5356ce52d4e54afc9438e8ad02e01b1d138ecada0bbfbe93b
