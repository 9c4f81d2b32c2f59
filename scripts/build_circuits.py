import json

from barren.runner import hashes

if __name__ == "__main__":
    hashes.fix()  # before all that takes long to import

from barren.physics.building import build, check_speed
from barren.runner import step
from barren.runner.experiment import Experiment


def build_circuits(
    ensembles: step.Json, sources: step.Inputs, circuits: step.Outputs
) -> None:
    """Call the functions that make circuits, and write the circuits as plain data.

    What is wrong with a circuit ends this step, and so the run before anything is
    sampled.
    """
    own = Experiment(ensembles).own_circuits.values()
    for ensemble, path in zip(own, circuits, strict=True):
        data = build(ensemble)
        check_speed(ensemble, data)
        path.write_text(json.dumps(data) + "\n")


if __name__ == "__main__":
    step.run(build_circuits)
