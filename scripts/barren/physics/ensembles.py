"""Ensembles of random circuits: what every family of them has in common.

An *ensemble* is a distribution over circuits together with the derivative that is taken
of them: a family with its width and further keys, the rotation whose angle is the
symbol theta, and the observable. A family is a subclass (see `families`): it says how a
circuit is drawn, which gates it has, and what is known of its gradients. This module
uses the standard library alone, because the workflow imports it too.
"""

import math
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from functools import cached_property
from typing import Any, ClassVar, NamedTuple, Self, TypeVar

from barren.physics.observables import BadInput as BadInput
from barren.physics.observables import Observable, Term

K = TypeVar("K")
T = TypeVar("T")

#: What computes gradients; each has an environment of its name.
TFQ = "tfq"
QSIM = "qsim"
#: TensorFlow Quantum's adjoint derives a gate by a difference over this step of its
#: symbol to either side: too small by (|dU/ds| step)^2 / 6 of it.
TFQ_STEP = 5e-3


class Prediction(NamedTuple):
    """Exact moments of the gradient; None where no exact form is known.

    relative_error: of the variance. The asymptote is that of deep circuits. reason: why
    there is no exact form, in a few words. bound: what no gradient exceeds.
    """

    mean: float | None = None
    second_moment: float | None = None
    variance: float | None = None
    asymptotic_variance: float | None = None
    relative_error: float | None = None
    reason: str | None = None
    bound: float | None = None


@dataclass(frozen=True, kw_only=True)
class Ensemble:
    """One ensemble; a subclass is a family, and its docstring what users read of it.

    The fields are keys of the configuration, of names and of tables; one without a
    default is required. sigma: standard deviation (radians) of normally distributed
    angles, None for uniform ones. observable: its canonical text (see `observables`).
    """

    width: int
    sigma: float | None = None
    observable: str = "Z0 Z1"

    #: Name in the configuration; in words; and of the families it is shown with.
    family: ClassVar[str]
    title: ClassVar[str]
    kind: ClassVar[str]
    #: The keys that say which derivative is taken, not which circuit it is.
    gradient_keys: ClassVar[tuple[str, ...]] = ("observable",)
    #: Whether theta stands once and is independent of all else: with uniform angles the
    #: gradient is then symmetric about 0. None: where an exact form is known.
    theta_is_alone: ClassVar[bool | None] = None
    #: Whether engines and theory take its gates one by one, not in layers.
    gate_by_gate: ClassVar[bool] = False
    #: A key of which the exact theory yields every lesser value too.
    predicts_every: ClassVar[str] = ""
    #: What is claimed of the family, by name (see `analysis.claims`).
    claims: ClassVar[tuple[str, ...]] = (
        "variance_falls_with_width",
        "variance_falls_exponentially",
    )

    @property
    def parameter(self) -> str | None:
        """The symbol that is meant, where a program has several."""
        return None

    @property
    def layers(self) -> int:
        """Layers of rotations that are drawn."""
        return 1

    @property
    def asks_for_several(self) -> bool:
        """Whether its circuits may have more than one symbol that is asked for."""
        return False

    @property
    def most_asked(self) -> int:
        """How many symbols are asked for, at most."""
        return 1

    @property
    def gates(self) -> int:
        """Gates of one circuit."""
        raise NotImplementedError

    def asked(self, symbols: Sequence[str]) -> Sequence[str]:
        """The symbols whose gradients are asked for, of those of its programs."""
        return symbols

    @classmethod
    def predict(
        cls, ensembles: Sequence[Self], built: Mapping[str, Any]
    ) -> Iterator[tuple[Self, Prediction]]:
        """Exact moments of ensembles of the family; by default there is no exact form.

        It may yield more than was asked for, as every lesser depth. built: circuits of
        one's own, by program (see `building`).
        """
        for ensemble in ensembles:
            yield ensemble, Prediction(reason="none is known for this family")

    @property
    def sweep(self) -> tuple[Any, int]:
        """What one sweep of the exact theory covers, and its layers; 0 for none."""
        return self, 0

    @property
    def classes(self) -> int:
        """Classes of Paulis that the exact theory tells apart at a site."""
        return 3

    def first_block(self, circuits: Any) -> tuple[Any, Any] | None:
        """Ensemble and circuits without the blocks that are the identity, if any."""
        return None

    def closed_form(self, circuits: Any) -> Any:
        """Gradients (samples,) that have a closed form for each circuit, or None."""
        return None

    @property
    def notebook(self) -> list[int]:
        """The draws of the tutorial's notebook for a circuit, if it has such circuits.

        In their order, each by its place in an array of axis and angle of all rotations
        (layers, width, 2), where phi has that of the symbol's angle.
        """
        return []

    def draw_angle(self, rng: Any, shape: tuple[int, ...] = ()) -> Any:
        """Angles, radians, uniform or normal with mean 0."""
        if self.sigma is not None:
            return rng.normal(0, self.sigma, shape)
        return rng.uniform(0, 2 * math.pi, shape)

    @cached_property
    def terms(self) -> tuple[Term, ...]:
        """The observable's Pauli strings with their weights."""
        return Observable.parse(self.observable).terms(self.width)

    @cached_property
    def norm(self) -> float:
        """What no expectation of the observable exceeds."""
        return Observable.parse(self.observable).norm

    @classmethod
    def circuit_keys(cls) -> tuple[str, ...]:
        """The keys that say which circuits, in the order of names."""
        known = {of.name for of in fields(Ensemble)} | {*cls.gradient_keys}
        own = (of.name for of in fields(cls) if of.name not in known)
        return "width", *own, "sigma"

    @property
    def shape_keys(self) -> tuple[str, ...]:
        """The columns that say which circuits, in the order of names."""
        others = {"family", "sigma", *self.gradient_keys}
        return *(key for key in self.keys() if key not in others), "sigma"

    def keys(self) -> dict[str, Any]:
        """Family and keys, by column name."""
        values = {of.name: getattr(self, of.name) for of in fields(self)}
        return {"family": self.family} | values

    @property
    def circuit(self) -> str:
        """Name of the distribution of circuits, whatever derivative is taken.

        It is the random stream's key, so that moving the symbol or the observable
        looks at the same circuits.
        """
        parts = [self.family]
        for key in self.circuit_keys():
            if (value := getattr(self, key)) is not None:
                parts.append(f"{key.replace('_', '-')}-{value}")
        return "_".join(parts)

    @property
    def program(self) -> str:
        """Name of the serialised circuits, whatever the observable."""
        return self.circuit

    @property
    def name(self) -> str:
        """Name of the ensemble, as in files' names; a default is left out."""
        if self.observable == Ensemble.observable:
            return self.program
        return f"{self.program}_observable-{Observable.parse(self.observable).slug}"

    def told_by(self, keys: Container[str]) -> str:
        """What the circuits are built of, as far as some keys tell them apart."""
        own = [key for key in self.circuit_keys() if key not in {"width", "sigma"}]
        return ", ".join(f"{key.replace('_', ' ')} {getattr(self, key)}" for key in own)

    @property
    def structure(self) -> str:
        """What the circuits are built of, in words: "depth 50"."""
        return self.told_by(self.shape_keys)

    @classmethod
    def crossed(cls, entry: Mapping[str, Any]) -> Mapping[str, Sequence[Any]]:
        """The values of each key of an entry of the configuration, to be crossed."""
        return entry

    @classmethod
    def of_keys(cls, keys: Mapping[str, Any]) -> Self:
        """The ensemble of one value for each key of an entry."""
        return cls(**keys)

    @classmethod
    def displayed(cls, members: Sequence[Self]) -> list[Self]:
        """The ensembles whose first circuit is drawn: a small one of the family."""
        required = (of.name for of in fields(cls) if of.default is MISSING)
        sizes: dict[str, Any] = dict.fromkeys(required, 2) | {"width": 3}
        return [cls(**sizes)]

    @property
    def drawing(self) -> str:
        """Name of the figure in which it is displayed."""
        return f"circuit_{self.family}"

    def check(self) -> None:
        """Raise BadInput unless the observable lies inside the circuit."""
        assert self.terms


def grouped(items: Iterable[T], key: Callable[[T], K]) -> dict[K, list[T]]:
    """Items by what a function says of them, in the order in which they come."""
    found: dict[K, list[T]] = {}
    for item in items:
        found.setdefault(key(item), []).append(item)
    return found


def short(value: object) -> str:
    """A key's value in words and figures: of a float ten digits."""
    return f"{value:.10g}" if isinstance(value, float) else str(value)


#: Circuits and gates in one call. More of those that TensorFlow Quantum parses do not
#: fit into the processor's cache; qsim's share numpy's calls.
CIRCUITS_AT_ONCE = {TFQ: 10, QSIM: 200}
GATES_AT_ONCE = 200_000


def circuits_at_once(ensemble: Ensemble, engine: str) -> int:
    """Circuits whose gradients are computed in one call."""
    return max(1, min(CIRCUITS_AT_ONCE[engine], GATES_AT_ONCE // ensemble.gates))
