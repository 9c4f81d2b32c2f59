"""Circuits of layers of rotations, of which one has the symbol as its angle."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, NamedTuple

from barren.physics.ensembles import BadInput, Ensemble

#: Angle of the preparation R_Y on every qubit, radians (McClean et al. 2018).
PREPARATION = math.pi / 4
#: Where a gate takes its angle from: the symbol, or an array of what was drawn.
THETA = "theta"
ANGLES = "angles"
PHI = "phi"


class Gate(NamedTuple):
    """A gate that every circuit of an ensemble has.

    name: "R" is the rotation exp(-i sign angle P / 2); "CZ" and "CNOT". axis: P, or
    empty where each circuit draws its own at `place`. angle: radians, or where it comes
    from. place: layer and qubit of what was drawn. sign: -1 in an inverse.
    """

    name: str
    qubits: tuple[int, ...]
    axis: str = ""
    angle: float | str = 0.0
    place: tuple[int, int] = (0, 0)
    sign: int = 1


#: Gates on different qubits, at one time.
Moment = list[Gate]


@dataclass(frozen=True, kw_only=True)
class Layered(Ensemble):
    """Circuits of layers of rotations, of which one has the symbol theta as angle."""

    symbol_layer: int = 0
    symbol_qubit: int = 0

    gradient_keys: ClassVar[tuple[str, ...]] = (
        "symbol_layer",
        "symbol_qubit",
        "observable",
    )
    theta_is_alone: ClassVar[bool | None] = True
    #: The key that counts the layers among which the symbol can be.
    layer_key: ClassVar[str] = "depth"
    #: Axis of every rotation; empty where each draws its own.
    axis: ClassVar[str] = ""

    # What a family says of itself.

    def moments(self) -> Iterator[Moment]:
        """The gates in order, in moments.

        Programs, engines and drawings follow it; the order of gates stands nowhere else
        but in the oracle that the tests hold against it.
        """
        raise NotImplementedError

    @property
    def layers(self) -> int:
        """Layers of rotations that are drawn."""
        return self.symbol_layers

    def draw(self, rng: Any) -> dict[str, Any]:
        """What one circuit draws: axes and angles (layers, width).

        The order is part of what a seed means: all axes, all angles, layer by layer and
        qubit by qubit, then what a family adds.
        """
        shape = (self.layers, self.width)
        axes = {} if self.axis else {"axes": rng.integers(0, 3, shape, "uint8")}
        return axes | {ANGLES: self.draw_angle(rng, shape)}

    # What follows from it.

    @cached_property
    def gates(self) -> int:
        """Gates of one circuit."""
        return sum(map(len, self.moments()))

    def rotations(self, layer: int, sign: int = 1, symbol: str = THETA) -> Moment:
        """A layer's rotations; the one at the symbol's place has the angle `symbol`."""
        return [
            Gate("R", (qubit,), self.axis, angle, (layer, qubit), sign)
            for qubit in range(self.width)
            for angle in [symbol if (layer, qubit) == self.symbol else ANGLES]
        ]

    def preparation(self) -> Moment:
        """R_Y(pi/4) on every qubit."""
        return [Gate("R", (qubit,), "Y", PREPARATION) for qubit in range(self.width)]

    def ladder(self, layer: int, sign: int = 1) -> list[Moment]:
        """The CZ gates (q, q+1) of a layer as two moments.

        CZ gates commute, so their order within a layer is free. Even layers take the
        pairs that start on an even qubit first, odd layers the others: a layer's second
        moment, the next rotations and the next layer's first moment then act on the
        same pairs, and a simulator fuses all three into one gate.
        """
        pairs = [Gate("CZ", (q, q + 1), sign=sign) for q in range(self.width - 1)]
        moments = [pairs[0::2], pairs[1::2]][:: sign * (-1) ** layer]
        return [moment for moment in moments if moment]

    @property
    def symbol(self) -> tuple[int, int]:
        """Layer and qubit of the rotation that carries theta."""
        return self.symbol_layer, self.symbol_qubit

    @property
    def symbol_layers(self) -> int:
        """Layers among which the symbol can be."""
        return int(getattr(self, self.layer_key))

    @property
    def program(self) -> str:
        """Name of the serialised circuits: the symbol is part of them."""
        if self.symbol == (0, 0):
            return self.circuit
        return f"{self.circuit}_symbol-{self.symbol_layer}-{self.symbol_qubit}"

    def check(self) -> None:
        """Raise BadInput unless symbol and observable lie inside the circuit."""
        super().check()
        for key, size, of in (
            ("symbol_layer", self.symbol_layers, self.layer_key),
            ("symbol_qubit", self.width, "width"),
        ):
            value = getattr(self, key)
            if value >= size:
                raise BadInput(
                    f"{key}: {value} lies outside a circuit of family {self.family} "
                    f"and {of.replace('_', ' ')} {size}; allowed: 0 to {size - 1}"
                )
