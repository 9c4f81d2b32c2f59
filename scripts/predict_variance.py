import csv
import json
import math
from itertools import chain

from barren import columns

# What the families predict with.
from barren.physics import pair_chain  # noqa: F401
from barren.physics.ensembles import Prediction
from barren.physics.families import predict
from barren.runner import step
from barren.runner.experiment import Experiment


def predict_variance(
    ensembles: step.Json, theory: step.Output, circuits: step.Inputs = ()
) -> None:
    """Predict the exact moments of ensembles, as a table.

    circuits: circuits of one's own, built. Of the random family every depth up to the
    deepest is predicted: one sweep yields all. What is not known to a relative error of
    1e-4 is left empty, with its error and the reason.
    """
    built = {path.stem: json.loads(path.read_text()) for path in circuits}
    predicted = predict(Experiment(ensembles).ensembles, built)
    keys = dict.fromkeys(chain(*(ensemble.keys() for ensemble in predicted)))
    # Of each width, curves over depth come last.
    rows = sorted(predicted, key=lambda of: (of.width, bool(of.predicts_every)))
    with theory.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow((*keys, *columns.THEORY))
        for ensemble in rows:
            values = ensemble.keys()
            # csv writes None as an empty cell: no exact form, or not known.
            exact = written(predicted[ensemble])
            writer.writerow([*(values.get(key) for key in keys), *exact])


def written(prediction: Prediction) -> list[str | float | None]:
    """The numbers with as many digits as are known: the rest is the processor's."""
    mean, second, variance, limit, error, reason, bound = prediction
    # The squared mean has no error to speak of, and so no part of the variance's.
    share = (variance or 0.0) / (second or 1.0)
    return [
        number(mean),
        number(second, share * (error or 0.0)),
        number(variance, error or 0.0),
        number(limit),
        error and f"{error:.0e}",
        reason,
        bound and number(bound),
    ]


def number(value: float | None, error: float = 0.0) -> str | None:
    """A number with the digits that a relative error leaves."""
    if value is None:
        return None
    known = columns.DIGITS if error == 0 else max(2, math.floor(-math.log10(error)))
    return f"{value:.{min(known, columns.DIGITS)}g}"


if __name__ == "__main__":
    step.run(predict_variance)
