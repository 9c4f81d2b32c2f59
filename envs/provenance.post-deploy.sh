#!/usr/bin/env bash
# Written by make lock; do not edit.
exec "$CONDA_PREFIX/bin/python" -s -E "${BARREN_DEPLOY:-scripts/tools/deploy.py}" \
    conda provenance 3db2ee7df166201fabade3072e96b9b8c13382b0ff9b6a1e79f3405f49028b55 dacfed2f5f197954f2e32371c7dd95a5ed1861f5665a9f5ba42ae96f5c93c28f
