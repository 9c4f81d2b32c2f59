"""Draw the small circuits by which the tutorial shows its two families."""

from pathlib import Path

from barren import step
from barren.batches import read_batch
from barren.ensembles import Ensemble
from barren.figures import draw_circuit, save

parser = step.parser(__doc__)
parser.add_argument("--ensembles", nargs="+", required=True, help="one a batch")
parser.add_argument("--batches", nargs="+", type=Path, required=True)
parser.add_argument("--seed", type=int, required=True, help="the batches' seed")
parser.add_argument(
    "--figures", nargs="+", type=Path, required=True, help="files to write, by name"
)

with step.run(parser, inputs=["batches"], outputs=["figures"]) as args:
    for name, path in zip(args.ensembles, args.batches, strict=True):
        ensemble = Ensemble.parse(name)
        circuits = read_batch(path, ensemble, args.seed)[1]
        figure, gates = draw_circuit(ensemble, circuits)
        stem = f"circuit_{ensemble.family}"
        save(figure, gates, [p for p in args.figures if p.stem == stem])
