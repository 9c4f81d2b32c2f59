"""Circuits of one's own: ensembles of a function's circuits with random parameters.

Standard library alone, because the workflow imports it too; `building` calls the
functions.
"""

import hashlib
import math
import re
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar, Self

from barren import columns
from barren.physics.ensembles import Ensemble, Prediction, short
from barren.physics.observables import LIMIT

#: Layers that a guess of the gates of one's own circuits allows for.
MOST_LAYERS = 1000


@dataclass(frozen=True, kw_only=True)
class OwnCircuit(Ensemble):
    """A circuit that a function of qubits and keywords returns, as a cirq.Circuit.

    Every circuit draws all its parameters, independent. What is no key of every such
    ensemble is a keyword argument of the function.
    """

    #: FILE.py:FUNCTION, and what the function is called with besides the qubits.
    source: str
    keywords: tuple[tuple[str, Any], ...] = ()
    #: Names, `first` or `all`: the parameters whose gradients are asked for.
    parameters: tuple[str, ...] = ("first",)
    #: Of these the one that is meant, where a row or a point is about one.
    parameter: str | None = None

    gate_by_gate: ClassVar[bool] = True
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
        values = {"family": self.family, "width": self.width, "circuit": self.function}
        values |= dict(self.keywords)
        further = ("sigma", "observable", "parameter")
        return values | {key: getattr(self, key) for key in further}

    @property
    def circuit(self) -> str:
        """Name of the distribution of circuits: function, width and keywords."""
        parts = [self.family, f"width-{self.width}", _name(self.function)]
        parts += [f"{_name(key)}-{_word(str(value))}" for key, value in self.keywords]
        parts += [] if self.sigma is None else [f"sigma-{self.sigma}"]
        return "_".join(parts)

    @property
    def name(self) -> str:
        """Name of the ensemble; with its parameter where it is about one."""
        parameter = "" if self.parameter is None else f"_parameter-{self.parameter}"
        return super().name + parameter

    def told_by(self, keys: Container[str]) -> str:
        """The function and its keywords, those of some keys."""
        function = [self.function] if columns.CIRCUIT_OF in keys else []
        keywords = (f"{k} {short(of)}" for k, of in self.keywords if k in keys)
        return ", ".join([*function, *keywords])

    @classmethod
    def crossed(cls, entry: Mapping[str, Any]) -> Mapping[str, Sequence[Any]]:
        """Keywords may be single values; parameters are asked for together."""
        lists = {k: v if isinstance(v, list) else [v] for k, v in entry.items()}
        asked = entry.get("parameters", "first")
        return lists | {"parameters": [asked if isinstance(asked, list) else [asked]]}

    @classmethod
    def of_keys(cls, keys: Mapping[str, Any]) -> Self:
        """Keys that are no fields are keywords of the function."""
        known = {of.name for of in fields(cls)} - {"source", "keywords", "parameter"}
        own = {key: value for key, value in keys.items() if key in known}
        rest = {k: v for k, v in keys.items() if k not in {*known, "circuit"}}
        own["parameters"] = tuple(own.get("parameters", cls.parameters))
        # In one order, whichever the file has: they make up a name.
        keywords = tuple(sorted(rest.items()))
        return cls(source=keys["circuit"], keywords=keywords, **own)

    @classmethod
    def displayed(cls, members: Sequence[Self]) -> list[Self]:
        """Of each function the smallest circuit."""
        smallest: dict[str, Self] = {}
        for ensemble in sorted(members, key=lambda of: of.gates):
            smallest.setdefault(ensemble.source, ensemble)
        return list(smallest.values())

    @property
    def drawing(self) -> str:
        """Name of the figure in which it is displayed."""
        return f"circuit_{self.function}"

    def asked(self, symbols: Sequence[str]) -> list[str]:
        """The parameters that are asked for, of all `symbols`, in their order."""
        names = {"first": symbols[:1], "all": symbols}
        asked = {s for name in self.parameters for s in names.get(name, [name])}
        return [s for s in symbols if s in asked] + sorted(asked.difference(symbols))

    @property
    def asks_for_several(self) -> bool:
        """Whether there may be more than one."""
        return self.parameters != ("first",)

    @property
    def most_asked(self) -> int:
        """As many as are named; of all a guess."""
        return self.gates if "all" in self.parameters else len(self.parameters)

    @property
    def gates(self) -> int:
        """A guess, before the circuit is there: some gates per qubit and layer.

        Whole keywords count layers, if they are not too many.
        """
        layers = math.prod(v for _, v in self.keywords if isinstance(v, int) and v > 0)
        return 4 * self.width * min(layers, MOST_LAYERS)

    @property
    def sweep(self) -> tuple[Self, int]:
        """All parameters at once, gate by gate; in wider ones the cones are guesses."""
        asked = replace(self, parameters=("all",), parameter=None)
        known = self.classes**self.width <= 4**LIMIT
        return asked, self.gates if known else 0

    @property
    def classes(self) -> int:
        """Uniform angles leave three, if rotations are of single qubits."""
        return 3 if self.sigma is None else 4

    @classmethod
    def predict(
        cls, ensembles: Sequence[Self], built: Mapping[str, Any]
    ) -> Iterator[tuple[Self, Prediction]]:
        """The exact moments for every parameter that is asked for."""
        from barren.physics.moments import predictions
        from barren.physics.pauli_paths import exact_moments

        for ensemble in ensembles:
            circuit = built[ensemble.program]
            symbols = circuit["symbols"]
            arguments = (circuit, ensemble.terms, ensemble.sigma)
            found = predictions(len(symbols), exact_moments, *arguments)
            for name in ensemble.asked(symbols):
                at = symbols.index(name)
                bound = ensemble.norm * circuit["steepest"][at]
                yield replace(ensemble, parameter=name), found[at]._replace(bound=bound)


def _name(name: str) -> str:
    """A name of Python's as a word: none has a "-", so that they stay different."""
    return _word(name.replace("_", "-"))


def _word(text: str) -> str:
    """A word of a file's name; what it cannot say is told apart by a digest."""
    word = re.sub(r"[^A-Za-z0-9.]+", "-", text)
    digest = hashlib.sha256(text.encode()).hexdigest()[:6]
    return word if word == text else f"{word}-{digest}"
