"""The families of circuits: one class for each, all of which are listed here."""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

from barren.physics.ensembles import Ensemble, Prediction, grouped
from barren.physics.layered import ANGLES, PHI, Layered, Moment
from barren.physics.observables import of_z
from barren.physics.own_circuits import OwnCircuit

#: Layers to which the theory shows what more depth would do, and up to which width.
FURTHER, NARROW = 200, 12


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
        cls, ensembles: Sequence[Self], built: Mapping[str, Any]
    ) -> Iterator[tuple[Self, Prediction]]:
        """The exact moments at every depth up to the deepest.

        The only curve of a width goes on to `FURTHER` layers, where that is cheap and
        there is an exact form.
        """
        from barren.physics.moments import predictions
        from barren.physics.pair_chain import asymptotic_variance, random_moments

        curves = grouped(ensembles, lambda of: of.sweep[0])
        for curve, members in curves.items():
            deepest = max(ensemble.depth for ensemble in members)
            alone = all(c is curve or c.width != curve.width for c in curves)
            known = len(curve.terms) == 1 or of_z(curve.terms)
            if alone and known and curve.width <= NARROW:
                deepest = max(deepest, FURTHER)
            depths = range(curve.symbol_layer + 1, deepest + 1)
            found = predictions(len(depths), random_moments, curve, depths)
            limit = asymptotic_variance(curve)
            for depth, prediction in zip(depths, found, strict=True):
                prediction = prediction._replace(asymptotic_variance=limit)
                yield replace(curve, depth=depth), prediction

    @property
    def notebook(self) -> list[int]:
        """No angle for the symbol."""
        first, _, *rest = range(2 * self.layers * self.width)
        return [first, *rest]


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

    def told_by(self, keys: Container[str]) -> str:
        """Blocks of twice the layers of U."""
        return f"{self.blocks} × 2 × {self.block_depth} layers"

    @property
    def sweep(self) -> tuple[Self, int]:
        """All layers of the symbol; neither block depth nor blocks matter."""
        curve = replace(self, block_depth=0, blocks=0, symbol_layer=0)
        return curve, self.symbol_layer

    @classmethod
    def predict(
        cls, ensembles: Sequence[Self], built: Mapping[str, Any]
    ) -> Iterator[tuple[Self, Prediction]]:
        """The exact moments, where they are known, for the symbol on any layer of U."""
        from barren.physics.moments import predictions
        from barren.physics.pair_chain import identity_moments, tutorial_moments

        moments = tutorial_moments if cls.opposite == PHI else identity_moments
        curves = grouped(ensembles, lambda of: of.sweep[0])
        for curve, members in curves.items():
            layers = [ensemble.symbol_layer for ensemble in members]
            found = predictions(len(members), moments, curve, layers)
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

        if self.symbol_layer > 0 or len(self.terms) > 1 or not of_z(self.terms):
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

    @property
    def notebook(self) -> list[int]:
        """For the symbol phi, after the first block; others start with an angle."""
        block = 2 * self.block_depth * self.width
        first, phi, *rest = range(block)
        order = [first, *rest, phi]
        for start in range(block, self.blocks * block, block):
            first, second, *rest = range(start, start + block)
            order += [second, first, *rest]
        return order


@dataclass(frozen=True, kw_only=True)
class Ansatz(OwnCircuit):
    """A circuit of your own: a function of qubits that returns a cirq.Circuit."""

    family: ClassVar[str] = "ansatz"
    title: ClassVar[str] = "ansatz"
    kind: ClassVar[str] = "ansatz"


FAMILIES: dict[str, type[Ensemble]] = {
    of.family: of
    for of in (
        Random,
        Identity,
        IdentityTutorial,
        Ansatz,
    )
}


def predict(
    ensembles: Iterable[Ensemble], built: Mapping[str, Any] | None = None
) -> dict[Ensemble, Prediction]:
    """Exact moments of ensembles of any family, and what came with them.

    built: what `building` made of circuits of one's own, by program. By the angle
    of one rotation no gradient exceeds the observable's norm.
    """
    return {
        ensemble: prediction._replace(bound=prediction.bound or ensemble.norm)
        for family, members in grouped(ensembles, lambda of: type(of)).items()
        for ensemble, prediction in family.predict(members, built or {})
    }
