"""An experiment: the ensembles of a configuration, their batches and key columns.

Standard library alone, because the workflow uses it too.
"""

import itertools
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from barren import columns
from barren.physics.ensembles import BadInput, Ensemble
from barren.physics.families import FAMILIES, KEYS
from barren.runner import layout

SEED_SEQUENCE = "seed_sequence"
NOTEBOOK = "notebook"
OBSERVABLE = "observable"


@dataclass(frozen=True)
class Experiment:
    """What a checked configuration asks for."""

    config: Mapping[str, Any]

    @classmethod
    def read(cls, path: Path) -> "Experiment":
        """The experiment of an experiment.json."""
        return cls(json.loads(path.read_text()))

    @cached_property
    def ensembles(self) -> tuple[Ensemble, ...]:
        """All ensembles, lists crossed, in the order of the file; BadInput if two are one."""
        found: dict[str, Ensemble] = {}
        for entry in self.config["ensembles"]:
            for ensemble in self._cross(entry):
                ensemble.check()
                if ensemble.name in found:
                    raise BadInput(f"ensembles: {ensemble.name} is named twice")
                found[ensemble.name] = ensemble
        return tuple(found.values())

    def _cross(self, entry: Mapping[str, Any]) -> Iterable[Ensemble]:
        """The ensembles of one entry."""
        common = {
            columns.SYMBOL_LAYER: [self.config["symbol"]["layer"]],
            columns.SYMBOL_QUBIT: [self.config["symbol"]["qubit"]],
            OBSERVABLE: [self.config[OBSERVABLE]],
        }
        lists = {**common, **entry}
        family = FAMILIES[lists.pop("family")]
        for values in itertools.product(*lists.values()):
            keys = dict(zip(lists, values, strict=True))
            keys[columns.OBSERVABLE_A], keys[columns.OBSERVABLE_B] = keys.pop(OBSERVABLE)
            if columns.SIGMA in keys:  # a number of one kind has one name
                keys[columns.SIGMA] = float(keys[columns.SIGMA])
            yield family(**keys)

    @cached_property
    def sampled(self) -> tuple[Ensemble, ...]:
        """The ensembles that are sampled; wider ones are predicted alone."""
        limit = self.config["max_sampled_width"]
        return tuple(e for e in self.ensembles if e.width <= limit)

    @cached_property
    def batches(self) -> list[tuple[int, int]]:
        """First and last sample of each batch."""
        samples, size = self.config["samples"], self.config["batch_size"]
        return [(n, min(n + size, samples) - 1) for n in range(0, samples, size)]

    @property
    def jobs(self) -> list[tuple[int, int, int]]:
        """Width, first and last sample of every job that computes gradients."""
        return [(w, *batch) for w in widths(self.sampled) for batch in self.batches]

    @property
    def records(self) -> list[str]:
        """The records of the jobs of which there are several."""
        names = [layout.batch(e.name, *b) for e in self.sampled for b in self.batches]
        return [
            *(layout.record("sample_circuits", name) for name in names),
            *(
                layout.record("compute_gradients", layout.gradients(*job))
                for job in self.jobs
            ),
            *(
                layout.record("predict_variance", layout.theory(width))
                for width in widths(self.ensembles)
            ),
        ]

    @cached_property
    def families(self) -> tuple[type[Ensemble], ...]:
        """The families, in the order of the file."""
        return tuple(dict.fromkeys(type(ensemble) for ensemble in self.ensembles))

    @cached_property
    def key_columns(self) -> list[str]:
        """The columns that say which ensemble a row of a table belongs to.

        The usual ones, and those that the configuration's ensembles name.
        """
        named = {key for entry in self.config["ensembles"] for key in entry}
        if OBSERVABLE in named:
            named |= {columns.OBSERVABLE_A, columns.OBSERVABLE_B}
        return [key for key in KEYS if key in {*columns.KEYS, *named}]

    @property
    def setting(self) -> str:
        """What was sampled, in a sentence for captions."""
        config = self.config
        entries = []
        for entry in config["ensembles"]:
            lists = "; ".join(
                f"{key.replace('_', ' ')} {', '.join(map(str, values))}"
                for key, values in entry.items()
                if key not in {"family", OBSERVABLE}
            )
            entries.append(f"{FAMILIES[entry['family']].title}: {lists}")
        (a, b), symbol = config[OBSERVABLE], config["symbol"]
        return (
            f"{config['samples']} circuits per ensemble, seed {config['seed']}, "
            f"observable Z{a} Z{b} and symbol on layer {symbol['layer']}, qubit "
            f"{symbol['qubit']} unless varied ({'. '.join(entries)})."
        )

    @cached_property
    def skips(self) -> dict[str, int]:
        """Uniform draws of the notebook before each ensemble's, by its name.

        Each family starts with the one circuit that is displayed, which has no theta;
        its skip is under the family's name.
        """
        skips: dict[str, int] = {}
        skip, family = 0, None
        for ensemble in self.ensembles:
            draws = ensemble.notebook_draws or 0
            if type(ensemble) is not family:
                family = type(ensemble)
                skips[family.family] = skip
                skip += family.displayed().notebook_draws or 0
            skips[ensemble.name] = skip
            skip += self.config["samples"] * (draws + 1)
        return skips


def widths(ensembles: Iterable[Ensemble]) -> list[int]:
    """The widths of the ensembles, each once, in ascending order."""
    return sorted({ensemble.width for ensemble in ensembles})
