#!/usr/bin/env bash
# Written by scripts/lock_environments.py; do not edit.
set -euo pipefail
if [[ ! "${CONDA_PREFIX:-}" -ef "${0%.post-deploy.sh}" ]]; then
    echo "error: tfq: not the active conda environment; only Snakemake runs this" >&2
    exit 1
fi
exec "$CONDA_PREFIX/bin/python" -s -E scripts/deploy_environment.py conda tfq \
    77b2927abdbc0918c6b31f01195890d88ac783fbbeefe95143cf66f77cfb5e1e
