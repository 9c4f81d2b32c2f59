#!/usr/bin/env bash
# Written by scripts/lock_environments.py; do not edit.
set -euo pipefail
if [[ ! "${CONDA_PREFIX:-}" -ef "${0%.post-deploy.sh}" ]]; then
    echo "error: plot: not the active conda environment; only Snakemake runs this" >&2
    exit 1
fi
exec "$CONDA_PREFIX/bin/python" -s -E scripts/deploy_environment.py conda plot \
    498efd372f7c4720eadfee2c0dfa6d41afe254d577679d1488e20e1b57c07c94
