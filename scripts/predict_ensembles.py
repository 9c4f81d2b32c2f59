"""Predict the exact moments of ensembles of one width, as a table.

Of the random family every depth up to the deepest is predicted: one sweep yields all.
A depth that nobody asked for may stay unknown, and its cells empty.
"""

import csv
from dataclasses import replace
from pathlib import Path

from barren import columns, step
from barren.ensembles import RANDOM, Ensemble
from barren.theory import predict, require_known

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
        depth = deepest.get(ensemble.curve, 0)
        deepest[ensemble.curve] = max(ensemble.depth, depth)
    for curve, depth in deepest.items():
        depths = range(curve.symbol_layer + 1, depth + 1)
        ensembles += [replace(curve, depth=depth) for depth in depths]
    predicted = [*zip(ensembles, predict(ensembles), strict=True)]
    require_known(pair for pair in predicted if pair[0].name in args.ensembles)
    with args.table.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow((*columns.KEYS, *columns.FURTHER_KEYS, *columns.THEORY))
        for ensemble, prediction in predicted:
            keys = ensemble.keys()
            order = (*columns.KEYS, *columns.FURTHER_KEYS)
            # csv writes None as an empty cell: no exact form, or not known.
            writer.writerow([*(keys[key] for key in order), *prediction])
