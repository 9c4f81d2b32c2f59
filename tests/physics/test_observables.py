"""Observables: one spelling, names for files, and errors that say where."""

import re

import hypothesis
import pytest
from hypothesis import strategies as st

from barren.physics.observables import BadInput, Observable

strings = st.dictionaries(
    st.integers(0, 30), st.sampled_from("XYZ"), min_size=1, max_size=3
)
weights = st.floats(-1e30, 1e30).filter(lambda weight: abs(weight) > 1e-30)
sums = st.lists(st.tuples(weights, strings), min_size=1, max_size=5)


def spelled(terms):
    return " + ".join(
        f"{weight!r} {' '.join(p + str(q) for q, p in string.items())}"
        for weight, string in terms
    ).replace("+ -", "- ")


@hypothesis.settings(derandomize=True, deadline=None)
@hypothesis.given(sums)
def test_the_one_spelling_reads_as_the_same_value(terms):
    text = spelled(terms)
    try:
        value = Observable.parse(text)
    except BadInput as error:
        assert re.search("cancel|weights from", str(error))
        return
    assert Observable.parse(value.text) == value
    assert Observable.parse(value.text).text == value.text
    assert Observable.parse(spelled(reversed(terms))).text == value.text
    assert re.fullmatch(r"[a-z0-9.]+", value.slug)
    if len(value.slug) < 48 and not value.slug.startswith("sum"):
        signs = value.slug.translate(str.maketrans("pm", "+-"))
        assert Observable.parse(signs) == value
    for weight, string in value.terms(31):
        assert weight != 0
        assert list(string) == sorted(string)


@pytest.mark.parametrize(
    ("text", "canonical", "slug"),
    [
        ("Z0 Z1", "Z0 Z1", "z0z1"),
        ("z1Z0", "Z0 Z1", "z0z1"),
        ("  Y2  X0 ", "X0 Y2", "x0y2"),
        ("-Z3", "-Z3", "mz3"),
        ("+1.0 Z3 + Z3", "2 Z3", "2z3"),
        (
            "- .25 X0 X2+0.5 Z1 +0.5Z0",
            "0.5 Z0 + 0.5 Z1 - 0.25 X0 X2",
            "0.5z0p0.5z1m0.25x0x2",
        ),
        ("1e-7 Z0-Z1 + 1e22 X01", "1e-07 Z0 + 1e+22 X1 - Z1", "1em07z0p1ep22x1mz1"),
        ("Z0 + Z1 - Z0", "Z1", "z1"),
        ("0 Z0 + Z1", "Z1", "z1"),
        (" Local", "local", "local"),
        ("global", "global", "global"),
    ],
)
def test_spellings(text, canonical, slug):
    value = Observable.parse(text)
    assert (value.text, value.slug) == (canonical, slug)


def test_the_order_of_equal_strings_does_not_matter():
    one, other = (f"{a} Z0 + 0.2 Z0 + {b} Z0" for a, b in ((0.1, 0.3), (0.3, 0.1)))
    assert Observable.parse(one) == Observable.parse(other)


def test_a_long_sum_has_a_short_name_for_files():
    names = [
        Observable.parse("+".join(f"Z{q}" for q in range(n))).slug for n in (20, 21)
    ]
    assert len({*names}) == 2
    assert all(re.fullmatch("sum[0-9a-f]{16}", name) for name in names)


def test_names_depend_on_the_width():
    local, whole = Observable.parse("local"), Observable.parse("global")
    assert local.terms(2) == ((0.5, ((0, "Z"),)), (0.5, ((1, "Z"),)))
    assert whole.terms(3) == ((1.0, ((0, "Z"), (1, "Z"), (2, "Z"))),)
    assert local != Observable.parse("0.5 Z0 + 0.5 Z1")


@pytest.mark.parametrize(
    ("text", "position", "what"),
    [
        ("", 1, "expected a factor"),
        ("Z0 +", 5, "expected a factor"),
        ("Z0 Q1", 4, "expected a factor such as Z0"),
        ("Z0 Z", 4, "expected a factor such as Z0"),
        ("locl", 1, "a name is local or global"),
        ("2 local", 3, "expected a factor"),
        ("Z0 + 0.5", 9, "the identity is no term"),
        ("Z0 X0", 4, "qubit 0 appears twice"),
        ("Z0 + 1e999 Z1", 6, "weights from 1e-30 to 1e+30"),
        ("Z0 - 1e-31 Z1", 6, "weights from 1e-30 to 1e+30"),
        ("Z0 * Z1", 4, "expected a factor"),
        ("Z0 ++ Z1", 5, "expected a factor"),
        ("Z0, Z1", 3, "expected a factor"),
        ("nan Z0", 1, "expected a factor"),
        ("Z12345678", 1, "expected a factor"),
        ("Z٣", 1, "expected a factor"),
        ("Zß", 1, "expected a factor"),
    ],
)
def test_errors_have_their_position(text, position, what):
    with pytest.raises(BadInput) as error:
        Observable.parse(text)
    message = str(error.value)
    assert f"position {position}:" in message
    assert what in message
    assert "\n" not in message


def test_what_makes_no_sense_for_a_circuit():
    with pytest.raises(BadInput, match="qubit 4 lies outside a circuit of 4 qubits"):
        Observable.parse("Z0 Z4 + X0").terms(4)
    for text in ("Z0 - Z0", "0.1 Z0 + 0.2 Z0 - 0.3 Z0"):
        with pytest.raises(BadInput, match="cancel"):
            Observable.parse(text)
    sums = "9e29 Z0 + 9e29 Z0", "2e-30 Z0 - 1.5e-30 Z0"
    for text in ("Z0 + 1e999 Z1", "1e31 Z0", "1e-31 Z0", *sums):
        with pytest.raises(BadInput, match="weights from 1e-30 to 1e"):
            Observable.parse(text)
    with pytest.raises(BadInput):
        Observable.parse("?")
