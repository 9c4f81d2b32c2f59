"""What families predict, against many circuits and known values; the command line."""

import contextlib
import csv
import io
import math
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import oracle
import tools.predict
from barren import columns
from barren.physics import families
from barren.physics.circuits import sample_circuits
from barren.physics.ensembles import BadInput, Prediction
from barren.physics.families import Identity, IdentityTutorial, Random, predict
from barren.physics.layered import Layered
from barren.physics.moments import TOLERANCE, Moments, predictions, require_known
from conftest import ROOT
from predict_variance import written
from strategies import ensembles
from tools.predict import main as command_line


@settings(max_examples=60)
@given(st.lists(ensembles(), min_size=1, max_size=6))
def test_predictions_are_the_same_together_and_alone(several):
    together = predict(several)
    for ensemble in several:
        # The error estimate looks at other depths too.
        alone = predict([ensemble])[ensemble]
        assert alone[:4] == together[ensemble][:4]
        if alone.variance is not None:
            assert alone.variance == alone.second_moment - alone.mean**2
            assert alone.relative_error <= TOLERANCE
            require_known([(ensemble, alone)])


@settings(max_examples=30)
@given(ensembles(widths=st.integers(2, 4), letters="Z"))
def test_predictions_are_those_of_many_circuits(ensemble):
    """Five standard errors of the mean and the mean square of 4000 circuits.

    No gradient exceeds the observable's norm; rare large values need a floor.
    """
    prediction = predict([ensemble])[ensemble]
    if prediction.variance is None or not oracle.knows(ensemble):
        return
    circuits = drawn(ensemble, 4000)
    g = oracle.gradients(ensemble, circuits)
    for power, exact in ((1, prediction.mean), (2, prediction.second_moment)):
        values, most = g**power, ensemble.norm**power
        error = 5 * values.std() / math.sqrt(len(g)) + 25 * most / len(g)
        assert abs(values.mean() - exact) < error


def drawn(ensemble, samples):
    """Uniform angles by the oracle, normal ones stream by stream."""
    if ensemble.sigma is None:
        rng = np.random.default_rng(1)
        return oracle.draw_circuits(ensemble, samples, rng)
    return sample_circuits(ensemble, 1, range(samples))


@pytest.mark.parametrize(
    ("width", "values"),
    [
        (4, ["4.759e-02", "2.112e-02", "2.092e-02", "2.0915e-02"]),
        (8, ["4.521109e-02", "3.113331e-03", "1.345033e-03", "1.302103e-03"]),
        (16, ["4.521048e-02", "2.393006e-03"]),
    ],
)
def test_random_variances_of_reference(width, values):
    several = [Random(width=width, depth=depth) for depth in (10, 50, 100, 500)]
    several = several[: len(values)]
    found = predict(several)
    for ensemble, printed in zip(several, values, strict=True):
        digits = len(printed.partition("e")[0]) - 2
        assert f"{found[ensemble].variance:.{digits}e}" == printed


def test_predictions_of_the_families():
    uniform = Random(width=4, depth=50)
    tutorial = IdentityTutorial(width=4, block_depth=3, blocks=2)
    deeper = IdentityTutorial(width=4, block_depth=5, blocks=1, symbol_layer=1)
    grant = Identity(width=4, block_depth=5, blocks=1)
    found = predict([uniform, tutorial, deeper, grant])
    assert found[uniform].asymptotic_variance == pytest.approx(16 / (3 * 255))
    assert found[tutorial].variance == pytest.approx(1 / 8, rel=1e-14)
    assert found[tutorial].asymptotic_variance is None
    (of, limit), *_ = predict(
        [Random(width=4, depth=5, observable="3 X0 + 4 Z1")]
    ).items()
    assert limit.variance is None and limit.reason and of.depth == 1
    assert limit.asymptotic_variance == pytest.approx(25 * 16 / (3 * 255))
    assert found[deeper].variance is None
    assert found[grant].variance == pytest.approx(1 / 18, rel=1e-14)
    assert found[grant].asymptotic_variance is None  # the block depth does not matter
    weighted = replace(grant, observable="3 Z0 - Z1")
    assert predict([weighted])[weighted].bound == 4


def test_a_family_without_an_exact_form_says_so():
    class Bare(Layered):
        """A family that predicts nothing."""

    (found,) = predict([Bare(width=2, observable="3 Z0")]).values()
    assert found.variance is None and found.bound == 3
    assert found.reason == "none is known for this family"


def test_numbers_have_the_digits_that_are_known():
    """Much of a variance may have cancelled, of its parts nothing."""
    known = Prediction(-0.69996500087, 0.48995100489, 2.4497550654e-09, None, 1.4e-6)
    numbers = ["-0.6999650009", "0.4899510049", "2.4498e-09", None, "1e-06"]
    assert written(known)[:5] == numbers
    nothing = Prediction(-0.7, relative_error=math.inf, reason="it cancels")
    assert written(nothing)[:6] == ["-0.7", None, None, None, "inf", "it cancels"]


def test_what_is_not_known_well_enough_is_refused_with_its_error():
    moments = Moments(*np.array([[0.0], [np.nan], [0.003]]))
    (found,) = predictions(1, lambda: moments)
    assert found.variance is None
    assert found.reason == "known to a relative error of 3e-03 alone"
    with pytest.raises(BadInput, match=r"width-4_depth-5: .* to 3\.0e-03 alone"):
        require_known([(Random(width=4, depth=5), found)])


def test_the_only_curve_of_a_width_goes_on(monkeypatch):
    """Up to a width, and where there is an exact form."""
    monkeypatch.setattr(families, "NARROW", 3)

    def deepest(*several):
        return max(ensemble.depth for ensemble in predict(several))

    alone = Random(width=3, depth=5)
    assert deepest(alone) == deepest(alone, Random(width=4, depth=5)) == 200
    assert deepest(alone, Random(width=3, depth=4, observable="Z0")) == 5
    assert deepest(Random(width=3, depth=5, observable="X0 + Z1")) == 5
    for known in ("X0", "Z0 + Z1"):
        assert deepest(replace(alone, observable=known)) == 200
    assert deepest(Random(width=4, depth=5)) == 5


def test_the_command_line_prints_no_number_that_is_not_known(monkeypatch, capsys):
    bad = Prediction(relative_error=0.1, reason="it cancels")
    monkeypatch.setattr(tools.predict, "predict", lambda of: dict.fromkeys(of, bad))
    with pytest.raises(SystemExit):
        command_line(["--width", "2", "--depth", "3"])
    assert "the exact variance is known to 1.0e-01 alone" in capsys.readouterr().err


@settings(max_examples=30)
@given(ensembles())
def test_the_command_line_prints_the_predictions(ensemble):
    """Of any ensemble of any family, an option for each key."""
    order = (*ensemble.circuit_keys(), *ensemble.gradient_keys)
    keys = {key: getattr(ensemble, key) for key in order}
    keys = {key: value for key, value in keys.items() if value is not None}
    arguments = ["--family", ensemble.family]
    for key, value in keys.items():
        # The space keeps the sign of a sum from being read as an option.
        text = f" {value}" if key == columns.OBSERVABLE else str(value)
        arguments += [f"--{key.replace('_', '-')}", text]
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        command_line(arguments)
    (row,) = csv.DictReader(printed.getvalue().splitlines())
    assert list(row) == [*keys, *columns.THEORY]
    values = ["" if x is None else str(x) for x in predict([ensemble])[ensemble]]
    assert list(row.values()) == [*map(str, keys.values()), *values]


def test_the_command_line_crosses_lists(capsys):
    command_line(["--width", "2", "3", "--depth", "5", "4"])
    _, *rows = capsys.readouterr().out.splitlines()
    found = [row.split(",")[:2] for row in rows]
    assert found == [["2", "5"], ["2", "4"], ["3", "5"], ["3", "4"]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--width 4", "--depth: the family random needs it"),
        ("--depth 4", "--width: the family random needs it"),
        ("--width 1 --depth 3", "--width: 1 is less than 2"),
        ("--width 4 --depth 0", "--depth: 0 is less than 1"),
        ("--width 4 --depth 3 --symbol-layer 3", "symbol_layer: 3 lies outside"),
        ("--width 4 --depth 3 --symbol-qubit 4", "symbol_qubit: 4 lies outside"),
        ("--width 4 --depth 3 --observable Z4", "qubit 4 lies outside a circuit of 4"),
        ("--width 4 --depth 3 --observable Q1", "Q1"),
        ("--width 4 --depth 3 --sigma nan", "--sigma: takes numbers above 0"),
        ("--width 4 --depth 3 --sigma 0", "--sigma: takes numbers above 0"),
        ("--width 4 --depth 3 --sigma inf", "--sigma: takes numbers above 0"),
        ("--width four --depth 3", "'four' is not an integer"),
        ("--width 4 --depth -3", "'-3' is not an integer"),
        ("--width 4 4 --depth 3", "random_width-4_depth-3 is named twice"),
        ("--width 4 --depth 3 --blocks 1", "--blocks: the family random has no such"),
        ("--family plateau --width 4", "invalid choice: 'plateau'"),
    ],
)
def test_the_command_line_refuses_bad_input(arguments, message, capsys):
    with pytest.raises(SystemExit) as error:
        command_line(arguments.split())
    assert error.value.code == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert message in printed.err.splitlines()[-1]


def test_a_reader_may_stop_reading() -> None:
    command = [sys.executable, "scripts/tools/predict.py", "--width", "2", "--depth"]
    depths = map(str, range(1, 2000))
    with subprocess.Popen(
        [*command, *depths], cwd=ROOT, stdout=-1, stderr=-1, text=True
    ) as run:
        assert run.stdout and run.stderr
        run.stdout.close()
        assert run.stderr.read() == ""
