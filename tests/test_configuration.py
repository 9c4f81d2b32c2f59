"""Bad configurations end with one line that names the key, and leave nothing behind."""

import copy
import re
import subprocess
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
    "a key of another family": (
        "ensembles.0.blocks",
        [3],
        r"ensembles\.0: unknown key blocks",
    ),
    "no family": (
        "ensembles.0.family",
        None,
        r"ensembles\.0\.family: missing; allowed: random",
    ),
    "an unknown family": (
        "ensembles.0.family",
        "rnd",
        r"ensembles\.0\.family: got 'rnd'; allowed: random",
    ),
    "a width below 2": (
        "ensembles.0.width",
        [1],
        r"ensembles\.0\.width\.0: got 1; .*2 to 64",
    ),
    "a width beyond memory": ("ensembles.0.width", [40], "width 40 needs .* MiB"),
    "a symbol outside": (
        "symbol",
        {"layer": 0, "qubit": 9},
        "symbol_qubit: 9 lies outside",
    ),
    "a layer outside": (
        "symbol",
        {"layer": 10, "qubit": 0},
        "symbol_layer: 10 lies outside",
    ),
    "an observable outside": ("observable", "Z0 Z4", "qubit 4 lies outside a circuit"),
    "a long observable": (
        "observable",
        "Z0 + " * 500,
        r"observable: got '.*'; allowed: string, up to 2000 characters$",
    ),
    "one qubit twice": ("observable", "Z1 Z1", "position 4: qubit 1 appears twice"),
    "a list of qubits": (
        "observable",
        [0, 1],
        r"observable: got \[0, 1\]; allowed: string",
    ),
    "zero samples": ("samples", 0, "samples: got 0; allowed: integer, 2 to"),
    "a negative count": ("ensembles.0.depth", [-5], r"depth\.0: got -5"),
    "a non-integer": ("samples", 2.5, "samples: got 2.5"),
    "a float that is whole": (
        "ensembles.0.depth",
        [50.0],
        r"depth\.0: got 50\.0; .* integer",
    ),
    "a truth value": ("batch_size", True, "batch_size: got True"),
    "an empty list": (
        "ensembles.0.width",
        [],
        r"width: got \[\]; allowed: list of distinct",
    ),
    "no ensembles": ("ensembles", [], r"ensembles: got \[\]; .* with a family"),
    "no list": (
        "ensembles.0.depth",
        50,
        "depth: got 50; allowed: list of distinct integers, 1 to",
    ),
    "no plain name": (
        "experiment",
        "../up",
        "experiment: got '../up'; .* a letter or digit",
    ),
    "a line break": ("experiment", "x\n", r"experiment: got 'x\\n'; allowed"),
    "no name": ("experiment", None, "^the key experiment is missing"),
    "a missing key": (
        "ensembles.0.depth",
        None,
        r"ensembles\.0: the key depth is missing",
    ),
    "an unknown word": (
        "differentiator",
        "finite",
        "differentiator: got 'finite'; allowed: .auto.",
    ),
    "an unknown engine": (
        "engine",
        "cirq",
        "engine: got 'cirq'; allowed: .tfq., .qsim.",
    ),
    "a folder of the project": ("experiment", "reference", "choose another name"),
    "another folder": ("experiment", "benchmark", "results/benchmark/ has another"),
    "the same width twice": ("ensembles.0.width", [4, 4], r"\[4, 4\]; .* distinct"),
    "a long number": ("seed", 10**400, r"seed: got 1000"),
    "no number": ("ensembles.0.sigma", [float("nan")], r"sigma\.0: got nan"),
    "an entry of text": ("ensembles", ["random"], r"ensembles\.0: got 'random'; .*"),
    "two families": ("ensembles.0.family", ["random"], r"family: got \['random'\]"),
    "a number as YAML has none": (
        "ensembles.0.sigma",
        ["1e-3"],
        r"got '1e-3'; allowed: number, .*; for a number write 0\.001, as YAML",
    ),
    "a small number": ("ensembles.0.sigma", ["1e-7"], r"write 1\.0e-07, as YAML"),
    "a whole number in quotes": ("seed", "1" * 19, "number write no quotes, and"),
    "a whole number as YAML has none": ("samples", "1e3", "write 1000, as YAML"),
    "a part of a circuit": ("samples", "2.5", r"got '2\.5'; .* to 1000000$"),
    "a truth for a name": ("experiment", True, "got True; .*; for a text write it in"),
    "no finite number": ("ensembles.0.sigma", ["inf"], r"got 'inf'; .* to 10$"),
    "a number for a name": ("experiment", 2024, "got 2024; .*; for a text write it in"),
    "half a symbol": ("symbol", {"layer": 0}, "symbol: the key qubit is missing"),
    "a notebook elsewhere": ("stream", "papers", "stream: got 'papers'; allowed"),
}


@pytest.mark.parametrize("config", [[], "hello"])
def test_a_configuration_has_keys(config: Any) -> None:
    with pytest.raises(BadInput, match="; allowed: keys with their values"):
        configuration.check(config)


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
    with pytest.raises(BadInput, match="differentiator: adjoint needs the engine tfq"):
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
    entry = configuration.entry(family, configuration.load_schema()["$defs"])
    keys = {of.name for of in fields(family)}
    assert entry["properties"].keys() == keys | {"family"}
    for key in keys:
        assert entry["properties"][key]["description"]


def test_the_readme_is_that_of_the_schema() -> None:
    readme = ROOT / "config" / "README.md"
    assert readme.read_text() == configuration.document(), "run `make config`"


def test_verify_without_a_reference_computes_nothing(project: Path) -> None:
    done = run_in(project)(
        "--configfile", "config/small.yaml", "--", "verify", check=False
    )
    assert done.returncode != 0
    said = "verify: no results/reference/small/experiment.json: keep results first"
    assert said in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert not (project / "results").exists()
    # Nor with that of another experiment.
    kept = project / "results" / "reference" / "small"
    kept.mkdir(parents=True)
    (kept / "experiment.json").write_text('{"seed": 1}')
    done = run_in(project)(
        "--configfile", "config/small.yaml", "--", "verify", check=False
    )
    assert done.returncode != 0
    said = "verify: results/reference/small is of another experiment: seed was 1, is "
    assert said in done.stderr.splitlines()[-1]
    assert not (project / "results" / "small").exists()


def test_a_bad_file_stops_the_run_with_one_line(project: Path) -> None:
    config = project / "config" / "bad.yaml"
    config.write_text(yaml.safe_dump(changed("samples", 0) | {"experiment": "bad"}))
    done = run_in(project)("--configfile", config, check=False)
    assert done.returncode == 1
    lines = [line for line in done.stderr.splitlines() if "samples" in line]
    assert lines == ["configuration: samples: got 0; allowed: integer, 2 to 1000000"]
    assert "Traceback" not in done.stderr
    assert not (project / "results").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    {
        "an open list": ("seed: 1\nwidth: [4\n", ", line 3, column 1: expected ',' or"),
        "a tab": ("seed: 1\n\tsamples: 2\n", r", line 2, column 1: .* '\\t'"),
        "an unknown anchor": ("seed: *mine\n", ", line 1, column 7: found undefined"),
        "a key twice": ("seed: 1\nseed: 2\n", ", line 2, column 1: the key seed is"),
        "no such day": ("experiment: 2024-02-30\n", ": day is out of range"),
        "nothing": ("", ": it has no keys"),
        "no text": ("seed: \0", ": unacceptable character"),
        "no file": (None, ": No such file or directory"),
    }.values(),
)
def test_a_file_that_cannot_be_read_is_named(
    tmp_path: Path, text: str | None, message: str
) -> None:
    """By the line at fault, before Snakemake reads it."""
    path = tmp_path / "mine.yaml"
    if text is not None:
        path.write_text(text)
    done = subprocess.run(
        ["make", "run", f"CONFIG={path}"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode != 0
    lines = [line for line in done.stderr.splitlines() if not line.startswith("make")]
    assert len(lines) == 1
    assert re.match(f"configuration: {path}{message}", lines[0])


@pytest.mark.parametrize(
    "target", ["reproduce", "run", "plan", "verify", "reference", "audit", "archive"]
)
def test_make_takes_the_configuration_that_is_named(target: str) -> None:
    """So that an archive of any experiment can be reproduced."""
    config = "results/mine/experiment.json"
    command = ["make", "--dry-run", target, f"CONFIG={config}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert f'configuration "{config}"' in done.stdout
    assert f'--configfile "{config}"' in done.stdout


def test_keys_in_another_order_are_the_same_configuration() -> None:
    """To the byte: nothing is made again, and an audit finds nothing changed."""
    given = yaml.safe_load((ROOT / "config" / "config.yaml").read_text())
    other = dict(reversed(given.items())) | {"batch_size": 200}
    for config in (given, other):
        configuration.check(config)
    assert [*given.items()] == [*other.items()]
