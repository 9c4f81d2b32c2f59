#!/usr/bin/env bash
# Written by scripts/lock_environments.py; do not edit.
set -euo pipefail
if [[ ! "${CONDA_PREFIX:-}" -ef "${0%.post-deploy.sh}" ]]; then
    echo "error: tfq: not the active conda environment; only Snakemake runs this" >&2
    exit 1
fi
exec "$CONDA_PREFIX/bin/python" -s -E scripts/deploy_environment.py conda tfq \
    de6203ca826a494f349e632d374a1237f7181ac0540430edc121d33545d4e3de
