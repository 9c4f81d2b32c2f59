"""Draw a batch of random circuits and serialise it with its TFQ programs."""

from pathlib import Path

from barren import step
from barren.batches import write_batch
from barren.circuits import replay_notebook, sample_circuits
from barren.ensembles import NOTEBOOK, SEED_SEQUENCE, Ensemble
from barren.programs import serialise

parser = step.parser(__doc__)
parser.add_argument("--ensemble", required=True, help="name of the ensemble")
parser.add_argument("--seed", type=int, required=True)
parser.add_argument("--first", type=int, required=True, help="first sample")
parser.add_argument("--last", type=int, required=True, help="last sample")
parser.add_argument(
    "--stream", choices=[SEED_SEQUENCE, NOTEBOOK], default=SEED_SEQUENCE
)
parser.add_argument("--samples", type=int, help="notebook: circuits of the ensemble")
parser.add_argument("--skip", type=int, help="notebook: uniform draws before them")
parser.add_argument("--batch", type=Path, required=True, help="the file to write")

with step.run(parser, outputs=["batch"]) as args:
    ensemble = Ensemble.parse(args.ensemble)
    samples = range(args.first, args.last + 1)
    if args.stream == NOTEBOOK:
        circuits = replay_notebook(
            ensemble, args.seed, args.skip, args.samples, samples
        )
    else:
        circuits = sample_circuits(ensemble, args.seed, samples)
    programs = serialise(ensemble, circuits)
    write_batch(
        args.batch, ensemble, args.stream, args.seed, samples, circuits, programs
    )
