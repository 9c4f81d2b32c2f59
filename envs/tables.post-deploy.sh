#!/usr/bin/env bash
# Written by make lock; do not edit.
exec "$CONDA_PREFIX/bin/python" -s -E "${BARREN_DEPLOY:-scripts/tools/deploy.py}" \
    conda tables e96cb9d32cd4f8ccbef6798b1d69c66ea4a47ace29bae86649688ad0529878a2 dacfed2f5f197954f2e32371c7dd95a5ed1861f5665a9f5ba42ae96f5c93c28f
