#!/usr/bin/env bash
# Written by make lock; do not edit.
exec "$CONDA_PREFIX/bin/python" -s -E "${BARREN_DEPLOY:-scripts/tools/deploy.py}" \
    conda benchmark c2937e2408d6db5d523cab19873fdf16f86aa04b68ff5156e3cf5f171b6a9389 dacfed2f5f197954f2e32371c7dd95a5ed1861f5665a9f5ba42ae96f5c93c28f
