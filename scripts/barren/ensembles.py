"""What an experiment computes: its ensembles, by coordinates and by name.

An *ensemble* is a distribution over circuits: a family with its width and depth, the
rotation whose angle is the symbol, and the observable. This module uses the standard
library alone, because the workflow imports it too.
"""

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from barren import columns

RANDOM = "random"
IDENTITY = "identity"
IDENTITY_TUTORIAL = "identity_tutorial"
#: Families whose circuits are blocks U U^dagger.
IDENTITY_FAMILIES = (IDENTITY, IDENTITY_TUTORIAL)
FAMILIES = (RANDOM, *IDENTITY_FAMILIES)

#: What computes gradients; each has an environment of its name.
TFQ = "tfq"
QSIM = "qsim"

SEED_SEQUENCE = "seed_sequence"
NOTEBOOK = "notebook"

_NUMBER = re.compile(r"-(?=\d)")


class BadInput(Exception):
    """Something a user gave is wrong; the message is one line that says what."""


@dataclass(frozen=True)
class Ensemble:
    """One ensemble of random circuits.

    `depth` counts the layers of the random family, `block_depth` those of one U of an
    identity family, `blocks` its blocks U U^dagger. `sigma` (radians) is the width of
    normally distributed angles, None for uniform ones. The symbol sits in the first
    block. What a family lacks is None.
    """

    family: str
    width: int
    depth: int | None = None
    block_depth: int | None = None
    blocks: int | None = None
    sigma: float | None = None
    symbol_layer: int = 0
    symbol_qubit: int = 0
    observable_a: int = 0
    observable_b: int = 1

    @property
    def layers(self) -> int:
        """Layers that are drawn: those of U_1, then U_2, ... of an identity family."""
        if self.family == RANDOM:
            assert self.depth is not None
            return self.depth
        assert self.block_depth is not None and self.blocks is not None
        return self.block_depth * self.blocks

    @property
    def circuit(self) -> str:
        """Name of the distribution of circuits, whatever symbol and observable.

        It is the random stream's key, so that moving the symbol or the observable
        looks at the same circuits.
        """
        parts = [self.family, f"width-{self.width}"]
        for key in (columns.DEPTH, columns.BLOCK_DEPTH, columns.BLOCKS, columns.SIGMA):
            value = getattr(self, key)
            if value is not None:
                parts.append(f"{key.replace('_', '-')}-{value}")
        return "_".join(parts)

    @property
    def name(self) -> str:
        """Name of the ensemble, as in the names of files.

        Symbol and observable are named only where they are not the default.
        """
        name = self.circuit
        if (self.symbol_layer, self.symbol_qubit) != (0, 0):
            name += f"_symbol-{self.symbol_layer}-{self.symbol_qubit}"
        if self.observable != (0, 1):
            name += f"_observable-{self.observable_a}-{self.observable_b}"
        return name

    @property
    def curve(self) -> "Ensemble":
        """What one sweep of the exact theory covers: all depths, or layers in blocks."""
        if self.family == RANDOM:
            return replace(self, depth=None)
        return replace(self, block_depth=None, blocks=None, symbol_layer=0)

    @property
    def symbol(self) -> tuple[int, int]:
        """Layer and qubit of the rotation that carries theta."""
        return self.symbol_layer, self.symbol_qubit

    @property
    def observable(self) -> tuple[int, int]:
        """The qubits a, b of the observable Z_a Z_b."""
        return self.observable_a, self.observable_b

    def keys(self) -> dict[str, Any]:
        """The coordinates by column name, None where the family lacks one."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def parse(cls, name: str) -> "Ensemble":
        """The ensemble of a name; the inverse of `name`."""
        family, *parts = re.split(r"_(?=[a-z-]+-\d)", name)
        values: dict[str, Any] = {"family": family}
        for part in parts:
            key, *numbers = _NUMBER.split(part)
            if key == "symbol":
                values[columns.SYMBOL_LAYER] = int(numbers[0])
                values[columns.SYMBOL_QUBIT] = int(numbers[1])
            elif key == "observable":
                values[columns.OBSERVABLE_A] = int(numbers[0])
                values[columns.OBSERVABLE_B] = int(numbers[1])
            else:
                key = key.replace("-", "_")
                number = float if key == columns.SIGMA else int
                values[key] = number(numbers[0])
        needs = {columns.DEPTH} if family == RANDOM else {"block_depth", "blocks"}
        if family in FAMILIES and {columns.WIDTH, *needs} <= values.keys():
            return cls(**values)
        raise BadInput(f"{name!r} is not the name of an ensemble")

    def check(self) -> None:
        """Raise BadInput unless symbol and observable lie inside the circuit."""
        layers = self.depth if self.family == RANDOM else self.block_depth
        assert layers is not None
        layer_key = columns.DEPTH if self.family == RANDOM else columns.BLOCK_DEPTH
        for what, value, size, of in (
            ("symbol layer", self.symbol_layer, layers, layer_key),
            ("symbol qubit", self.symbol_qubit, self.width, columns.WIDTH),
            ("observable qubit", self.observable_a, self.width, columns.WIDTH),
            ("observable qubit", self.observable_b, self.width, columns.WIDTH),
        ):
            if value >= size:
                raise BadInput(
                    f"{what} {value} lies outside a {self.family} circuit of "
                    f"{of} {size}: allowed are 0 to {size - 1}"
                )
        if self.observable_a == self.observable_b:
            raise BadInput(
                f"observable [{self.observable_a}, {self.observable_b}] names one "
                "qubit twice: it takes two different ones"
            )


def expand(config: Mapping[str, Any]) -> tuple[Ensemble, ...]:
    """All ensembles of an experiment, lists crossed, in the order of the file."""
    common = {
        columns.SYMBOL_LAYER: config["symbol"]["layer"],
        columns.SYMBOL_QUBIT: config["symbol"]["qubit"],
        "observable": config["observable"],
    }
    ensembles: dict[str, Ensemble] = {}
    for entry in config["ensembles"]:
        choices = {**{key: [value] for key, value in common.items()}, **entry}
        choices["family"] = [entry["family"]]
        for values in itertools.product(*choices.values()):
            keys = dict(zip(choices, values, strict=True))
            keys[columns.OBSERVABLE_A], keys[columns.OBSERVABLE_B] = keys.pop(
                "observable"
            )
            ensemble = Ensemble(**keys)
            ensemble.check()
            if ensemble.name in ensembles:
                raise BadInput(f"ensembles: {ensemble.name} is named twice")
            ensembles[ensemble.name] = ensemble
    return tuple(ensembles.values())


def further_keys(config: Mapping[str, Any]) -> tuple[str, ...]:
    """The key columns that an experiment's tables have beyond the usual five."""
    varied = {key for entry in config["ensembles"] for key in entry}
    if "observable" in varied:
        varied |= {columns.OBSERVABLE_A, columns.OBSERVABLE_B}
    return tuple(key for key in columns.FURTHER_KEYS if key in varied)


def batches(samples: int, batch_size: int) -> Iterator[tuple[int, int]]:
    """First and last sample of each batch."""
    for first in range(0, samples, batch_size):
        yield first, min(first + batch_size, samples) - 1


def widths(ensembles: Sequence[Ensemble]) -> list[int]:
    """The widths of the ensembles, each once, in ascending order."""
    return sorted({ensemble.width for ensemble in ensembles})


def batch_path(ensemble: Ensemble, first: int, last: int) -> str:
    """Path of a batch in the folder of the batches."""
    return f"{ensemble.name}/{first}-{last}.npz"


def gradients_file(width: int, first: int | str, last: int | str) -> str:
    """Name of the file with the gradients of one width and one range of samples."""
    return f"width-{width}_samples-{first}-{last}.csv"


def sampled(config: Mapping[str, Any]) -> tuple[Ensemble, ...]:
    """The ensembles that are sampled; wider ones are predicted alone."""
    limit = config["max_sampled_width"]
    return tuple(ensemble for ensemble in expand(config) if ensemble.width <= limit)


def notebook_draws(ensemble: Ensemble) -> int:
    """Uniform draws that the notebook takes for one circuit, without its theta."""
    rotations = 2 * ensemble.layers * ensemble.width
    return rotations - 1 if ensemble.family == RANDOM else rotations


def notebook_skips(config: Mapping[str, Any]) -> dict[str, int]:
    """Uniform draws of the notebook before each ensemble's, by the ensemble's name.

    Each family starts with the one circuit that is displayed, which has no theta.
    """
    skips: dict[str, int] = {}
    skip, family = 0, None
    for ensemble in expand(config):
        if ensemble.family != family:
            family = ensemble.family
            skips[displayed(family).name] = skip
            skip += notebook_draws(displayed(family))
        skips[ensemble.name] = skip
        skip += config["samples"] * (notebook_draws(ensemble) + 1)
    return skips


def displayed(family: str) -> Ensemble:
    """The small circuit that the tutorial draws to show a family."""
    if family == RANDOM:
        return Ensemble(family, width=3, depth=2)
    return Ensemble(family, width=3, block_depth=2, blocks=2)
