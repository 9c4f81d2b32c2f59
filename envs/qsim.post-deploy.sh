#!/usr/bin/env bash
# Written by make lock; do not edit.
exec "$CONDA_PREFIX/bin/python" -s -E "${BARREN_DEPLOY:-scripts/tools/deploy.py}" \
    conda qsim d1bcc24f52b6e47878357433cc49c30998ac69247cd3cd64bb7755cb603b06c7 dacfed2f5f197954f2e32371c7dd95a5ed1861f5665a9f5ba42ae96f5c93c28f
