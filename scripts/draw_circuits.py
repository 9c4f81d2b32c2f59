"""Draw a small circuit of each family, as the tutorial shows its two."""

from typing import Literal

from barren.analysis.drawing import draw_circuit
from barren.analysis.plots import save
from barren.physics.circuits import replay_notebook, sample_circuits
from barren.physics.families import FAMILIES
from barren.runner import step
from barren.runner.experiment import NOTEBOOK
from barren.runner.step import Json, Outputs


def draw_circuits(
    families: list[str],
    seed: int,
    stream: Literal["seed_sequence", "notebook"],
    skips: Json,
    figures: Outputs,
) -> None:
    """Draw sample 0 of each family's small ensemble.

    skips: of a family's name, the notebook's draws before its circuit.
    """
    for family in families:
        small = FAMILIES[family].displayed()
        if stream == NOTEBOOK:
            circuits = replay_notebook(small, seed, skips[family], 1, [0])
        else:
            circuits = sample_circuits(small, seed, [0])
        paths = [path for path in figures if path.stem == f"circuit_{family}"]
        save(*draw_circuit(small, circuits), paths)


if __name__ == "__main__":
    step.run(draw_circuits)
