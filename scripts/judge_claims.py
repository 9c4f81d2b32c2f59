"""Judge the claims of the tutorial and of the papers from an experiment's numbers."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path

import pandas as pd

from barren import columns, step
from barren.batches import read_batch
from barren.ensembles import Ensemble, batch_path, batches, expand, further_keys
from barren.evidence import Point, join_draws, reduce_draws
from barren.statistics import Summary
from barren.tables import ensemble_keys, read_table, with_integers, write_table
from barren.theory import Prediction
from barren.verdict import curves, fit_curves, judge, render

parser = step.parser(__doc__)
parser.add_argument("--experiment", type=Path, required=True)
parser.add_argument("--gradients", type=Path, required=True, help="gradients.csv")
parser.add_argument("--statistics", type=Path, required=True)
parser.add_argument("--theory", type=Path, required=True)
parser.add_argument("--batches", type=Path, required=True, help="folder of the batches")
parser.add_argument("--claims", type=Path, required=True, help="file to write")
parser.add_argument("--fits", type=Path, required=True, help="file to write")
parser.add_argument("--verdict", type=Path, required=True, help="file to write")


def rows_by_ensemble(
    table: pd.DataFrame, keys: list[str], ensembles: Sequence[Ensemble]
) -> dict[str, pd.DataFrame]:
    """The rows of a table, by the name of their ensemble."""
    names = ensemble_keys(ensembles, keys)
    names["ensemble"] = [ensemble.name for ensemble in ensembles]
    groups = table.merge(names, on=keys).groupby("ensemble", sort=False)
    return {str(name): rows for name, rows in groups}


with step.run(
    parser,
    inputs=["experiment", "gradients", "statistics", "theory"],
    outputs=["claims", "fits", "verdict"],
) as args:
    config = json.loads(args.experiment.read_text())
    keys = [*columns.KEYS, *further_keys(config)]
    ensembles = expand(config)
    gradients, statistics, theory = (
        rows_by_ensemble(read_table(path), keys, ensembles)
        for path in (args.gradients, args.statistics, args.theory)
    )
    read: list[Path] = []

    def point(ensemble: Ensemble) -> Point:
        """What is known of an ensemble."""
        row = theory[ensemble.name].iloc[0]
        values = [float(row[name]) for name in columns.THEORY]
        prediction = Prediction(*(None if math.isnan(x) else x for x in values))
        if ensemble.name not in gradients:
            return Point(ensemble, prediction)
        sampled = gradients[ensemble.name]
        summary = statistics[ensemble.name].iloc[0]
        draws = []
        for first, last in batches(config["samples"], config["batch_size"]):
            path = args.batches / batch_path(ensemble, first, last)
            read.append(path)
            circuits = read_batch(path, ensemble, config["seed"])[1]
            draws.append(reduce_draws(ensemble, circuits))
        return Point(
            ensemble,
            prediction,
            sampled[columns.THETA].to_numpy(float),
            sampled[columns.GRADIENT].to_numpy(float),
            Summary(**{field.name: summary[field.name] for field in fields(Summary)}),
            join_draws(draws),
        )

    points = [point(ensemble) for ensemble in ensembles]
    args.read["batches"] = read
    claims = judge(points)
    fits = [
        {
            **{key: ensemble.keys()[key] for key in keys if key != columns.WIDTH},
            columns.CURVE: curve,
            **asdict(fit),
        }
        for ensemble, of in curves(points).items()
        for curve, fit in fit_curves(of).items()
    ]
    order = [*(key for key in keys if key != columns.WIDTH), *columns.FITS]
    write_table(with_integers(pd.DataFrame(fits, columns=order)), args.fits)
    write_table(
        pd.DataFrame([claim.row() for claim in claims], columns=columns.CLAIMS),
        args.claims,
    )
    args.verdict.write_text(render(claims))
