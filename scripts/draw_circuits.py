import json

from barren.analysis.drawing import draw_built, draw_circuit
from barren.analysis.style import save
from barren.physics.circuits import replay_notebook, sample_circuits
from barren.physics.layered import Layered
from barren.runner import step
from barren.runner.experiment import Experiment


def draw_circuits(
    experiment: step.Input, figures: step.Outputs, circuits: step.Inputs = ()
) -> None:
    """Draw sample 0 of each family; circuits: those of one's own, built."""
    found = Experiment.read(experiment)
    seed, skips = found.config["seed"], found.skips
    built = {path.stem: json.loads(path.read_text()) for path in circuits}
    for shown in found.displayed:
        if not isinstance(shown, Layered):
            drawing = draw_built(built[shown.program], shown)
        elif skips:  # the notebook's draws before the circuit of each family
            skip = skips[shown.family]
            drawing = draw_circuit(shown, replay_notebook(shown, seed, skip, 1, [0]))
        else:
            drawing = draw_circuit(shown, sample_circuits(shown, seed, [0]))
        save(*drawing, [path for path in figures if path.stem == shown.drawing])


if __name__ == "__main__":
    step.run(draw_circuits)
