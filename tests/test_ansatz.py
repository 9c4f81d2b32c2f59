"""Circuits of one's own: what is refused, gradients against Cirq, and a whole run."""

import csv
import json
import os
import re
import subprocess
import sys
from contextlib import nullcontext
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import cirq
import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from barren import columns
from barren.analysis.agreement import agreement
from barren.analysis.evidence import Point
from barren.analysis.statistics import summarise
from barren.physics import adjoint, building, gradients
from barren.physics.adjoint import STEP, steepness_of_symbols
from barren.physics.batches import shared_batch
from barren.physics.circuits import sample_parameters
from barren.physics.cirq_gates import symbols_of
from barren.physics.ensembles import QSIM, TFQ, BadInput
from barren.physics.families import Ansatz, predict
from barren.physics.gradients import AUTO, compute_gradients
from barren.physics.observables import Observable
from barren.provenance.recompute import (
    Choice,
    check_gradients,
    tolerance,
)
from barren.runner import configuration, cost
from compute_gradients import write
from conftest import ROOT, run_in
from strategies import observables
from textbook import ABSOLUTE
from tools.predict import main as command_line

HEAD = "import cirq, sympy\n"
GOOD = HEAD + (
    "def line(qubits, depth, axis='X', shift=0.0, open=True):\n"
    "    gates = []\n"
    "    for layer in range(depth):\n"
    "        for n, q in enumerate(qubits):\n"
    "            angle = sympy.Symbol(f't{layer}_{n}')\n"
    "            gates.append({'X': cirq.rx, 'Y': cirq.ry}[axis](angle)(q))\n"
    "        gates += [cirq.CZ(a, b) for a, b in zip(qubits, qubits[1:])]\n"
    "    return cirq.Circuit(gates)\n"
)
ENTRY = {"family": "ansatz", "circuit": "mine.py:line", "width": [3], "depth": 2}


def check(path, text=GOOD, common=None, **entry):
    """Check an experiment whose only file is `mine.py`."""
    (path / "mine.py").write_text(text)
    config = {"experiment": "mine", "seed": 1, "samples": 12, **(common or {})}
    return configuration.check(config | {"ensembles": [ENTRY | entry]})


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def refused(message, *arguments, **options):
    with pytest.raises(BadInput, match=message) as error:
        check(*arguments, **options)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"circuit": "lost.py:line"}, "circuit: no file lost.py"),
        ({"circuit": "mine.py:lin"}, "has no function lin; did you mean line"),
        ({"circuit": "mine.py:ring"}, "has no function ring; it has line"),
        ({"circuit": "mine.py"}, "circuit: got 'mine.py'; allowed: FILE.py:FUNCTION"),
        ({"circuit": "/tmp/mine.py:line"}, "/tmp/mine.py: allowed: a file in the work"),
        ({"circuit": "../mine.py:line"}, "../mine.py: allowed: a file in the working"),
        ({"circuit": "{mine}.py:line"}, "{mine}.py: allowed: .* without braces"),
        ({"parameter": "a"}, "parameter: line has no such keyword"),
        ({"source": "a"}, "source: line has no such keyword"),
        ({"keywords": "a"}, "keywords: line has no such keyword"),
        ({"depht": 2}, "depht: line has no .*; did you mean depth"),
        ({"qubits": 2}, "qubits: line has no such keyword"),
        ({"theta": 2}, "theta: line has no .*; it has depth, axis"),
        ({"depth": 0}, "depth: allowed: integers, at least 1"),
        ({"depth": "two"}, "depth: allowed: integers, at least 1"),
        ({"axis": ["X", 1]}, "axis: got integers and strings; .* one type"),
        ({"axis": ["X", "1e3"]}, "axis: got '1e3'; .* text that is not"),
        ({"axis": "nan"}, "axis: got 'nan'; .* text that is not"),
        ({"axis": "TRUE"}, "axis: got 'TRUE'; .* text that is not"),
        ({"axis": " a"}, "axis: got ' a'; .* one line of text"),
        ({"axis": "a\nb"}, r"axis: got 'a\\nb'; .* one line of text"),
        ({"shift": float("inf")}, "shift: got inf"),
        ({"axis": [1, 10**20]}, "axis: got 10{20}; allowed: numbers up to"),
        ({"axis": 1e300}, r"axis: got 1e\+300; allowed: numbers up to"),
        ({"axis": {"a": 1}}, "axis: .*allowed: number or string or boolean"),
        ({"width": [3, 3]}, "width: .* distinct integers"),
        ({"parameters": "last"}, "parameters: got 'last'; allowed: `first`, `all`; or"),
        ({"parameters": []}, r"parameters: got \[\]"),
        ({"observable": ["Z0 Q1"]}, "'Z0 Q1', position 4: expected a factor"),
        (
            {"observable": ["Z0 Z5"], "width": [8, 4]},
            "qubit 5 lies outside a circuit of 4",
        ),
        ({"observable": [[0, 1]]}, "got .*; allowed: string"),
        ({"sigma": [0]}, "sigma.0: got 0; allowed: number, 0.0001 to 10"),
        ({"observable": ["1e40 Z0"]}, "weights from 1e-30 to 1e"),
    ],
)
def test_bad_entries_are_one_line(tmp_path, entry, message):
    refused(message, tmp_path, **entry)


@pytest.mark.parametrize(
    ("text", "entry", "message"),
    [
        ("def line(:", {}, "mine.py is not valid Python: invalid"),
        ("def line(): pass", {}, "line needs a first argument, the qubits"),
        ("def line(qubits, depth, reps): pass", {}, "reps: line needs this keyword"),
        ("def line(qubits, depth, *, k): pass", {}, "k: line needs this keyword"),
        ("def line(qubits, depth, width): pass", {}, "width: a keyword .* rename"),
        ("def line(qubits, depth, layer): pass", {}, "layer: a keyword .* rename"),
        ("def line(qubits, depth, mean): pass", {"mean": 1}, "mean: .* rename"),
        (
            "def line(qubits, **keys): pass",
            {"blocks": 1.5},
            "blocks: allowed: integers",
        ),
        ("def line(qubits, **keys): pass", {"variance": 1}, "variance: line has no"),
    ],
)
def test_bad_functions_are_one_line(tmp_path, text, entry, message):
    refused(message, tmp_path, text, **entry)


@pytest.mark.parametrize(
    ("common", "message"),
    [
        ({"differentiator": "parameter_shift"}, "differentiator: .* adjoint"),
        ({"stream": "notebook"}, "stream: the notebook has no family ansatz"),
        ({"observable": "Z0 +"}, "'Z0 \\+', position 5: expected a factor"),
    ],
)
def test_what_circuits_of_ones_own_do_not_have(tmp_path, common, message):
    refused(message, tmp_path, common=common)


def test_two_functions_of_one_name(tmp_path):
    (tmp_path / "other.py").write_text(GOOD)
    (tmp_path / "mine.py").write_text(GOOD)
    other = ENTRY | {"circuit": "other.py:line", "depth": 5}
    config = {"experiment": "mine", "seed": 1, "ensembles": [ENTRY, other]}
    with pytest.raises(BadInput, match=r"mine.py and other.py both define line"):
        configuration.check(config)
    entry = {"family": "ansatz", "width": [2], "circuit": "mine.py:random"}
    with pytest.raises(BadInput, match="random is the name of a family; rename"):
        configuration.check(config | {"ensembles": [entry]})


@pytest.mark.parametrize(
    "entry",
    [
        {"observable": ["local", "global"], "width": [2, 9]},
        {"axis": ["X", "Y"], "shift": [0.5, -1.0], "open": [True, False]},
        {"axis": "NA", "depth": [1, 2]},
        {"parameters": ["t1_0", "first"]},
        {"common": {"engine": "qsim"}},
    ],
)
def test_good_entries(tmp_path, entry):
    assert check(tmp_path, **entry).ensembles


def test_a_circuit_is_built_with_all_parameters_that_are_asked_for(tmp_path):
    """Of each observable others."""
    (tmp_path / "mine.py").write_text(GOOD)
    entries = [
        ENTRY | {"width": [2], "observable": [of], "parameters": [name]}
        for of, name in (("Z0", "a"), ("X0", "b"), ("Y0", "a"))
    ]
    config = {"experiment": "mine", "seed": 1, "samples": 12, "ensembles": entries}
    (own,) = configuration.check(config).own_circuits.values()
    assert own.parameters == ("a", "b")


def test_large_numbers_are_no_layers(tmp_path):
    """A seed among the keywords is not taken for the size of the circuit."""
    text = "def line(qubits, depth, seed): pass"
    assert check(tmp_path, text, seed=123456789).ensembles


def test_a_key_that_yaml_takes_for_no_text_is_one_line():
    """As `on`, `off` and numbers."""
    for key in (True, 1, None):
        entry = ENTRY | {key: 2}
        config = {"experiment": "mine", "seed": 1, "ensembles": [entry]}
        with pytest.raises(BadInput, match="allowed: names of Python arguments"):
            configuration.check(config)


def test_names_of_files_have_room_for_the_keywords(tmp_path):
    keywords = {f"k{number}": "x" * 40 for number in range(5)}
    text = "def line(qubits, **keywords): pass"
    refused("line has too many or too long keywords", tmp_path, text, **keywords)


# What only a call can tell.


def build(text, parameters=("first",), **keywords):
    Path("mine.py").write_text(HEAD + text)
    ensemble = Ansatz(
        width=2,
        source="mine.py:f",
        keywords=tuple(keywords.items()),
        parameters=parameters,
    )
    building.load.cache_clear()
    return building.build(ensemble)


#: Half a turn, and a whole one, in two steps of the engine in numpy.
STEEPEST = np.pi / 2 / STEP, np.pi / STEP


@pytest.mark.parametrize(
    ("multiple", "lost"),
    [(1, 1e-4), (30.9, 1.1e-3), (200, 0.042), *((of, 1) for of in STEEPEST)],
)
def test_gates_that_turn_fast_are_refused(multiple, lost, monkeypatch, tmp_path):
    """Where TensorFlow Quantum's differences lose more than a thousandth.

    Also where a difference of the engine in numpy sees half turns, or whole ones.
    """
    monkeypatch.chdir(tmp_path)
    text = f"""def f(q):
    return cirq.Circuit(cirq.rx({multiple} * sympy.Symbol("a"))(q[0]), cirq.X(q[1]))
"""
    data = build(text)
    ensemble = Ansatz(width=2, source="mine.py:f", observable="Z0")
    batch = drawn(ensemble, data, 1, range(20))
    one, other = (
        compute_gradients(ensemble, batch, engine, "adjoint") for engine in (TFQ, QSIM)
    )
    off = np.abs(one - other).max() / multiple
    assert off < lost
    assert off > 0.8 * lost or multiple in (1, *STEEPEST)
    told = pytest.raises(BadInput, match=r"of a gate turns .* give a a smaller unit")
    with told if multiple > 31 else nullcontext():
        building.check_speed(ensemble, data)


@pytest.mark.parametrize("gate", ["rx(32.2 * a)", "X**(5.125 * a)", "CX**(5.125 * a)"])
def test_how_fast_a_gate_turns_counts_its_phase(gate):
    """R_X(t) has the eigenvalues exp(-i t / 2) and exp(i t / 2), X^t 1 and exp(i pi t).

    Of either TensorFlow Quantum's differences lose the same.
    """
    qubits = "*q" if gate.startswith("CX") else "q[0]"
    told = f"a = sympy.Symbol('a')\nf = lambda q: cirq.Circuit((cirq.{gate})({qubits}))"
    ensemble = Ansatz(width=2, source="mine.py:f")
    with pytest.raises(BadInput, match=r"turns by 16.1 radians .* for up to 15:"):
        building.check_speed(ensemble, build(told))


RESET = """\
def f(q):
    return cirq.Circuit(cirq.reset(q[0]), cirq.rx(sympy.Symbol("a"))(q[0]))
"""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import lost", "mine.py: ModuleNotFoundError: No module named 'lost'"),
        ("raise SystemExit(3)", "mine.py: SystemExit: 3"),
        ("f = lambda q: 1 / 0", "2 qubits: ZeroDivisionError: division by zero"),
        ("f = lambda q: exit('a\\nb')", "SystemExit: a b"),
        ("f = lambda q: q", "returns a list, not a cirq.Circuit"),
        ("f = lambda q: None", "returns a NoneType, not a cirq.Circuit"),
        (
            "import random\n"
            "def f(q):\n"
            "    angle = random.random() * sympy.Symbol('a')\n"
            "    return cirq.Circuit(cirq.rx(angle)(q[0]))",
            "returns another circuit each time it is called",
        ),
        ("f = lambda q: cirq.Circuit(cirq.X(q[0]))", "has no symbols"),
        (
            "f = lambda q: cirq.Circuit(cirq.rx(sympy.Symbol('a'))(cirq.q(1, 1)))",
            r"acts on q\(1, 1\), which it was not given",
        ),
        (
            "f = lambda q: cirq.Circuit(cirq.rx(sympy.Symbol('a'))(q[0]), cirq.T(q[1]),"
            " cirq.MatrixGate(cirq.unitary(cirq.CZ))(*q))",
            "TensorFlow Quantum has no gate .*0.*0.*0.*1",
        ),
        (
            "f = lambda q: cirq.Circuit(cirq.rx(sympy.Symbol('a') ** 2)(q[0]))",
            r"TensorFlow Quantum has no gate Rx\(a\*\*2",
        ),
        (
            "f = lambda q: cirq.Circuit(cirq.measure(*q),"
            " cirq.rx(sympy.Symbol('a'))(q[0]))",
            "measures before its end",
        ),
        (RESET, r"mine.py:f: reset\(q\(0, 0\)\) is not unitary"),
        ("f = lambda q: cirq.Circuit(cirq.rx(sympy.Dummy())(q[0]))", "another circuit"),
        *(
            (
                f"f = lambda q: cirq.Circuit(cirq.rx({of})(q[0]))",
                r"TensorFlow Quantum has no gate Rx\(.*; of symbols it takes one",
            )
            for of in ("sympy.sin(sympy.Symbol('a'))", "1 / sympy.Symbol('a')")
        ),
        (
            "f = lambda q: cirq.Circuit("
            "cirq.X(q[0]).with_probability(sympy.Symbol('a')))",
            r"TensorFlow Quantum has no gate X\[prob=a\]",
        ),
        (
            "f = lambda q: cirq.Circuit(cirq.rx(sympy.Symbol('a'))(q[0]),"
            " cirq.depolarize(0.1)(q[0]))",
            "depolarize.* is not unitary",
        ),
        (
            "f = lambda q: cirq.Circuit(cirq.rx(sympy.Symbol('a'))(q[0])"
            ".controlled_by(q[1], control_values=[(0, 1)]))",
            "is another gate in TensorFlow Quantum",
        ),
        (
            "f = lambda q: cirq.Circuit(cirq.rx(sympy.Symbol('a'))(q[0]),"
            " cirq.rx(float('nan'))(q[0]))",
            "mine.py:f: ",
        ),
        ("f = lambda q: cirq.Circuit(cirq.rx(sympy.Symbol(''))(q[0]))", "the name ''"),
        (
            "f = lambda q: cirq.Circuit(cirq.rx(sympy.Symbol('a\\nb'))(q[0]))",
            r"the name 'a\\nb'",
        ),
        (
            "import sys; sys.path.insert(0, ''); import helper",
            "mine.py: it imports .*helper.py, which no record",
        ),
        (
            "def f(q):\n    import sys; sys.path.insert(0, ''); import helper2\n"
            "    return cirq.Circuit(cirq.rx(sympy.Symbol('a'))(q[0]))",
            "mine.py: it imports .*helper2.py, which no record",
        ),
        (
            "f = lambda q: cirq.Circuit(cirq.rx(sympy.Symbol('a'))(q[0]),"
            " cirq.CircuitOperation(cirq.FrozenCircuit(cirq.CZ(*q))))",
            "has no gate .*; cirq.unroll_circuit_op.circuit, deep=True, "
            "tags_to_check=None. makes gates of it$",
        ),
        *(
            (
                f"f = lambda q: cirq.Circuit(cirq.rx(sympy.Symbol('a'))(q[0]), {of})",
                "TensorFlow Quantum has no gate .*; cirq.decompose makes gates of it$",
            )
            for of in (
                "cirq.qft(*q)",
                "cirq.X(q[0]) * cirq.Y(q[1])",
                "cirq.PauliStringPhasor(cirq.Z(q[0]) * cirq.Z(q[1]), "
                "exponent_neg=sympy.Symbol('b'))",
            )
        ),
    ],
)
def test_what_is_wrong_with_a_circuit_is_one_line(text, message):
    for name in ("helper.py", "helper2.py"):
        Path(name).touch()
    with pytest.raises(BadInput, match=message) as error:
        build(text)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "exact"),
    [
        ("rx(sympy.Symbol('a'))(q[0]), cirq.measure(*q)", True),
        ("rx(sympy.Symbol('a')).on_each(*q), cirq.measure_each(*q)", False),
        ("rx(sympy.Symbol('a'))(q[0]), cirq.H(q[1]), cirq.measure_each(*q)", True),
        ("ry(sympy.Symbol('a'))(q[0]), cirq.CZ(*q), cirq.Moment()", True),
        ("rx(sympy.Symbol('a', real=True))(q[0]), cirq.CZ(*q)", True),
        ("rx(sympy.Symbol('a'))(q.pop()), cirq.ry(sympy.Symbol('b'))(q.pop())", True),
        ("rx(sympy.pi / 4)(q[0]), cirq.rx(sympy.Symbol('a'))(q[0])", True),
        ("rx(sympy.Symbol('a'))(q[0]), cirq.decompose(cirq.qft(*q))", False),
        ("rx(sympy.Symbol('a'))(q[0]), cirq.rx(sympy.pi / 4)(q[0])", False),
        ("rx(sympy.Symbol('a'))(q[0]), cirq.rx(0 * sympy.Symbol('b'))(q[0])", True),
    ],
)
def test_what_users_write_is_built(text, exact):
    """Measurements in the end, symbols of reals, sympy's numbers, qubits taken away."""
    built = build(f"f = lambda q: cirq.Circuit(cirq.{text})")
    of = Ansatz(width=2, source="mine.py:f", observable="global")
    (known,) = predict([of], {of.program: built}).values()
    assert built["symbols"][0] == "a" and (known.variance is not None) == exact
    batch = drawn(of, built, 1, range(5))
    found = [compute_gradients(OWN, batch, e, AUTO)[:, 0] for e in (TFQ, QSIM)]
    np.testing.assert_allclose(*found, rtol=0, atol=1e-4)


def test_a_file_is_read_whatever_was_compiled_before(monkeypatch, tmp_path):
    """Of another one of the same size and date, as files from an archive have."""
    monkeypatch.setattr("sys.dont_write_bytecode", False)
    path = tmp_path / "mine.py"
    for number in (1, 2):
        path.write_text(f"n = {number}\n")
        os.utime(path, (1e9, 1e9))
        assert building.load.__wrapped__(path)["n"] == number


RX = """\
def f(q, n=2):
    return cirq.Circuit(cirq.rx(sympy.Symbol(x))(q[0]) for x in 'ba'[:n])
"""


def test_parameters_that_a_circuit_lacks():
    with pytest.raises(BadInput, match="2 qubits, n=1 has no a; it has b"):
        build(RX, ("b", "a"), n=1)


def test_parameters_are_in_the_order_of_the_circuit():
    assert build(RX)["symbols"] == ["b", "a"]
    asked = Ansatz(width=2, source="f.py:f", parameters=("a", "first")).asked("ba")
    assert asked == ["b", "a"]


def test_symbols_of_one_gate_are_in_the_order_of_the_alphabet():
    """Not in that of a set, which differs from process to process."""
    names = [(f"b{n}", f"a{n}") for n in range(9)]
    gates = (cirq.FSimGate(*map(sympy.Symbol, of)) for of in names)
    circuit = cirq.Circuit(gate(*QUBITS[:2]) for gate in gates)
    expected = [name for of in names for name in sorted(of)]
    assert symbols_of(circuit) == expected


def test_a_drawing_has_the_labels_of_cirq():
    one, other, _ = QUBITS
    circuit = cirq.Circuit(cirq.CNOT(other, one), cirq.X(one) ** 0.25)
    labels = [[[[1, 0], ["@", "X"]]], [[[0], ["X^0.25"]]]]
    assert building.drawing(circuit, QUBITS) == labels


def test_what_python_and_cirq_have_in_sets_is_the_same_in_every_process():
    Path("mine.py").write_text(
        HEAD
        + """
def f(q):
    names = {f"{n}" for n in range(20)}
    terms = cirq.PauliSum()
    for one, *others in zip(q, q[1:], q[2:], q[3:], q[4:]):
        terms += cirq.Z(one) * cirq.X(others[0]) * cirq.Y(others[1]) * cirq.Z(others[2])
    turns = (cirq.PauliStringPhasor(of, exponent_neg=sympy.Symbol("a")) for of in terms)
    return cirq.Circuit(
        (cirq.rx(sympy.Symbol(of))(q[0]) for of in names), cirq.decompose(turns)
    )
"""
    )
    entry = {"family": "ansatz", "circuit": "mine.py:f", "width": [6]}
    config = {"experiment": "mine", "seed": 1, "ensembles": [entry]}
    part = json.dumps(configuration.check(config).config)

    def printed_by(script, *arguments):
        command = [sys.executable, "-s", "-E", ROOT / "scripts" / script, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True)

    paths = [Path("1.json"), Path("2.json")]
    given = ["--ensembles", part, "--sources", "mine.py", "--circuits"]
    for path in paths:
        printed_by("build_circuits.py", *given, path)
    one, other = (path.read_text() for path in paths)
    assert one == other
    every = ["--circuit", "mine.py:f", "--width", "6", "--parameters", "all"]
    rows = csv.DictReader(printed_by("tools/predict.py", *every).stdout.splitlines())
    assert [row["parameter"] for row in rows] == json.loads(one)["symbols"]


# The command line of the exact theory.


def printed(capsys, arguments):
    building.load.cache_clear()
    Path("mine.py").write_text(GOOD)
    command_line(arguments.split())
    return [*csv.DictReader(capsys.readouterr().out.splitlines())]


def test_the_command_line_reads_what_tables_print(capsys):
    row, *_ = printed(
        capsys, "--circuit mine.py:line --width 2 --set depth=1 open=False"
    )
    assert row["open"] == "False"


def test_the_command_line_predicts_every_parameter(capsys):
    rows = printed(
        capsys,
        "--circuit mine.py:line --width 2 3 --set depth=1 depth=2 axis=Y open=true"
        " --observable local --parameters all",
    )
    keys = ["width", "depth", "axis", "open", "observable", "parameter"]
    assert [*rows[0]] == [*keys, *columns.THEORY]
    found = {tuple(row[key] for key in keys): row["exact_variance"] for row in rows}
    assert len(found) == 2 + 3 + 4 + 6
    order = [*zip(*([row[key] for row in rows] for key in keys[:2]), strict=True)]
    assert order == sorted(order) and rows[0]["parameter"] == "t0_0"
    # One layer: <Z_q> = cos t_q, over all angles E (sin t / n)^2 = 1 / (2 n^2).
    assert float(found["3", "1", "Y", "True", "local", "t0_1"]) == 1 / 18


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--circuit mine.py:line --set depth=1", "--width: the family ansatz needs it"),
        ("--circuit mine.py:line --width 2", "depth: line needs this keyword"),
        ("--circuit mine.py:line --width 2 --depth 3", "--depth: the family ansatz"),
        ("--circuit mine.py:line --width 2 --set depth", "--set: 'depth' is not KEY="),
        ("--circuit mine.py:line --width 2 --set depth=1 shift=NaN", "shift: got nan"),
        (
            "--circuit mine.py:line --width 2 --set width=1",
            "--set: width is no key",
        ),
        ("--width 4 --depth 2 --sigma 1e300", "more than can be computed ("),
        ("--circuit mine.py:lin --width 2 --set depth=1", "did you mean line"),
        (
            "--circuit mine.py --width 2 --set depth=1",
            "--circuit: 'mine.py' is not FILE",
        ),
        ("--width 2 --depth 1 --set depth=1", "--set: only with --circuit"),
        ("--width 2 --depth 1 --parameters a", "--parameters: only with --circuit"),
        (
            "--circuit mine.py:line --width 2 --set depth=1 --parameters z",
            "has no z; it has t0_0, t0_1",
        ),
    ],
)
def test_the_command_line_refuses(capsys, arguments, message):
    with pytest.raises(SystemExit) as error:
        printed(capsys, arguments)
    assert error.value.code == 2
    assert message in capsys.readouterr().err.splitlines()[-1]


# Gradients, against Cirq's simulator; the angles of every parameter by the shift's
# definition, a central difference of the exact expectation.

QUBITS = cirq.GridQubit.rect(1, 3)
SINGLE = [cirq.XPowGate, cirq.YPowGate, cirq.ZPowGate, cirq.HPowGate]
DOUBLE = [
    cirq.CZPowGate,
    cirq.CXPowGate,
    cirq.SwapPowGate,
    cirq.ISwapPowGate,
    cirq.XXPowGate,
    cirq.YYPowGate,
    cirq.ZZPowGate,
]
# Turns about an axis that turns, and gates of two symbols.
A, B, C, D = sympy.symbols("a b c d")
BENT = [
    cirq.PhasedXPowGate(phase_exponent=A / sympy.pi, exponent=0.3),
    cirq.PhasedXPowGate(phase_exponent=A / sympy.pi, exponent=-2 * B / sympy.pi),
    cirq.PhasedISwapPowGate(phase_exponent=B / sympy.pi, exponent=0.7),
    cirq.FSimGate(A, 0.5 * B),
]
FIXED = [cirq.T, cirq.S, cirq.H, cirq.CZ, cirq.CNOT, cirq.FSimGate(0.3, 0.5)]


@st.composite
def circuits(draw):
    """Gates that TensorFlow Quantum serialises; symbols may stand several times."""
    symbols = sympy.symbols("a b c")
    operations = [cirq.rx(symbols[0])(QUBITS[0])]
    for _ in range(draw(st.integers(1, 8))):
        qubits = draw(st.permutations(QUBITS))
        gate = draw(st.sampled_from([*SINGLE, *DOUBLE, *BENT, *FIXED]))
        if isinstance(gate, type):
            multiple = draw(st.sampled_from([1, -1, 2, 0.5]))
            exponent = multiple * draw(st.sampled_from(symbols)) / sympy.pi
            gate = gate(
                exponent=exponent, global_shift=draw(st.sampled_from([0, -0.5]))
            )
        operation = gate(*qubits[: cirq.num_qubits(gate)])
        if draw(st.booleans()) and cirq.num_qubits(gate) == 1:
            operation = operation.controlled_by(qubits[-1])
        operations.append(operation)
    return cirq.Circuit(operations)


def drawn(ensemble, data, seed, samples):
    """A batch of a built circuit."""
    circuits = sample_parameters(ensemble, data, seed, samples)
    return shared_batch(samples, circuits, data)


def expected_gradients(circuit, names, values, observable, qubits=QUBITS):
    """Central differences, their error below 1e-8 for angles in radians."""
    terms = Observable.parse(observable).terms(len(qubits))
    paulis = cirq.PauliSum.from_pauli_strings(
        cirq.PauliString(weight, {qubits[q]: getattr(cirq, p) for q, p in string})
        for weight, string in terms
    )

    def expectation(angles):
        resolved = cirq.resolve_parameters(
            circuit, dict(zip(names, angles, strict=True))
        )
        simulator = cirq.Simulator(dtype=np.complex128)
        (value,) = simulator.simulate_expectation_values(
            resolved, paulis, qubit_order=qubits
        )
        return value.real

    step = 1e-4
    steps = step * np.eye(len(names))
    return [
        (expectation(values + up) - expectation(values - up)) / (2 * step)
        for up in steps
    ]


@settings(max_examples=25)
@given(circuits(), observables(3))
def test_gradients_are_those_of_cirq(circuit, observable):
    ensemble = Ansatz(
        width=3, source="f.py:f", observable=observable, parameters=("all",)
    )
    data = building.built(circuit, ensemble, QUBITS)
    batch = drawn(ensemble, data, 5, range(2))
    exact = [
        expected_gradients(circuit, batch.symbols, values, observable)
        for values in batch.circuits.values
    ]
    # TensorFlow Quantum takes central differences at each gate, and six digits of an
    # exponent; qsim has single precision alone.
    for engine, error in ((TFQ, 3e-4), (QSIM, ABSOLUTE)):
        found = compute_gradients(ensemble, batch, engine, AUTO)
        np.testing.assert_allclose(found, exact, rtol=0, atol=error * ensemble.norm)


def speeds_of(batch):
    """|dU/ds| of the gates of each symbol."""
    text = batch.circuits.circuit.item()
    found = steepness_of_symbols(text, batch.symbols)
    return [[gate.speed for gate in gates] for gates in found]


@pytest.mark.parametrize("observable", ["Z0 Z1", "0.5 X0 - 2 Z1 Z2"])
@pytest.mark.parametrize(
    ("name", "shared"),
    [("hardware_efficient", 1), ("efficient_su2", 1), ("ising_hva", 5)],
)
def test_both_engines_agree_on_the_ansatze_that_are_shipped(name, shared, observable):
    """All parameters, within what the audit allows; and qsim with Cirq."""
    ensemble = Ansatz(
        width=5,
        source=f"{ROOT}/config/ansatze.py:{name}",
        keywords=(("depth", 3),),
        observable=observable,
        parameters=("all",),
    )
    batch = drawn(ensemble, building.build(ensemble), 5, range(3))
    speeds = speeds_of(batch)
    assert max(map(len, speeds)) == shared
    np.testing.assert_allclose(np.concatenate(speeds), 1 / 2, rtol=1e-6)
    theirs, ours = (compute_gradients(ensemble, batch, e, AUTO) for e in (TFQ, QSIM))
    assert np.abs(ours).max() > 0.1
    for at, speed in enumerate(speeds):
        allowed = tolerance(
            ensemble.norm, speed, batch.circuits.values[:, at], batch.units[at]
        )
        assert np.all(np.abs(theirs - ours)[:, at] < allowed)
    exact = expected_gradients(
        cirq.read_json(json_text=batch.circuits.circuit.item().decode()),
        batch.symbols,
        batch.circuits.values[0],
        observable,
        cirq.GridQubit.rect(1, 5),
    )
    np.testing.assert_allclose(ours[0], exact, rtol=0, atol=ABSOLUTE * ensemble.norm)


def test_what_is_not_asked_for_is_not_computed():
    data = building.built(hardware_efficient(), OWN, PLACE)
    batch = drawn(OWN, data, 1, range(2))
    every = compute_gradients(replace(OWN, parameters=("all",)), batch, QSIM, AUTO)
    some = compute_gradients(replace(OWN, parameters=("y1_1",)), batch, QSIM, AUTO)
    at = batch.symbols.index("y1_1")
    np.testing.assert_allclose(some[:, at], every[:, at], rtol=0, atol=ABSOLUTE)
    assert np.abs(some[:, at]).max() > 1000 * ABSOLUTE
    assert np.count_nonzero(some) == 2


def test_each_symbol_of_a_gate_has_its_own_speed():
    """Z^a X^2b Z^-a: as fast as the phase turns, and as the gate does."""
    text = cirq.to_json(cirq.Circuit(BENT[1](QUBITS[0]))).encode()
    found = [gate for (gate,) in steepness_of_symbols(text, "ab")]
    assert [gate.speed for gate in found] == pytest.approx([1, 2], rel=0.01)
    # With a percent for what other places might have.
    assert [gate.bound for gate in found] == pytest.approx([2.02, 2.02], rel=1e-3)
    # The phase of a gate has no part in the bound.
    text = cirq.to_json(cirq.Circuit((cirq.X**A)(QUBITS[0]))).encode()
    assert steepness_of_symbols(text, "a") == [[pytest.approx((np.pi,) * 3)]]
    assert {gate.frequency for gate in found} == {np.inf}


@pytest.mark.parametrize("gate", ["rx(30 * a)", "X**(4.8 * a)"])
def test_the_bound_of_one_symbol_is_that_of_its_rotation(gate):
    """Also of the fastest that is taken; only several symbols have a percent more."""
    data = build(
        f"a = sympy.Symbol('a')\nf = lambda q: cirq.Circuit((cirq.{gate})(q[0]))"
    )
    turns = 30 if gate.startswith("rx") else 4.8 * np.pi
    assert data["steepest"] == pytest.approx([turns], rel=1e-9)


def test_each_parameter_has_its_own_bound_or_a_reason():
    of = replace(OWN, width=2, parameters=("all",), observable="2 Z0 Z1")
    turns = "cirq.rx(sympy.Symbol('a'))(q[0]), cirq.rx(3 * sympy.Symbol('b'))(q[1])"
    for more, reason in (("", None), (", cirq.CZ(*q) ** sympy.Symbol('c')", "no rot")):
        data = build(f"f = lambda q: cirq.Circuit({turns}{more})")
        known = {k.parameter: p for k, p in predict([of], {of.program: data}).items()}
        assert known["a"].bound == pytest.approx(2, rel=1e-6)
        assert known["b"].bound == pytest.approx(6, rel=1e-6)
        assert (reason or "") in (known["a"].reason or "")
        assert (known["a"].variance is None) == (reason is not None)


@pytest.mark.parametrize("sigma", [None, 0.5])
def test_the_exact_form_is_that_of_the_light_cone(sigma):
    """Shared parameters and T gates where the observable does not see them."""
    a, b, c, d = PLACE
    seen = [cirq.T(c), cirq.ry(A)(a), cirq.CZ(a, b), cirq.rx(B)(b)]
    unseen = [cirq.rx(B)(c), cirq.T(c), cirq.rz(A)(b), cirq.CZ(c, d) ** C]
    unseen.append(cirq.PhasedXPowGate(phase_exponent=C, exponent=D)(d))
    found = []
    for gates in (seen, seen + unseen):
        data = building.built(cirq.Circuit(gates), OWN, PLACE)
        for text in ("Z0 Z1", "global"):
            of = replace(OWN, sigma=sigma, observable=text, parameters=("all",))
            known = predict([of], {of.program: data})
            found.append({k.parameter: p.variance for k, p in known.items()})
    one, whole, same, none = found
    assert same == one | {"c": 0, "d": 0} and None not in one.values()
    assert None not in whole.values() and {*none.values()} == {None}


def test_circuits_that_go_through_a_gate_at_once_change_nothing(monkeypatch):
    """Five, by twos, and one by one as those of 17 qubits and more."""
    ensemble = replace(OWN, parameters=("all",))
    circuit = hardware_efficient() + cirq.Circuit(
        cirq.X(PLACE[0]).controlled_by(*PLACE[1:])
    )
    data = building.built(circuit, OWN, PLACE)
    batch = drawn(ensemble, data, 1, range(5))
    whole = compute_gradients(ensemble, batch, QSIM, AUTO)
    for amplitudes in (32, 1):
        monkeypatch.setattr(adjoint, "AMPLITUDES", amplitudes)
        parts = compute_gradients(ensemble, batch, QSIM, AUTO)
        np.testing.assert_allclose(parts, whole, rtol=0, atol=ABSOLUTE)


def test_symbols_that_stand_in_several_gates_are_not_shifted(monkeypatch):
    """Also in circuits so wide that the shift is what `auto` takes."""
    monkeypatch.setattr(gradients, "PARAMETER_SHIFT_FROM", 2)
    ensemble = replace(OWN, width=2)
    built = build("f = lambda q: cirq.Circuit(cirq.rx(sympy.Symbol('a')).on_each(*q))")
    batch = drawn(ensemble, built, 1, range(9))
    found = compute_gradients(ensemble, batch, TFQ, AUTO)
    # <Z0 Z1> = cos^2 a.
    expected = -np.sin(2 * batch.circuits.values)
    np.testing.assert_allclose(found, expected, rtol=0, atol=3e-4)


def test_both_engines_take_gates_on_many_qubits():
    """And say the same: of one that turns if six others are 1."""
    qubits = cirq.GridQubit.rect(1, 7)
    turns = [cirq.rx(sympy.Symbol("a"))(q) for q in qubits]
    circuit = cirq.Circuit(turns, cirq.X(qubits[0]).controlled_by(*qubits[1:]))
    ensemble = replace(OWN, width=7, observable="Z0", parameters=("a",))
    batch = drawn(ensemble, building.built(circuit, ensemble, qubits), 1, range(9))
    found = [compute_gradients(ensemble, batch, engine, AUTO) for engine in (TFQ, QSIM)]
    (speeds,) = speeds_of(batch)
    allowed = tolerance(
        ensemble.norm, speeds, batch.circuits.values[:, 0], *batch.units
    )
    assert len(speeds) == 7 and np.all(np.abs(found[0] - found[1])[:, 0] < allowed)
    assert np.abs(found[1] + np.sin(batch.circuits.values)).max() > 1e-3


@pytest.mark.parametrize("sigma", [None, 10.0])
@pytest.mark.parametrize("observable", ["Z0", "3 Z0 - X0 Y1"])
def test_the_audit_allows_for_what_differences_lose(observable, sigma):
    """Multiples of a symbol, many turns; and no more than is lost."""
    a, b = cirq.GridQubit.rect(1, 2)
    gates = {
        **{f"rx{m:.3g}": cirq.rx(m * A)(a) for m in (0.3, 1, 2, 3, 5, 10)},
        "power": (cirq.X**A)(a),
        "twice": (cirq.X ** (2 * A))(a),
        "zz": (cirq.ZZ**A)(a, b),
        "fsim": cirq.FSimGate(A, 0.3)(a, b),
        "phased": cirq.PhasedXPowGate(phase_exponent=A, exponent=0.3)(a),
        "phase": cirq.PhasedXPowGate(phase_exponent=A, exponent=B)(a),
        "slow": cirq.PhasedXPowGate(phase_exponent=A, exponent=0.05 * B)(a),
        "both": cirq.PhasedISwapPowGate(phase_exponent=A, exponent=A)(a, b),
        "controlled": cirq.ry(A)(a).controlled_by(b),
    }
    for name, gate in gates.items():
        ensemble = replace(OWN, width=2, observable=observable, sigma=sigma)
        circuit = cirq.Circuit(cirq.ry(0.4)(a), cirq.ry(1.1)(b), gate, cirq.rx(0.7)(a))
        data = building.built(circuit, ensemble, [a, b])
        batch = drawn(ensemble, data, 5, range(200))
        speed, *_ = speeds_of(batch)
        allowed = tolerance(
            ensemble.norm, speed, batch.circuits.values[:, 0], batch.units[0]
        )
        found = [compute_gradients(ensemble, batch, e, AUTO)[:, 0] for e in (TFQ, QSIM)]
        worst = np.max(np.abs(found[0] - found[1]) / allowed)
        assert 0.02 < worst < 1, (name, worst)
        bound = data["steepest"][0] * ensemble.norm
        assert 1e-3 < np.abs(found[1]).max() / bound < 1 + 1e-6, name


@pytest.mark.parametrize("unit", [1, 0.1, np.pi / 180, 1e-3])
@pytest.mark.parametrize("gate", ["rx", "XX", "PhasedX", "H"])
def test_rounding_leaves_little_of_a_gate_that_turns_slowly(gate, unit):
    """The gate is outside the light cone: what is left is less than half of 1e-5 b."""
    a, b, _ = qubits = cirq.GridQubit.rect(1, 3)
    of = {"exponent": unit * A / sympy.pi, "global_shift": -0.5}
    gates = {
        "rx": cirq.rx(unit * A)(a),
        "XX": cirq.XXPowGate(**of)(a, b),
        "PhasedX": cirq.PhasedXPowGate(phase_exponent=0.25, **of)(a),
        "H": cirq.HPowGate(**of)(a),
    }
    circuit = cirq.Circuit(cirq.ry(0.4)(a), cirq.ry(1.1)(b), gates[gate])
    ensemble = replace(OWN, width=3, observable="Z2")
    data = building.built(circuit, ensemble, qubits)
    batch = drawn(ensemble, data, 1, range(200))
    left = compute_gradients(ensemble, batch, TFQ, AUTO)[:, 0]
    assert np.sqrt(np.mean(left**2)) < 5e-6 * data["steepest"][0]


@pytest.mark.parametrize("unit", [np.pi / 180, 1e-3, 4e-5])
def test_a_program_has_all_digits_of_what_turns_slowly(unit):
    """A program keeps six decimals of a factor; a difference is off by 4e-5."""
    a, b = cirq.GridQubit.rect(1, 2)
    circuit = cirq.Circuit(cirq.ry(unit * A)(a), cirq.CZ(a, b))
    ensemble = replace(OWN, width=2, observable="X0 Z1")
    batch = drawn(ensemble, building.built(circuit, ensemble, [a, b]), 1, range(50))
    one, other = (compute_gradients(ensemble, batch, e, AUTO) for e in (TFQ, QSIM))
    np.testing.assert_allclose(one, other, rtol=5e-5)


@pytest.mark.parametrize("of", [0, 1e-12, 1e-3, 0.5, 0.75, 2**-0.5, 3, np.pi, np.inf])
def test_a_unit_is_the_same_whatever_a_processors_last_digits(of):
    unit = building.unit(of)
    assert unit == 1 or 1.5 <= of / unit < 3
    for off in (-1e-13, 1e-13):
        assert building.unit(of * (1 + off) + off) == unit


def test_a_gate_that_changes_little_but_fast_keeps_its_unit():
    """Its derivative is small for another reason than that it turns slowly."""
    a, b = cirq.GridQubit.rect(1, 2)
    gate = cirq.PhasedXPowGate(phase_exponent=A, exponent=0.01)(a)
    circuit = cirq.Circuit(cirq.ry(0.4)(a), gate, cirq.rx(0.7)(a), cirq.CZ(a, b))
    ensemble = replace(OWN, width=2, observable="Z0")
    batch = drawn(ensemble, building.built(circuit, ensemble, [a, b]), 1, range(50))
    one, other = (compute_gradients(ensemble, batch, e, AUTO) for e in (TFQ, QSIM))
    assert batch.units == (1,)
    assert np.abs(one - other).max() < 1e-3 * np.abs(other).max()


def test_what_rounding_leaves_grows_with_the_gates_of_a_symbol():
    """Pairs in a singlet: rotations about XX and YY do nothing to what is measured."""
    for width in (4, 10):
        qubits, circuit = cirq.GridQubit.rect(1, width), cirq.Circuit()
        pairs = [*pairwise(qubits)]
        for a, b in pairs[::2]:
            circuit += [cirq.X(a), cirq.X(b), cirq.H(a), cirq.CNOT(a, b)]
        for a, b in pairs[1::2] + pairs[::2]:
            circuit += [
                cirq.ZZ(a, b) ** (A / 2),
                cirq.YY(a, b) ** B,
                cirq.XX(a, b) ** B,
            ]
        of = replace(OWN, width=width, parameters=("a",), parameter="a")
        data = building.built(circuit, of, qubits)
        values = compute_gradients(of, drawn(of, data, 1, range(100)), TFQ, AUTO)[:, 0]
        known = predict([of], {of.program: data})[of]
        assert known.bound == pytest.approx((width - 1) * np.pi / 2)
        theta = np.zeros(100)
        point = Point(of, known, theta, values, summarise(values, 1, known.bound))
        assert np.abs(values).max() > 1e-6 and point.vanishes


# The whole, as a new user would: a file beside the project's, and one command.

MINE = """\
experiment: mine
seed: 3
samples: 40
ensembles:
  - family: ansatz
    circuit: mine.py:line
    width: [2, 3]
    depth: [1, 2]
    axis: Y
    open: true
    observable: [Z0 Z1, X0 - 0.5 Y1]
    parameters: all
  - family: random
    width: [2, 3]
    depth: [2]
"""


def test_a_whole_run_of_a_file_of_ones_own(project):
    (project / "mine.py").write_text(GOOD)
    (project / "mine.yaml").write_text(MINE)
    run_in(project)("--configfile", "mine.yaml")
    results = project / "results" / "mine"
    tables = {
        name: [*csv.DictReader((results / "tables" / f"{name}.csv").open())]
        for name in ("gradients", "statistics", "theory", "claims")
    }
    keys = ["family", "width", "circuit", "depth", "axis", "open"]
    keys += ["observable", "parameter"]
    for name in ("gradients", "statistics", "theory"):
        assert list(tables[name][0])[: len(keys)] == keys
    # One row for each ensemble and parameter, and for each circuit of it.
    of = [
        (w, d, f"t{k}_{n}")
        for w in (2, 3)
        for d in (1, 2)
        for k in range(d)
        for n in range(w)
    ]
    mine = [row for row in tables["statistics"] if row["family"] == "ansatz"]
    assert len(mine) == 2 * len(of)
    assert {(int(r["width"]), int(r["depth"]), r["parameter"]) for r in mine} == {*of}
    assert all(row["exact_variance"] for row in mine)
    assert {row["open"] for row in mine} == {"True"}
    assert len(tables["gradients"]) == 40 * (len(mine) + 2)
    (agreement,) = (
        row for row in tables["claims"] if row["claim"] == "samples_agree_with_theory"
    )
    assert f"known for {len(mine) + 2} of {len(mine) + 2}" in agreement["evidence"]
    assert agreement["verdict"] != "contradicted"
    figure = results / "figures" / "gradient_variance_by_parameter.csv"
    drawn = [*csv.DictReader(figure.open())]
    names = [row["parameter"] for row in drawn if row["width"] == row["depth"] == "2"]
    assert names[:4] == ["t0_0", "t0_1", "t1_0", "t1_1"]
    run_in(project)("audit", "--configfile", "mine.yaml")
    # Another width of another family leaves circuits and their samples.
    wider = MINE.replace(
        "width: [2, 3]\n    depth: [2]", "width: [2, 3, 4]\n    depth: [2]"
    )
    (project / "mine.yaml").write_text(wider)
    asked = run_in(project)("--dry-run", "--configfile", "mine.yaml")
    assert "building the circuits" not in asked.stdout + asked.stderr
    assert re.search(r"(?m)^sample_circuits +1$", asked.stdout + asked.stderr)
    (project / "mine.yaml").write_text(MINE)
    # Another file in its place, whatever its date.
    (project / "mine.py").write_text(GOOD + "\n")
    os.utime(project / "mine.py", (0, 0))
    asked = run_in(project)("--dry-run", "--configfile", "mine.yaml")
    assert "building the circuits of mine.py" in asked.stdout + asked.stderr


def test_a_bad_circuit_stops_a_run_before_it_samples(project):
    (project / "mine.py").write_text(GOOD.replace("cirq.ry", "cirq.r_y"))
    (project / "mine.yaml").write_text(MINE)
    done = run_in(project)("--cores", "1", "--configfile", "mine.yaml", check=False)
    assert done.returncode
    said = "build_circuits: mine.py:line with 2 qubits, axis='Y', depth=1, open=True: "
    assert said + "AttributeError" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert not (project / "results" / "mine" / "batches").exists()


# The power of the agreement: gradients of another circuit than was predicted.

PLACE = cirq.GridQubit.rect(1, 4)


def hardware_efficient(fault=""):
    """`config/ansatze.py`'s circuit of 4 qubits and 3 layers, with a fault."""
    path = ROOT / "config" / "ansatze.py"
    circuit = building.load(path)["hardware_efficient"](PLACE, 3)
    operations = [*circuit.all_operations()]
    entanglers = [n for n, of in enumerate(operations) if of.gate == cirq.CZ]
    if fault == "a gate dropped":
        del operations[entanglers[3]]
    if fault == "a sign":
        place = operations.index(cirq.ry(sympy.Symbol("y0_0"))(PLACE[0]))
        operations[place] = cirq.ry(-sympy.Symbol("y0_0"))(PLACE[0])
    if fault == "a parameter repeated":
        names = {"y1_0": "y0_0"}
        operations = [cirq.resolve_parameters(of, names) for of in operations]
    return cirq.Circuit(operations)


def caught(fault, sigma, seeds, samples):
    """How often the agreement is contradicted, all parameters and Z0 Z1 and local."""
    found = 0
    exact = building.built(hardware_efficient(), OWN, PLACE)
    data = building.built(hardware_efficient(fault), OWN, PLACE)
    for seed in seeds:
        points = []
        for observable in ("Z0 Z1", "local"):
            ensemble = replace(OWN, sigma=sigma, observable=observable)
            batch = drawn(ensemble, data, seed, range(samples))
            values = compute_gradients(ensemble, batch, TFQ, AUTO).astype(float)
            asked = replace(ensemble, parameters=("all",))
            known = predict([asked], {asked.program: exact})
            for at, name in enumerate(batch.symbols):
                of, g = replace(asked, parameter=name), values[:, at]
                summary = summarise(g, seed, known[of].bound)
                theta = batch.circuits.values[:, at]
                points.append(Point(of, known[of], theta, g, summary))
        found += agreement(points).verdict == "contradicted"
    return found


OWN = Ansatz(width=4, source="config/ansatze.py:hardware_efficient")
FAULTS = ["", "a gate dropped", "a sign", "a parameter repeated"]


@pytest.mark.parametrize("sigma", [None, 0.3])
@pytest.mark.parametrize("fault", FAULTS)
def test_the_agreement_sees_another_circuit(fault, sigma):
    """A sign alone is beyond all statistics where angles are uniform."""
    visible = fault and (sigma is not None or fault != "a sign")
    assert caught(fault, sigma, [0], 1000) == bool(visible)


@pytest.mark.parametrize("sigma", [1e-6, 3e-6, 1e-5])
def test_the_agreement_allows_for_single_precision(sigma):
    """Gradients near the initial point, some of which are hardly more than rounding."""
    assert not caught("", sigma, [0], 300)


@pytest.mark.parametrize("gate", [cirq.ry(A), cirq.ry(20 * A), cirq.Y**A])
def test_the_agreement_allows_for_what_differences_lose(gate):
    """Near the gradient's largest value it hardly varies, less than its difference."""
    a, b = qubits = cirq.GridQubit.rect(1, 2)
    (speed,) = steepness_of_symbols(
        cirq.to_json(cirq.Circuit(gate(a))).encode(), ["a"]
    )[0]
    sigma = 0.005 / speed.bound
    of = replace(OWN, width=2, sigma=sigma, observable="X0", parameter="a")
    data = building.built(cirq.Circuit(gate(a), cirq.I(b)), of, qubits)
    batch = drawn(of, data, 1, range(2000))
    values = compute_gradients(of, batch, TFQ, AUTO)[:, 0].astype(float)
    known = predict([of], {of.program: data})[of]
    summary = summarise(values, 1, known.bound)
    point = Point(of, known, batch.circuits.values[:, 0], values, summary)
    assert known.variance
    assert agreement([point]).verdict == "supported"


@pytest.mark.parametrize("fault", FAULTS)
def test_the_audit_sees_the_program_of_another_circuit(tmp_path, fault):
    """A sign too: qsim has the gates from Cirq, not from the program."""
    experiment = check(tmp_path, common={"samples": 5}, width=[4], parameters="all")
    (ensemble,) = experiment.sampled
    data = building.built(hardware_efficient(), OWN, PLACE)
    other = building.built(hardware_efficient(fault), OWN, PLACE)
    batch = drawn(ensemble, data | {"program": other["program"]}, 1, range(5))
    found = compute_gradients(ensemble, batch, TFQ, AUTO)
    write(tmp_path / "gradients.csv", [(ensemble, batch)], lambda *_: found)
    said = csv.DictReader((tmp_path / "gradients.csv").open())
    batches = {ensemble.program: batch}
    some = [ensemble, replace(ensemble, parameters=("first",))]
    told = check_gradients(Choice(experiment, 5, 1), some, batches, said)
    assert (told.count, told.most) == (found.size + 5, found.shape[1])
    assert bool(told.reason) == bool(fault)
    assert (told.worst > 50) == bool(fault)


@pytest.mark.parametrize(
    ("sigma", "measured", "classes"), [(None, 0.3, 3), (0.5, 2.2, 4)]
)
def test_the_plan_counts_the_exact_theory(sigma, measured, classes):
    """3^width numbers for each gate, or 4^width where no two Paulis are as one."""
    rates = cost.RATES[TFQ]
    eight, ten = (
        cost.theory(
            [replace(OWN, width=n, sigma=sigma, keywords=(("depth", 32),))], rates
        )
        - rates.draw_start
        for n in (8, 10)
    )
    assert measured / 2 < ten < 2 * measured
    assert ten / eight == pytest.approx(classes**2 * 10 / 8)
    # In a wider one the cones are guesses.
    wide = replace(OWN, width=14, sigma=sigma, keywords=(("depth", 32),))
    assert cost.theory([wide], rates) == rates.draw_start
