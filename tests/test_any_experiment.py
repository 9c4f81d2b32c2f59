"""Every valid experiment runs: small ones drawn from the schema, whole, with the audit.

Twenty by default; any number by

    EXPERIMENTS=200 .venvs/test/bin/python -m pytest tests/test_any_experiment.py

A key or a family is tested by being in the schema. A failure prints its YAML.
"""

import ast
import os
import shutil
from collections import defaultdict
from contextlib import suppress
from copy import deepcopy
from itertools import zip_longest
from math import ceil
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from barren.analysis.figures import figures_of
from barren.physics.ensembles import BadInput
from barren.runner import configuration, jobs, layout
from barren.runner.experiment import Experiment
from conftest import ROOT, copy_project, run_in
from strategies import observables

EXPERIMENTS = int(os.environ.get("EXPERIMENTS", "20"))
CHUNKS = 4
#: How far an integer goes beyond its least value; a seed as far as it can.
SPREAD = 3
SPREADS = {"samples": 6, "batch_size": 7, "depth": 5, "seed": 2**64}
#: Values in a list, entries in an experiment; ensembles, and further jobs, in all.
LENGTH, ENSEMBLES, JOBS = 3, 60, 60
EVERYTHING = settings(
    phases=[Phase.generate], suppress_health_check=[*HealthCheck], deadline=None
)


def values(schema: dict[str, Any], key: str = "") -> st.SearchStrategy[Any]:
    """What a schema accepts, as far as it is small."""
    if "const" in schema:
        return st.just(schema["const"])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if "oneOf" in schema:
        return st.one_of([values(of) for of in schema["oneOf"]])
    if "anyOf" in schema:
        return values(schema["anyOf"][0], key)
    return KINDS[schema["type"]](schema, key)


def numbers(schema: dict[str, Any], key: str) -> st.SearchStrategy[float]:
    """Floats, and integers where floats are meant."""
    low, high = schema["minimum"], min(schema["maximum"], SPREAD)
    return st.floats(low, high) | st.integers(ceil(low), high)


def integers(schema: dict[str, Any], key: str) -> st.SearchStrategy[int]:
    low = schema.get("minimum", 0)
    high = low + SPREADS.get(key, SPREAD)
    return st.integers(low, min(high, schema.get("maximum", high)))


def strings(schema: dict[str, Any], key: str) -> st.SearchStrategy[str]:
    if key in TEXTS:
        return TEXTS[key]
    words = st.from_regex(schema["pattern"], fullmatch=True)
    refused = schema.get("not", {}).get("enum", ())
    longest = schema.get("maxLength", 100)
    return words.filter(lambda word: len(word) <= longest and word not in refused)


def lists(schema: dict[str, Any], key: str) -> st.SearchStrategy[list[Any]]:
    return st.lists(
        values(schema["items"], key),
        min_size=schema.get("minItems", 0),
        max_size=min(LENGTH, schema.get("maxItems", LENGTH)),
        unique_by=str if schema.get("uniqueItems") else None,
    )


def objects(schema: dict[str, Any], key: str) -> st.SearchStrategy[dict[str, Any]]:
    members = {name: values(of, name) for name, of in schema["properties"].items()}
    if "circuit" in members:  # what its functions take
        members["depth"] = st.integers(1, SPREAD) | lists(DEPTHS, "")
        members |= KEYWORDS
    needed = {*schema["required"], *({"depth"} if "circuit" in members else ())}
    required = {name: members.pop(name) for name in [*members] if name in needed}
    return st.fixed_dictionaries(required, optional=members)


#: Files with circuits of one's own: ours, and one with keywords of every kind.
OWN = ("config/ansatze.py", "tests/own_circuits.py")
#: Texts that mean something.
TEXTS = {
    "observable": observables(3),
    "circuit": st.sampled_from(
        [
            f"{path}:{of.name}"
            for path in OWN
            for of in ast.parse((ROOT / path).read_text()).body
            if isinstance(of, ast.FunctionDef)
        ]
    ),
}
DEPTHS = {
    "minItems": 1,
    "uniqueItems": True,
    "items": {"type": "integer", "minimum": 1},
}
#: The further keywords of the second file.
KEYWORDS = {
    "angle": st.floats(-2, 2) | st.lists(st.floats(-2, 2), min_size=1, unique=True),
    "gate": st.sampled_from(["CZ", "CNOT", ["CZ", "CNOT"]]),
    **dict.fromkeys(("closed", "mixed"), st.sampled_from([True, False, [False, True]])),
}
KINDS = {
    "integer": integers,
    "number": numbers,
    "string": strings,
    "array": lists,
    "object": objects,
}


def drawn() -> st.SearchStrategy[dict[str, Any]]:
    """Small configurations that the schema accepts."""
    return values(configuration.load_schema())


def experiments(chunk: int) -> list[dict[str, Any]]:
    """The configurations of a chunk: some of those drawn that are not refused.

    Each mix of families in turn, sampled or theory alone, or else nearly all would be
    of a single one.
    """
    number = len(range(chunk, EXPERIMENTS, CHUNKS))
    found: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)

    @seed(chunk)
    @settings(EVERYTHING, max_examples=30 * number)
    @given(drawn())
    def collect(config: dict[str, Any]) -> None:
        with suppress(BadInput):
            experiment = configuration.check(deepcopy(config))
            few = len(experiment.ensembles) <= ENSEMBLES
            if few and len(jobs.records(experiment)) <= JOBS:
                mix = sorted(
                    {str(e.get("circuit", e["family"])) for e in config["ensembles"]}
                )
                found[(*mix, str(bool(experiment.sampled)))].append(config)

    collect()
    turns = zip_longest(*(reversed(of) for of in found.values()))
    chosen = [config for turn in turns for config in turn if config is not None]
    assert len(chosen) >= number
    return chosen[:number]


@settings(EVERYTHING, max_examples=300)
@given(drawn())
def test_what_is_refused_is_refused_by_one_line_that_names_the_key(
    config: dict[str, Any],
) -> None:
    try:
        configuration.check(deepcopy(config))
    except BadInput as error:
        schema = configuration.load_schema()["properties"]
        entries = schema["ensembles"]["items"]["oneOf"]
        keys = {*schema, *(key for of in entries for key in of["properties"])}
        said = str(error)
        assert "\n" not in said
        words = {word for key in keys for word in (key, key.replace("_", " "))}
        assert any(word in said for word in words), said


@pytest.fixture(scope="module")
def anywhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One copy of the project for all experiments."""
    folder = copy_project(tmp_path_factory.mktemp("any") / "project")
    shutil.copytree(ROOT / "tests", folder / "tests")
    return folder


@pytest.mark.parametrize("chunk", range(min(CHUNKS, EXPERIMENTS)))
def test_any_experiment_runs_and_passes_its_audit(anywhere: Path, chunk: int) -> None:
    run = run_in(anywhere)
    failed = []
    for config in experiments(chunk):
        text = yaml.safe_dump(config, sort_keys=False)
        path = anywhere / "config" / "any.yaml"
        path.write_text(text)
        experiment = configuration.check(yaml.safe_load(text))
        results = anywhere / "results" / experiment.config["experiment"]
        for target in ("all", "audit"):
            done = run(target, "--configfile", path, check=False)
            if done.returncode:
                failed.append("\n".join([text, target, done.stdout, done.stderr]))
                break
        names = expected(experiment)
        lacking = [name for name in names if not (results / name).is_file()]
        if lacking:
            failed.append(f"{text}\nlacks {lacking}")
        shutil.rmtree(results, ignore_errors=True)
    assert not failed, "\n\n".join([f"{len(failed)} failed", *failed])


def expected(experiment: Experiment) -> list[str]:
    """What a run leaves."""
    figures = figures_of(experiment.ensembles)
    return [
        layout.EXPERIMENT,
        layout.GRADIENTS,
        layout.STATISTICS,
        layout.THEORY,
        layout.FITS,
        layout.CLAIMS,
        layout.VERDICT,
        layout.AGREEMENT,
        layout.CRATE,
        layout.REPORT,
        *(path for figure in figures for path in layout.figure(figure.name)),
    ]
