import csv

from barren import columns
from barren.physics import moments  # noqa: F401 (what the families predict with)
from barren.physics.families import KEYS, predict
from barren.runner import step
from barren.runner.experiment import Experiment


def predict_variance(ensembles: step.Json, theory: step.Output) -> None:
    """Predict the exact moments of ensembles of one width, as a table.

    Of the random family every depth up to the deepest is predicted: one sweep yields
    all. What is not known to a relative error of 1e-4 is left empty, with its error.
    """
    predicted = predict(Experiment(ensembles).ensembles)
    # Curves over depth come last.
    rows = sorted(predicted, key=lambda ensemble: "depth" in ensemble.keys())
    with theory.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow((*KEYS, *columns.THEORY))
        for ensemble in rows:
            values = ensemble.keys()
            # csv writes None as an empty cell: no exact form, or not known.
            writer.writerow([*(values.get(key) for key in KEYS), *predicted[ensemble]])


if __name__ == "__main__":
    step.run(predict_variance)
