#!/usr/bin/env bash
# Written by scripts/lock_environments.py; do not edit.
set -euo pipefail
if [[ ! "${CONDA_PREFIX:-}" -ef "${0%.post-deploy.sh}" ]]; then
    echo "error: test: not the active conda environment; only Snakemake runs this" >&2
    exit 1
fi
exec "$CONDA_PREFIX/bin/python" -s -E scripts/deploy_environment.py conda test \
    aa69b638d7729e3163bbb9bff4d3de20b02a3979fa040b74951a5ce71868a52d
