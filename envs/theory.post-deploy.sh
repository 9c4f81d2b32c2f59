#!/usr/bin/env bash
# Written by make lock; do not edit.
exec "$CONDA_PREFIX/bin/python" -s -E "${BARREN_DEPLOY:-scripts/tools/deploy.py}" \
    conda theory 7840ff93684cc8084ddda922f8aad37c9af618fcd2165660f0d85fe82eea8c1c dacfed2f5f197954f2e32371c7dd95a5ed1861f5665a9f5ba42ae96f5c93c28f
