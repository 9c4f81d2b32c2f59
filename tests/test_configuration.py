"""Bad configurations end with one line that names the key, and leave nothing behind."""

import copy
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml

from barren.physics.ensembles import BadInput, Ensemble
from barren.runner import configuration
from barren.runner.experiment import Experiment
from conftest import ROOT, run_in
from strategies import LAYERED

GOOD = yaml.safe_load((ROOT / "config" / "config.yaml").read_text())


def changed(path: str, value: Any) -> dict[str, Any]:
    """The default configuration with one value replaced, or removed if None."""
    config = copy.deepcopy(GOOD)
    *parents, last = (int(part) if part.isdigit() else part for part in path.split("."))
    place = config
    for part in parents:
        place = place[part]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return config


BAD = {
    "an unknown key": ("sample", 3, "unknown key sample; did you mean samples?"),
    "an unknown key of a family": ("ensembles.0.depht", [3], "did you mean depth?"),
    "a key of another family": ("ensembles.0.blocks", [3], "unknown key blocks"),
    "no family": ("ensembles.0.family", None, "family is None; allowed: random"),
    "an unknown family": (
        "ensembles.0.family",
        "rnd",
        "family is 'rnd'; allowed",
    ),
    "a width below 2": (
        "ensembles.0.width",
        [1],
        r"width\.0: 1 is less .*2 to 64",
    ),
    "a width beyond memory": ("ensembles.0.width", [40], "width 40 needs .* MiB"),
    "a symbol outside": (
        "symbol",
        {"layer": 0, "qubit": 9},
        "symbol qubit 9 lies out",
    ),
    "a layer outside": (
        "symbol",
        {"layer": 10, "qubit": 0},
        "layer 10 lies out",
    ),
    "an observable outside": ("observable", "Z0 Z4", "Z4 lies outside a circuit"),
    "one qubit twice": ("observable", "Z1 Z1", "position 4: qubit 1 appears twice"),
    "a list of qubits": ("observable", [0, 1], "not of type 'string'"),
    "zero samples": ("samples", 0, "samples: 0 is less than .* 2 to"),
    "a negative count": ("ensembles.0.depth", [-5], r"depth\.0: -5 is less than"),
    "a non-integer": ("samples", 2.5, "samples: 2.5 is not of type 'integer'"),
    "a float that is whole": ("ensembles.0.depth", [50.0], "not of type 'integer'"),
    "a truth value": ("batch_size", True, "batch_size: True is not of type 'integer'"),
    "an empty list": ("ensembles.0.width", [], r"width: \[\] should be non-empty"),
    "no ensembles": ("ensembles", [], r"ensembles: \[\] should be non-empty"),
    "no list": (
        "ensembles.0.depth",
        50,
        "50 is not of type 'array'; .* list of",
    ),
    "no plain name": ("experiment", "../up", "experiment: '../up' does not match"),
    "a line break": ("experiment", "x\n", r"experiment: 'x\\n' does not match"),
    "no name": ("experiment", None, "'experiment' is a required property"),
    "a missing key": ("ensembles.0.depth", None, "'depth' is a required property"),
    "an unknown word": ("differentiator", "finite", "not one of .*; allowed: .auto."),
    "an unknown engine": ("engine", "cirq", "not one of .*; allowed: .tfq., .qsim."),
    "a notebook elsewhere": ("stream", "papers", "stream: 'papers' is not one of"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_configurations_are_explained(name: str) -> None:
    path, value, message = BAD[name]
    with pytest.raises(BadInput) as caught:
        configuration.check(changed(path, value))
    assert re.search(message, str(caught.value)), str(caught.value)
    assert "\n" not in str(caught.value)


def test_qsim_has_no_adjoint_method() -> None:
    configuration.check(changed("engine", "qsim"))
    config = changed("engine", "qsim") | {"differentiator": "adjoint"}
    with pytest.raises(BadInput, match="differentiator: the engine qsim has"):
        configuration.check(config)


def test_the_notebook_stream_has_limits() -> None:
    for key, value in {
        "seed": 2**32,
        "symbol": {"layer": 1, "qubit": 0},
        "ensembles.0.sigma": [0.1],
        "ensembles.1.family": "identity",
    }.items():
        with pytest.raises(BadInput, match="notebook"):
            configuration.check(changed(key, value) | {"stream": "notebook"})


@pytest.mark.parametrize(
    "path", sorted((ROOT / "config").glob("*.yaml")), ids=lambda path: path.stem
)
def test_the_experiments_are_good(path: Path) -> None:
    experiment = configuration.check(yaml.safe_load(path.read_text()))
    assert isinstance(experiment, Experiment)
    assert experiment.ensembles


@pytest.mark.parametrize("family", LAYERED)
def test_the_keys_of_a_family_are_its_fields(family: type[Ensemble]) -> None:
    """An entry is crossed from exactly these; each is explained."""
    entry = configuration.resolve(
        configuration.entry(family), configuration.load_schema()["$defs"]
    )
    keys = {of.name for of in fields(family)}
    assert entry["properties"].keys() == keys | {"family"}
    for key in keys:
        assert entry["properties"][key]["description"]


def test_the_readme_is_that_of_the_schema() -> None:
    readme = ROOT / "config" / "README.md"
    assert readme.read_text() == configuration.document(), "run `make config`"


def test_a_bad_file_stops_the_run_with_one_line(project: Path) -> None:
    config = project / "config" / "bad.yaml"
    config.write_text(yaml.safe_dump(changed("samples", 0) | {"experiment": "bad"}))
    done = run_in(project)("--configfile", config, check=False)
    assert done.returncode == 1
    lines = [line for line in done.stderr.splitlines() if "samples" in line]
    assert lines == [
        "configuration: samples: 0 is less than the minimum of 2; "
        "allowed: integer, 2 to 1000000"
    ]
    assert "Traceback" not in done.stderr
    assert not (project / "results").exists()
