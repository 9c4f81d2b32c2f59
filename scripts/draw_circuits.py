import json
from typing import Literal

from barren.analysis.drawing import draw_built, draw_circuit
from barren.analysis.style import save
from barren.physics.circuits import replay_notebook, sample_circuits
from barren.physics.families import make
from barren.physics.layered import Layered
from barren.runner import step
from barren.runner.experiment import NOTEBOOK


def draw_circuits(
    ensembles: step.Json,
    seed: int,
    figures: step.Outputs,
    circuits: step.Inputs = (),
    stream: Literal["seed_sequence", "notebook"] = "seed_sequence",
    skips: step.Json = "{}",
) -> None:
    """Draw sample 0 of some ensembles.

    circuits: circuits of one's own, built. skips: of a family's name, the notebook's
    draws before its circuit.
    """
    built = {path.stem: json.loads(path.read_text()) for path in circuits}
    for spec in ensembles:
        shown = make(spec)
        if not isinstance(shown, Layered):
            drawing = draw_built(built[shown.program], shown)
        elif stream == NOTEBOOK:
            skip = skips[shown.family]
            drawing = draw_circuit(shown, replay_notebook(shown, seed, skip, 1, [0]))
        else:
            drawing = draw_circuit(shown, sample_circuits(shown, seed, [0]))
        save(*drawing, [path for path in figures if path.stem == shown.drawing])


if __name__ == "__main__":
    step.run(draw_circuits)
