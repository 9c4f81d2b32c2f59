"""Print the exact gradient variance of ensembles of random circuits as CSV."""

import argparse
import csv
import os
import sys
from collections.abc import Sequence

# The matrices are small: threads would wait for each other ten times as long.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from barren import columns
from barren.ensembles import IDENTITY, RANDOM, BadInput, Ensemble
from barren.theory import predict, require_known


def main(arguments: Sequence[str] | None = None) -> None:
    """Predict what the command line names; exit code 2 on bad input."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--family", choices=(RANDOM, IDENTITY), default=RANDOM)
    parser.add_argument("--width", type=_width, nargs="+", required=True)
    parser.add_argument("--depth", type=_count, nargs="+", help="of the random family")
    parser.add_argument(
        "--observable", type=_count, nargs=2, default=[0, 1], metavar=("A", "B")
    )
    parser.add_argument(
        "--symbol", type=_count, nargs=2, default=[0, 0], metavar=("LAYER", "QUBIT")
    )
    options = parser.parse_args(arguments)
    try:
        _print(options)
    except BadInput as error:
        parser.exit(2, f"{parser.prog}: {error}\n")


def _print(options: argparse.Namespace) -> None:
    if (options.depth is None) == (options.family == RANDOM):
        raise BadInput("--depth belongs to the random family, which needs it")
    layer, qubit = options.symbol
    depths = options.depth or [layer + 1]
    depth_key = columns.DEPTH if options.family == RANDOM else columns.BLOCK_DEPTH
    ensembles = [
        Ensemble(
            options.family,
            width,
            **{depth_key: depth},
            symbol_layer=layer,
            symbol_qubit=qubit,
            observable_a=options.observable[0],
            observable_b=options.observable[1],
        )
        for width in options.width
        for depth in depths
    ]
    for ensemble in ensembles:
        ensemble.check()
    predictions = predict(ensembles)
    require_known(zip(ensembles, predictions, strict=True))
    keys = [columns.WIDTH, columns.DEPTH]
    values = [columns.VARIANCE, columns.RELATIVE_ERROR]
    if options.family == IDENTITY:
        keys = [columns.WIDTH, columns.SYMBOL_LAYER]
        values = [columns.MEAN, columns.SECOND_MOMENT, *values]
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(keys + values)
    for ensemble, prediction in zip(ensembles, predictions, strict=True):
        row = [ensemble.keys()[key] for key in keys]
        writer.writerow(row + [getattr(prediction, value) for value in values])


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 up")
    return int(text)


def _width(text: str) -> int:
    width = _count(text)
    if width < 2:
        raise argparse.ArgumentTypeError("a circuit has at least 2 qubits")
    return width


if __name__ == "__main__":
    main()
