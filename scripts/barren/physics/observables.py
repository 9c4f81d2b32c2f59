"""Observables: weighted sums of Pauli strings, and their one spelling.

    sum    = [sign] term (sign term)*
    term   = [weight] factor factor*
    factor = X | Y | Z, followed by the number of its qubit

Case and spaces do not matter to the reader. The names `local` and `global` stand for
the mean of all Z_i and the product of all Z_i: they have terms once a width is given.
This module uses the standard library alone, because the workflow imports it too.
"""

import hashlib
import math
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

#: ((qubit, letter), ...), sorted by qubit; a letter is X, Y or Z.
String = tuple[tuple[int, str], ...]
#: Weight and string.
Term = tuple[float, String]

LOCAL = "local"
GLOBAL = "global"
NAMES = (LOCAL, GLOBAL)

#: Qubits, of a gate or in a light cone, up to which the exact theory tells all Paulis
#: apart: 4^10 numbers, 70 copies. Where rotations of a qubit leave 3 classes it is 12.
LIMIT = 10

#: Magnitudes of weights: their squares, and sums of them, have room.
SMALLEST, LARGEST = 1e-30, 1e30
OUTSIDE = f"allowed: weights from {SMALLEST:g} to {LARGEST:g}"
#: Share of a string's largest weight that is only rounding of their sum.
CANCELLED = 1e-12
#: Length up to which an observable's text names its files.
SLUG_LENGTH = 48

# With the spaces after them: sign and weight of a term, and a factor.
_HEAD = re.compile(r"([+-]?)\s*((?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:E[+-]?[0-9]+)?)?\s*")
_FACTOR = re.compile(r"([XYZ])([0-9]{1,6})(?![0-9])\s*")


class BadInput(Exception):
    """Something a user gave is wrong; the message is one line that says what."""


class NoExactForm(Exception):
    """No exact moments are known here; the message is the reason, in a few words."""


@dataclass(frozen=True)
class Observable:
    """A sum of Pauli strings with real weights, or a name for one at every width.

    Equal sums are equal values; a name equals itself alone, because the sum that it
    stands for depends on the width. Make one by `parse`.
    """

    name: str | None
    strings: tuple[Term, ...]

    @classmethod
    def parse(cls, text: str) -> "Observable":
        """Read a text; raise BadInput with the position of what is wrong."""
        name = text.strip().lower()
        if name in NAMES:
            return cls(name, ())
        return cls(None, _merged(_read(text), text))

    @property
    def text(self) -> str:
        """The one spelling: `parse` of it gives the same value."""
        if self.name is not None:
            return self.name
        terms = [("+-"[w < 0], _spelled(abs(w), string)) for w, string in self.strings]
        text = " ".join(f"{sign} {term}" for sign, term in terms)
        return text[2:] if text.startswith("+") else "-" + text[2:]

    @property
    def slug(self) -> str:
        """The text for file names, of [a-z0-9.] alone: p and m stand for the signs.

        `z0z1`, `0.5z0p0.5z1m0.25x0x2`. Different observables have different slugs; a
        long text is replaced by a digest of it.
        """
        text = self.text.lower().replace(" ", "")
        if len(text) > SLUG_LENGTH:
            return "sum" + hashlib.sha256(self.text.encode()).hexdigest()[:16]
        return text.translate(str.maketrans("+-", "pm"))

    @property
    def norm(self) -> float:
        """What no expectation exceeds: the magnitudes of all weights."""
        return math.fsum(abs(weight) for weight, _ in self.strings) or 1.0

    def terms(self, width: int) -> tuple[Term, ...]:
        """The strings with their weights on qubits 0 to width - 1.

        Raises BadInput if one lies outside.
        """
        if self.name == LOCAL:
            return tuple((1 / width, ((qubit, "Z"),)) for qubit in range(width))
        if self.name == GLOBAL:
            return ((1.0, tuple((qubit, "Z") for qubit in range(width))),)
        for _, string in self.strings:
            last, _ = string[-1]
            if last >= width:
                raise BadInput(
                    f"observable {self.text}: qubit {last} lies outside a circuit of "
                    f"{width} qubits, 0 to {width - 1}"
                )
        return self.strings


def of_z(terms: Sequence[Term]) -> bool:
    """Whether these are products of Z alone."""
    return all(letter == "Z" for _, string in terms for _, letter in string)


def _read(text: str) -> list[Term]:
    """The terms of a sum, from left to right."""
    upper = text.upper()
    at = len(text) - len(text.lstrip())
    terms: list[Term] = []
    while not terms or at < len(text):
        head = _HEAD.match(upper, at)
        assert head is not None  # it may be empty
        sign, number = head.groups()
        if terms and not sign:
            raise _error(text, at, 'expected a factor such as Z0, "+" or "-"')
        weight = float(sign + (number or "1"))
        if weight and not SMALLEST <= abs(weight) <= LARGEST:
            raise _error(text, head.start(2), OUTSIDE)
        at = head.end()
        factors: dict[int, str] = {}
        while (factor := _FACTOR.match(upper, at)) is not None:
            qubit = int(factor[2])
            if qubit in factors:
                raise _error(text, at, f"qubit {qubit} appears twice in a term")
            factors[qubit] = factor[1]
            at = factor.end()
        if not factors:
            identity = number and upper[at : at + 1] in "+-"
            what = "the identity is no term" if identity else "expected a factor"
            raise _error(text, at, f"{what}, write Pauli factors such as Z0")
        terms.append((weight, tuple(sorted(factors.items()))))
    return terms


def _error(text: str, at: int, what: str) -> BadInput:
    names = f" (a name is {' or '.join(NAMES)})" if text.strip().isalpha() else ""
    return BadInput(f"observable {text!r}, position {at + 1}: {what}{names}")


def _merged(terms: list[Term], text: str) -> tuple[Term, ...]:
    """Equal strings added, zero weights dropped, short strings first."""
    weights: dict[String, list[float]] = defaultdict(list)
    for weight, string in terms:
        weights[string].append(weight)
    merged = []
    for string, parts in weights.items():
        weight = math.fsum(parts)  # exact, so that the order does not matter
        if abs(weight) > CANCELLED * max(map(abs, parts)):
            merged.append((weight, string))
    if any(not SMALLEST <= abs(weight) <= LARGEST for weight, _ in merged):
        raise BadInput(f"observable {text!r}: in the sum {OUTSIDE}")
    if not merged:
        raise BadInput(f"observable {text!r}: its terms cancel")
    return tuple(sorted(merged, key=lambda term: (len(term[1]), term[1])))


def _spelled(weight: float, string: String) -> str:
    factors = " ".join(f"{letter}{qubit}" for qubit, letter in string)
    number = repr(weight).removesuffix(".0")
    return factors if number == "1" else f"{number} {factors}"
