"""Summarise the gradients of each ensemble, with the exact values beside."""

import json
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from barren import columns, step
from barren.ensembles import expand, further_keys
from barren.statistics import summarise
from barren.tables import ensemble_keys, read_table, write_table

parser = step.parser(__doc__)
parser.add_argument("--experiment", type=Path, required=True)
parser.add_argument("--gradients", type=Path, required=True, help="gradients.csv")
parser.add_argument("--predictions", nargs="+", type=Path, required=True)
parser.add_argument("--statistics", type=Path, required=True, help="file to write")
parser.add_argument("--theory", type=Path, required=True, help="file to write")

with step.run(
    parser,
    inputs=["experiment", "gradients", "predictions"],
    outputs=["statistics", "theory"],
) as args:
    config = json.loads(args.experiment.read_text())
    keys = [*columns.KEYS, *further_keys(config)]
    points = ensemble_keys(expand(config), keys)

    theory = pd.concat([read_table(path) for path in args.predictions])
    theory = theory[[*keys, *columns.THEORY]]
    write_table(theory, args.theory)

    gradients = read_table(args.gradients)
    groups = gradients.groupby(keys, dropna=False, sort=False)[columns.GRADIENT]
    summaries = [
        dict(zip(keys, key, strict=True)) | asdict(summarise(values, config["seed"]))
        for key, values in groups
    ]
    sampled = pd.DataFrame(summaries).astype(points.dtypes.to_dict())
    statistics = points.merge(sampled, on=keys, how="left").merge(
        theory[[*keys, columns.EXACT_VARIANCE, columns.ASYMPTOTIC_VARIANCE]],
        on=keys,
        how="left",
    )
    statistics[columns.SAMPLES] = statistics[columns.SAMPLES].fillna(0).astype(int)
    write_table(statistics, args.statistics)
