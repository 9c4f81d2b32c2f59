"""Predict the exact moments of ensembles of one width, as a table.

Of the random family every depth up to the deepest is predicted: one sweep yields all.
"""

import csv
from dataclasses import replace
from pathlib import Path

from barren import columns, step
from barren.ensembles import RANDOM, BadInput, Ensemble
from barren.theory import predict

parser = step.parser(__doc__)
parser.add_argument("--ensembles", nargs="+", required=True, help="names of ensembles")
parser.add_argument("--table", type=Path, required=True, help="the file to write")

with step.run(parser, outputs=["table"]) as args:
    ensembles = []
    deepest: dict[Ensemble, int] = {}
    for ensemble in map(Ensemble.parse, args.ensembles):
        if ensemble.family != RANDOM:
            ensembles.append(ensemble)
            continue
        assert ensemble.depth is not None
        curve = replace(ensemble, depth=None)
        deepest[curve] = max(ensemble.depth, deepest.get(curve, 0))
    for curve, depth in deepest.items():
        depths = range(curve.symbol_layer + 1, depth + 1)
        ensembles += [replace(curve, depth=depth) for depth in depths]
    try:
        predictions = predict(ensembles)
    except FloatingPointError as error:
        raise BadInput(str(error)) from None
    with args.table.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow((*columns.KEYS, *columns.FURTHER_KEYS, *columns.THEORY))
        for ensemble, prediction in zip(ensembles, predictions, strict=True):
            keys = ensemble.keys()
            order = (*columns.KEYS, *columns.FURTHER_KEYS)
            # csv writes None as an empty cell: no exact form.
            writer.writerow([*(keys[key] for key in order), *prediction])
