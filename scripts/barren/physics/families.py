"""The families of circuits. A family is one class here, and nothing elsewhere."""

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar, Self, TypeVar

from barren import columns
from barren.physics.ensembles import (
    ANGLES,
    NOTHING,
    PHI,
    Ensemble,
    Layered,
    Moment,
    Prediction,
)
from barren.physics.observables import LIMIT

E = TypeVar("E", bound=Ensemble)

#: Layers that a guess of the gates of one's own circuits allows for.
MOST_LAYERS = 1000


@dataclass(frozen=True, kw_only=True)
class Random(Layered):
    """Layers of random rotations and CZ ladders (McClean et al. 2018)."""

    depth: int

    family: ClassVar[str] = "random"
    title: ClassVar[str] = "random"
    kind: ClassVar[str] = "random"
    predicts_every: ClassVar[str] = "depth"
    claims: ClassVar[tuple[str, ...]] = (
        "mean_is_zero",
        "variance_falls_with_width",
        "variance_falls_exponentially",
        "slope_of_mcclean",
        "converges_with_depth",
        "cost_decides",
    )

    def moments(self) -> Iterator[Moment]:
        """Preparation, then depth times rotations and CZ ladder."""
        yield self.preparation()
        for layer in range(self.depth):
            yield self.rotations(layer)
            yield from self.ladder(layer)

    @property
    def sweep(self) -> tuple[Self, int]:
        """All depths at once; and the layers before the symbol for the asymptote."""
        return replace(self, depth=0), self.depth + self.symbol_layer

    @classmethod
    def predict(
        cls, ensembles: Sequence[Self], built: Mapping[str, Any] = NOTHING
    ) -> Iterator[tuple[Self, Prediction]]:
        """The exact moments at every depth up to the deepest."""
        from barren.physics.moments import random_predictions

        for curve, members in _curves(ensembles):
            deepest = max(ensemble.depth for ensemble in members)
            depths = range(curve.symbol_layer + 1, deepest + 1)
            predictions = random_predictions(
                curve.terms, curve.width, depths, curve.symbol, curve.sigma
            )
            for depth, prediction in zip(depths, predictions, strict=True):
                yield replace(curve, depth=depth), prediction

    @property
    def notebook_draws(self) -> int:
        """An axis and an angle for each rotation, no angle for the symbol."""
        return 2 * self.layers * self.width - 1

    def replay(self, uniform: Any) -> tuple[Any, None]:
        """Axis and angle of each rotation in turn."""
        import numpy as np

        pairs = np.insert(uniform, 1, np.nan, axis=1)
        return pairs.reshape(len(pairs), self.layers, self.width, 2), None


@dataclass(frozen=True, kw_only=True)
class Identity(Layered):
    """Identity blocks with equal start, independent parameters (Grant et al. 2019)."""

    block_depth: int
    blocks: int

    family: ClassVar[str] = "identity"
    title: ClassVar[str] = "identity blocks (Grant)"
    kind: ClassVar[str] = "identity"
    layer_key: ClassVar[str] = "block_depth"
    theta_is_alone: ClassVar[bool | None] = False
    claims: ClassVar[tuple[str, ...]] = (
        "identity_blocks_keep_variance",
        "deeper_in_block_is_smaller",
        "other_blocks_are_identity",
    )
    #: Angle of the rotation opposite the symbol, in U^dagger.
    opposite: ClassVar[str] = ANGLES

    @property
    def layers(self) -> int:
        """Layers of U_1, then of U_2, ...; the inverses repeat them."""
        return self.block_depth * self.blocks

    def moments(self) -> Iterator[Moment]:
        """Preparation, then the blocks U U^dagger."""
        yield self.preparation()
        for start in range(0, self.layers, self.block_depth):
            block = range(start, start + self.block_depth)
            for layer in block:
                yield self.rotations(layer)
                yield from self.ladder(layer)
            for layer in reversed(block):
                yield from self.ladder(layer, -1)
                yield self.rotations(layer, -1, self.opposite)

    @property
    def structure(self) -> str:
        """Blocks of twice the layers of U."""
        return f"{self.blocks} × 2 × {self.block_depth} layers"

    @property
    def sweep(self) -> tuple[Self, int]:
        """All layers of the symbol; neither block depth nor blocks matter."""
        curve = replace(self, block_depth=0, blocks=0, symbol_layer=0)
        return curve, self.symbol_layer

    @classmethod
    def predict(
        cls, ensembles: Sequence[Self], built: Mapping[str, Any] = NOTHING
    ) -> Iterator[tuple[Self, Prediction]]:
        """The exact moments for the symbol on any layer of U."""
        from barren.physics.moments import identity_predictions

        for curve, members in _curves(ensembles):
            layers = [ensemble.symbol_layer for ensemble in members]
            found = identity_predictions(
                curve.terms, curve.width, layers, curve.symbol_qubit, curve.sigma
            )
            yield from zip(members, found, strict=True)

    def first_block(self, circuits: Any) -> tuple[Self, Any] | None:
        """The block with the symbol: the others are the identity."""
        if self.blocks == 1:
            return None
        of_block = slice(self.block_depth)
        alone = replace(
            circuits,
            axes=circuits.axes[:, of_block],
            angles=circuits.angles[:, of_block],
        )
        return replace(self, blocks=1), alone

    def closed_form(self, circuits: Any) -> Any:
        """With the symbol on layer 0 all cancels to R_P(theta - phi) on its qubit.

        Prepared it has <X> = <Z> = 1 / sqrt(2) and <Y> = 0.
        """
        import numpy as np

        if self.symbol_layer > 0 or len(self.terms) > 1 or not self.is_diagonal:
            return None
        ((weight, string),) = self.terms
        if self.symbol_qubit not in dict(string):
            return np.zeros(len(circuits))
        axis = circuits.axes[:, 0, self.symbol_qubit]
        angle = circuits.theta - circuits.phi if self.opposite == PHI else 0.0
        scale = weight * 0.5 ** (len(string) / 2)
        x, y = -np.sin(angle) * scale, -(np.sin(angle) + np.cos(angle)) * scale
        return np.select([axis == 0, axis == 1], [x, y], 0.0)


@dataclass(frozen=True, kw_only=True)
class IdentityTutorial(Identity):
    """Identity blocks as the tutorial builds them.

    The first block is inverted with an independent angle phi in place of theta.
    """

    family: ClassVar[str] = "identity_tutorial"
    title: ClassVar[str] = "identity blocks (tutorial)"
    theta_is_alone: ClassVar[bool | None] = True
    claims: ClassVar[tuple[str, ...]] = (
        *Identity.claims,
        "plotted_curve_is_a_variance",
    )
    opposite: ClassVar[str] = PHI

    def draw(self, rng: Any) -> dict[str, Any]:
        """Axes and angles, then phi."""
        return super().draw(rng) | {PHI: self.draw_angle(rng)}

    @property
    def sweep(self) -> tuple[Self, int]:
        """A closed form, or none."""
        return self, 0

    @classmethod
    def predict(
        cls, ensembles: Sequence[Self], built: Mapping[str, Any] = NOTHING
    ) -> Iterator[tuple[Self, Prediction]]:
        """The exact moments on layer 0 and outside the light cone."""
        from barren.physics.moments import tutorial_predictions

        for ensemble in ensembles:
            layers, qubit = [ensemble.symbol_layer], ensemble.symbol_qubit
            (found,) = tutorial_predictions(
                ensemble.terms, ensemble.width, layers, qubit, ensemble.sigma
            )
            yield ensemble, found

    @property
    def notebook_draws(self) -> int:
        """An axis and an angle for each rotation, and phi in place of the symbol's."""
        return 2 * self.layers * self.width

    def replay(self, uniform: Any) -> tuple[Any, Any]:
        """Axis and angle of each rotation in turn, phi after the first block."""
        import numpy as np

        samples = len(uniform)
        first = 2 * self.block_depth * self.width - 1
        head = np.insert(uniform[:, :first], 1, np.nan, axis=1)
        # A further block starts with the angle that stands in place of the symbol.
        rest = uniform[:, first + 1 :].reshape(samples, self.blocks - 1, first + 1)
        rest[:, :, [0, 1]] = rest[:, :, [1, 0]]
        pairs = np.concatenate([head, rest.reshape(samples, -1)], axis=1)
        return pairs.reshape(samples, self.layers, self.width, 2), uniform[:, first]


@dataclass(frozen=True, kw_only=True)
class Ansatz(Ensemble):
    """A circuit of your own: a function of qubits that returns a cirq.Circuit.

    Every circuit draws all its parameters, independent. Further keys are the function's
    keyword arguments.
    """

    #: FILE.py:FUNCTION, and what the function is called with besides the qubits.
    source: str
    keywords: tuple[tuple[str, Any], ...] = ()
    #: Names, `first` or `all`: the parameters whose gradients are asked for.
    parameters: tuple[str, ...] = ("first",)
    #: Of these the one that is meant, where a row or a point is about one.
    parameter: str | None = None

    classes: ClassVar[int] = 4
    family: ClassVar[str] = "ansatz"
    title: ClassVar[str] = "ansatz"
    kind: ClassVar[str] = "ansatz"
    gradient_keys: ClassVar[tuple[str, ...]] = (
        "observable",
        "parameters",
        "parameter",
    )

    @property
    def function(self) -> str:
        """The name of the function."""
        return self.source.rpartition(":")[2]

    def keys(self) -> dict[str, Any]:
        """Family, width, the function's name, its keywords, and which derivative."""
        return {
            "family": self.family,
            "width": self.width,
            "circuit": self.function,
            **dict(self.keywords),
            "sigma": self.sigma,
            "observable": self.observable,
            "parameter": self.parameter,
        }

    @property
    def shape_keys(self) -> tuple[str, ...]:
        """The function and its keywords."""
        return "width", "circuit", *dict(self.keywords), "sigma"

    def spec(self) -> dict[str, Any]:
        """All fields, of which `make` makes it again."""
        return {"family": self.family} | {
            of.name: getattr(self, of.name) for of in fields(self)
        }

    @property
    def circuit(self) -> str:
        """Name of the distribution of circuits: function, width and keywords."""
        parts = [self.family, f"width-{self.width}", _safe(self.function)]
        parts += [f"{_safe(key)}-{_safe(str(value))}" for key, value in self.keywords]
        parts += [] if self.sigma is None else [f"sigma-{self.sigma}"]
        return "_".join(parts)

    @property
    def name(self) -> str:
        """Name of the ensemble; with its parameter where it is about one."""
        parameter = "" if self.parameter is None else f"_parameter-{self.parameter}"
        return super().name + parameter

    @property
    def structure(self) -> str:
        """The function and its keywords."""
        return ", ".join([self.function, *(f"{k} {v}" for k, v in self.keywords)])

    @classmethod
    def crossed(cls, entry: Mapping[str, Any]) -> Mapping[str, Sequence[Any]]:
        """Keywords may be single values; parameters are asked for together."""
        lists = {k: v if isinstance(v, list) else [v] for k, v in entry.items()}
        asked = entry.get("parameters", "first")
        return lists | {"parameters": [asked if isinstance(asked, list) else [asked]]}

    @classmethod
    def of_keys(cls, keys: Mapping[str, Any]) -> Self:
        """Keys that are no fields are keywords of the function."""
        known = {of.name for of in fields(cls)}
        own = {key: value for key, value in keys.items() if key in known}
        rest = {k: v for k, v in keys.items() if k not in {*known, "circuit"}}
        own["parameters"] = tuple(own["parameters"])
        return cls(source=keys["circuit"], keywords=tuple(rest.items()), **own)

    @classmethod
    def of_columns(cls, row: Mapping[str, Any]) -> Self:
        """The function's name stands for it; further columns are keywords."""
        row = {columns.WIDTH: 0} | {k: v for k, v in row.items() if k != "family"}
        parameter = row.pop(columns.PARAMETER, None)
        made = cls.of_keys(row | {"parameters": ("first",)})
        return replace(made, parameter=parameter)

    @classmethod
    def displayed(cls, members: Sequence[Self]) -> list[Self]:
        """Of each function the smallest circuit."""
        smallest: dict[str, Self] = {}
        for ensemble in sorted(members, key=cls.count_gates):
            smallest.setdefault(ensemble.source, ensemble)
        return list(smallest.values())

    @property
    def drawing(self) -> str:
        """Name of the figure in which it is displayed."""
        return f"circuit_{self.function}"

    def asked(self, symbols: Sequence[str]) -> list[str]:
        """The parameters that are asked for, of all `symbols`, in their order."""
        names = {"first": symbols[:1], "all": symbols}
        asked = [s for name in self.parameters for s in names.get(name, [name])]
        order = {symbol: place for place, symbol in enumerate(symbols)}
        return sorted(set(asked), key=lambda name: (order.get(name, math.inf), name))

    @property
    def asks_for_several(self) -> bool:  # type: ignore[override]
        """Whether there may be more than one."""
        return self.parameters != ("first",)

    def count_gates(self) -> int:
        """A guess, before the circuit is there: some gates per qubit and layer.

        Whole keywords count layers, if they are not too many.
        """
        layers = math.prod(v for _, v in self.keywords if isinstance(v, int) and v > 0)
        return 4 * self.width * min(layers, MOST_LAYERS)

    @property
    def sweep(self) -> tuple[Self, int]:
        """All parameters at once, gate by gate; in wider ones the cones are guesses."""
        asked = replace(self, parameters=("all",), parameter=None)
        return asked, self.count_gates() if self.width <= LIMIT else 0

    @classmethod
    def predict(
        cls, ensembles: Sequence[Self], built: Mapping[str, Any] = NOTHING
    ) -> Iterator[tuple[Self, Prediction]]:
        """The exact moments for every parameter that is asked for."""
        from barren.physics.ansatz import predictions

        for ensemble in ensembles:
            circuit = built[ensemble.program]
            found = predictions(circuit, ensemble.terms, ensemble.sigma)
            for name in ensemble.asked(circuit["symbols"]):
                yield replace(ensemble, parameter=name), found[name]


def _safe(text: str) -> str:
    """A word of a file's name."""
    return re.sub(r"[^A-Za-z0-9.]+", "-", text)


FAMILIES: dict[str, type[Ensemble]] = {
    of.family: of
    for of in (
        Random,
        Identity,
        IdentityTutorial,
        Ansatz,
    )
}


def make(spec: Mapping[str, Any]) -> Ensemble:
    """The ensemble of some keys; the inverse of `Ensemble.spec`."""
    keys = {k: _frozen(value) for k, value in spec.items()}
    return FAMILIES[keys.pop("family")](**keys)


def _frozen(value: Any) -> Any:
    """A value of JSON with tuples in place of lists."""
    return tuple(map(_frozen, value)) if isinstance(value, list | tuple) else value


def predict(
    ensembles: Iterable[Ensemble], built: Mapping[str, Any] = NOTHING
) -> dict[Ensemble, Prediction]:
    """Exact moments of ensembles of any family, and what came with them.

    built: what `build_circuits` made of circuits of one's own, by program.
    """
    families: dict[type[Ensemble], list[Ensemble]] = {}
    for ensemble in ensembles:
        families.setdefault(type(ensemble), []).append(ensemble)
    return {
        ensemble: prediction
        for family, members in families.items()
        for ensemble, prediction in family.predict(members, built)
    }


def _curves(ensembles: Sequence[E]) -> Iterator[tuple[E, list[E]]]:
    """Ensembles by the sweep that covers them."""
    curves: dict[E, list[E]] = {}
    for ensemble in ensembles:
        curves.setdefault(ensemble.sweep[0], []).append(ensemble)
    yield from curves.items()
