"""Which figures an experiment has: the name of each, how it is drawn, title, caption.

Figures follow from the keys that vary. Standard library alone, because the workflow
takes names, titles and captions from here; `plots` and `drawing` draw what this says.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from barren import columns
from barren.analysis.words import formula, varied
from barren.physics.ensembles import Ensemble, grouped

CURVE, MAP, CIRCUIT = "curve", "map", "circuit"
#: A key along an axis, in words; another key is its own name.
AXES = {
    columns.WIDTH: "width (qubits)",
    columns.DEPTH: "depth (layers)",
    columns.BLOCK_DEPTH: "block depth (layers of U)",
    columns.SIGMA: "sigma of the angles (radians)",
    columns.SYMBOL_LAYER: "layer of the symbol",
    columns.SYMBOL_QUBIT: "qubit of the symbol",
    columns.PARAMETER: "parameter, in circuit order",
}

_POINTS = (
    "Points, where circuits were sampled, are the unbiased variance of the gradient "
    "over the circuits of an ensemble, each circuit with its own theta; bars are 95 % "
    "bootstrap-t intervals, with fewer than 10 circuits all that is possible. "
    "Where it is known, the exact variance of the ensemble is a dash at each point, or "
    "a line where it is known in between; thin lines guide the eye. "
)
_LIMIT = "Dotted, where it is known: the limit of infinite depth. "
_SHALLOW = (
    "Where random circuits leave it, they are too shallow for their width, or their "
    "angles small: the curve flattens because of that, not because the plateau ends. "
)
_FIT = (
    "Dashed: an exponential fitted to three points or more; its slope is that of the "
    "natural logarithm of the variance per qubit. "
)
_STD = (
    "Points, where circuits were sampled, are the population standard deviation of the "
    "gradient (divisor: samples), "
    'which the tutorial plots under the label "variance". Bars, dashes and lines are '
    "the square roots of those of the variance. "
)
_CELLS = (
    "Each cell is an ensemble: the unbiased sample variance over its circuits, and the "
    "exact variance where it is known. White: the variance is 0, as where the symbol "
    "is outside the light cone of the observable. Grey: not asked for, or not known. "
)
_PRODUCTS = "Of the observables the products of two Z are shown. "
_PAIRS = (
    "Boxes are gates. Two dots joined by a line are a CZ gate, a dot and a cross a "
    "CNOT gate. "
)
_GATES = "Gates have Cirq's labels, with the names of the parameters. "
_ROTATIONS = (
    "A small example of the family, with the symbol at its start: sample 0, drawn from "
    "seed SEED. A rotation has its axis and its angle in radians. Shaded: the rotation "
    "by the symbol theta, and in identity blocks the one opposite, by -phi where phi "
    "is independent, by -theta_0 where it starts as the inverse. "
)
_FURTHER = {
    columns.DEPTH: "Lines without marks are exact at every depth. " + _LIMIT,
    columns.PARAMETER: (
        "Parameters are in the order in which they come in the circuit; numbers count "
        "those that were asked for. "
    ),
    columns.SIGMA: (
        "Angles are normally distributed about 0 with standard deviation sigma. Of "
        "uniform angles the exact variance alone is shown, where it is known: a dashed "
        "line. "
    ),
}


Families = Sequence[type[Ensemble]]


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A figure of an experiment.

    kind: variance (or what `quantity` names) as curves against the key x, as heat maps
    over x and y, or the drawing of a circuit. families: those that it shows. fits:
    with the lines fitted to the samples. caption: text where SEED stands for the
    seed; what was sampled is told beside.
    """

    name: str
    title: str
    caption: str
    families: Families
    kind: str = CURVE
    x: str = columns.WIDTH
    y: str = ""
    quantity: str = columns.VARIANCE
    fits: bool = False

    def captioned(self, seed: int) -> str:
        """The caption in an experiment."""
        return self.caption.replace("SEED", str(seed))


def figures_of(ensembles: Iterable[Ensemble]) -> list[Figure]:
    """The figures of an experiment, in their order.

    Curves against each number that varies, maps over the symbol's place and over the
    observable, and a circuit of each family. A figure shows the families in which its
    keys vary, and is left out where these are none; each family with a key that varies
    is in one.
    """
    ensembles = list(ensembles)
    members = grouped(ensembles, lambda of: type(of))
    families = list(members)
    keys = {of: _varied(own) for of, own in members.items()}
    if set().union(*keys.values()) <= {columns.WIDTH}:
        for of in families:
            keys[of].update({of.predicts_every} - {""})

    def varying(*some: str) -> Families:
        return [of for of in families if keys[of].issuperset(some)]

    places = varying(*columns.SYMBOL)
    several = [of for of in families if any(e.asks_for_several for e in members[of])]
    observables = {of: {e.observable for e in own} for of, own in members.items()}
    pairs = [of for of in families if sum(map(is_pair, observables[of])) > 2]
    numbers = _numbers(ensembles)
    for of in families:
        drawn = of in (*several, *pairs) or keys[of] & {columns.WIDTH, *numbers}
        if keys[of] and not drawn:
            # Against what does not vary, but where the theory may know it all.
            keys[of].add(of.predicts_every or columns.WIDTH)
    figures = _against_width(varying(columns.WIDTH))
    for key in numbers:
        mapped = places if key in columns.SYMBOL else []
        figures.append(_against(key, [of for of in varying(key) if of not in mapped]))
    figures += [
        _against(columns.PARAMETER, several),
        _map("symbols", "the symbol's place", columns.SYMBOL, places),
        _map("observables", "observable", columns.QUBITS, pairs),
    ]
    shown = [_circuit(e) for of, own in members.items() for e in of.displayed(own)]
    return [figure for figure in figures if figure.families] + shown


def _varied(ensembles: Sequence[Ensemble]) -> set[str]:
    """The keys that vary, of circuits of one's own within a function."""
    functions = grouped(ensembles, lambda of: of.keys().get(columns.CIRCUIT_OF))
    several = varied(ensembles) & {columns.CIRCUIT_OF}
    return several.union(*map(varied, functions.values()))


def is_pair(observable: str) -> bool:
    """Whether an observable is a product Z_a Z_b."""
    return bool(re.fullmatch(r"Z\d+ Z\d+", observable))


def _numbers(ensembles: Sequence[Ensemble]) -> list[str]:
    """The keys that a curve can stand against, but the width."""
    order = [key for e in ensembles for key in e.shape_keys[1:]]
    items = [item for e in ensembles for item in e.keys().items()]
    found = {key for key, value in items if type(value) in {int, float}}
    return [key for key in dict.fromkeys([*order, *columns.SYMBOL]) if key in found]


def _against_width(families: Families) -> list[Figure]:
    """The families of the first kind with their fits, then those of all kinds."""
    kinds = list(dict.fromkeys(of.kind for of in families))
    if not kinds:
        return []
    kind, both = kinds[0], "_vs_".join(kinds)
    first = [of for of in families if of.kind == kind]
    figures = _widths(f"gradient_variance_{kind}", f"gradient_std_{kind}", first, True)
    if len(kinds) > 1:
        figures += _widths(both, f"{both}_std", families, False)
    return figures


def _widths(variance: str, std: str, families: Families, fits: bool) -> list[Figure]:
    names = ", ".join(of.title for of in families)
    opening = f"against {AXES[columns.WIDTH]}: {names}. "
    has_limit = _have_limit(families)
    return [
        Figure(
            name=variance,
            title=f"Variance against width: {names}",
            caption=f"Gradient variance {opening}{_POINTS}{_LIMIT * has_limit}"
            f"{_SHALLOW * has_limit}{_FIT * fits}",
            families=families,
            fits=fits,
        ),
        Figure(
            name=std,
            title=f"Standard deviation against width: {names}",
            caption=f"Standard deviation of the gradient {opening}{_STD}",
            families=families,
            quantity=columns.STD,
        ),
    ]


def axis(key: str) -> str:
    """A key along an axis, in words."""
    return AXES.get(key, key.replace("_", " "))


def _have_limit(families: Families) -> bool:
    """Whether the limit of infinite depth is known, and all depths before it."""
    return any(of.predicts_every == columns.DEPTH for of in families)


def _against(key: str, families: Families) -> Figure:
    told = key != columns.DEPTH or _have_limit(families)
    return Figure(
        name=f"gradient_variance_by_{key.removeprefix('symbol_')}",
        title=f"Variance against {axis(key).partition(' (')[0]}",
        caption=f"Gradient variance against {axis(key)}. "
        f"{_POINTS}{_FURTHER.get(key, '') * told}",
        families=families,
        x=key,
    )


def _map(of: str, by: str, axes: tuple[str, str], families: Families) -> Figure:
    x, y = axes
    return Figure(
        name=f"gradient_variance_of_{of}",
        title=f"Variance by {by}",
        caption=f"Gradient variance by {by}: {axis(x)} and {axis(y)}. {_CELLS}"
        f"{_PRODUCTS * (x in columns.QUBITS)}",
        families=families,
        kind=MAP,
        x=x,
        y=y,
    )


def _circuit(shown: Ensemble) -> Figure:
    about = _GATES if shown.gate_by_gate else _ROTATIONS
    return Figure(
        name=shown.drawing,
        title=f"A circuit: {shown.title}, {shown.structure}",
        caption=f"A circuit: {shown.title}, width {shown.width}, {shown.structure}. "
        f"{_PAIRS}{about}Grey, on the right: the observable {formula(shown.observable)}"
        f"{', where the whole circuit has room' * shown.gate_by_gate}.",
        families=[type(shown)],
        kind=CIRCUIT,
    )
