"""The configuration of an experiment: its schema, checked, explained and documented.

The schema is the only list of keys. This module runs in the workflow's own Python, by
itself to read a file (`configuration FILE`) or to write config/README.md.
"""

import json
import math
import os
import sys
from dataclasses import MISSING, fields
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from barren.physics.ensembles import QSIM, BadInput, Ensemble
from barren.physics.families import FAMILIES
from barren.physics.layered import Layered
from barren.runner import cost
from barren.runner.experiment import NOTEBOOK, Experiment
from barren.runner.functions import check_functions, hint, spelled

SCHEMA = Path(__file__).parents[3] / "workflow" / "schemas" / "config.schema.yaml"
#: What config/README.md is made of, with the schema.
README = SCHEMA.with_name("README.md.j2")
#: 4.0 is no integer: it would be another name for the same ensemble.
_KINDS = jsonschema.Draft202012Validator.TYPE_CHECKER.redefine_many(
    {
        "integer": lambda _, value: type(value) is int,
        "number": lambda _, value: (
            type(value) is int or (type(value) is float and math.isfinite(value))
        ),
    }
)
VALIDATOR = jsonschema.validators.extend(
    jsonschema.Draft202012Validator, type_checker=_KINDS
)
#: Rotations that a circuit may have: more would not fit into any memory.
MOST_ROTATIONS = 1_000_000


@cache
def load_schema() -> dict[str, Any]:
    """The schema with the families' entries."""
    schema: dict[str, Any] = yaml.safe_load(SCHEMA.read_bytes())
    known = schema["$defs"]
    entries = [known.get(name) or entry(of, known) for name, of in FAMILIES.items()]
    schema["properties"]["ensembles"]["items"]["oneOf"] = entries
    return schema


def entry(family: type[Ensemble], known: dict[str, Any]) -> dict[str, Any]:
    """The schema of a family's entry in `ensembles`: its fields are known keys."""
    keys = [*family.circuit_keys(), *family.gradient_keys]
    required = [of.name for of in fields(family) if of.default is MISSING]
    return {
        "title": family.family,
        "description": " ".join((family.__doc__ or "").split()),
        "type": "object",
        "additionalProperties": False,
        "required": ["family", *required],
        "properties": {"family": {"enum": [family.family]}}
        | {key: known[key] for key in keys},
    }


class _Loader(yaml.SafeLoader):
    """YAML in which no key is given twice, where the last one would count."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> Any:
        names = [key.value for key, _ in node.value]
        for number, (key, _) in enumerate(node.value):
            if key.value in names[:number]:
                told = f"the key {key.value} is there twice"
                raise yaml.MarkedYAMLError(problem=told, problem_mark=key.start_mark)
        return super().construct_mapping(node, deep)


def read(path: Path) -> dict[str, Any]:
    """The keys that a YAML file holds; BadInput, one line, where it cannot be read.

    Snakemake reads it once more, but names neither the file nor the line of an error.
    """
    try:
        found = yaml.load(path.read_bytes(), _Loader)
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror}") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise BadInput(f"{path}{line}: {error.problem}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise BadInput(f"{path}: {' '.join(str(error).split())}") from None
    if not isinstance(found, dict):
        raise BadInput(f"{path}: it has no keys")
    return found


def check(config: dict[str, Any]) -> Experiment:
    """Fill in the defaults; raise BadInput, one line, for what is wrong.

    Keys get the order of the schema: that of a file is no reason to run again.
    """
    if not isinstance(config, dict):
        raise BadInput(f"got {config!r}; allowed: keys with their values")
    schema = load_schema()
    for key, of in schema["properties"].items():
        if key in config or "default" in of:
            config[key] = config.pop(key, of.get("default"))
    errors = VALIDATOR(schema).iter_errors(config)
    if errors := sorted(errors, key=lambda e: list(e.path)):
        raise BadInput(explain(errors[0]))
    experiment = Experiment(config)
    if config["engine"] == QSIM and config["differentiator"] == "adjoint":
        raise BadInput("differentiator: adjoint needs the engine tfq, not qsim")
    if experiment.own_circuits and config["differentiator"] == "parameter_shift":
        raise BadInput(
            "differentiator: circuits of your own need the adjoint method, because a "
            "symbol may stand in several gates"
        )
    if config["stream"] == NOTEBOOK:
        check_notebook(experiment)
    check_functions(experiment.own_circuits.values())
    check_size(experiment)
    return experiment


def explain(error: Any) -> str:
    """One line: the key, what is wrong, what is allowed."""
    key = ".".join(map(str, error.absolute_path))
    place = key and f"{key}: "
    if error.validator == "oneOf":
        entry = error.instance
        if not isinstance(entry, dict):
            return f"{place}got {entry!r}; allowed: an entry with a family"
        titles = [of["title"] for of in error.validator_value]
        family = entry.get("family")
        if family not in titles:
            got = f"got {family!r}" if family else "missing"
            return f"{key}.family: {got}; allowed: {', '.join(titles)}"
        number = titles.index(family)
        return explain(next(e for e in error.context if e.schema_path[0] == number))
    if error.validator == "additionalProperties":
        keys = list(error.schema["properties"])
        unknown = next(name for name in error.instance if name not in keys)
        return f"{place}unknown key {unknown}; {hint(str(unknown), keys, 'allowed: ')}"
    if error.validator == "required":
        missing = (key for key in error.validator_value if key not in error.instance)
        return f"{place}the key {next(missing)} is missing"
    if error.validator == "not":
        return (
            f"{place}results/{error.instance}/ has another purpose; choose another name"
        )
    told = f"{place}got {error.instance!r}; allowed: {allowed(error.schema)}"
    kinds = ("integer", "number") if isinstance(error.instance, str) else ("string",)
    meant = error.validator == "type" and error.schema["type"] in kinds
    return told + (spelled(error.instance, error.schema["type"]) if meant else "")


def check_size(experiment: Experiment) -> None:
    """Refuse what does not fit into this machine's memory."""
    for ensemble in experiment.ensembles:
        rotations = ensemble.layers * ensemble.width
        if isinstance(ensemble, Layered) and rotations > MOST_ROTATIONS:
            raise BadInput(
                f"{ensemble.layer_key}: {ensemble.name} has {rotations} rotations; "
                f"allowed: at most {MOST_ROTATIONS}"
            )
    available = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    config = experiment.config
    size = min(config["batch_size"], config["samples"])
    for ensemble in experiment.sampled:
        needed = cost.gradient([ensemble], size, cost.RATES[config["engine"]]).mib
        if needed > available:
            raise BadInput(
                f"{ensemble.name}: width {ensemble.width} needs {needed} MiB of memory "
                f"for batches of {size} circuits, this machine has {available}; lower "
                "width or batch_size, or set max_sampled_width to use the theory alone"
            )


def check_notebook(experiment: Experiment) -> None:
    """Refuse what the notebook's random stream does not have."""
    if experiment.config["seed"] >= 2**32:
        raise BadInput("seed: the notebook's stream takes seeds below 4294967296")
    for ensemble in experiment.ensembles:
        if not ensemble.notebook:
            raise BadInput(f"stream: the notebook has no family {ensemble.family}")
        assert isinstance(ensemble, Layered)
        if ensemble.symbol != (0, 0) or ensemble.sigma is not None:
            raise BadInput(
                "stream: the notebook has uniform angles, and its symbol at (0, 0)"
            )


def allowed(schema: dict[str, Any], plural: str = "") -> str:
    """What a key may hold, in words."""
    if "title" in schema:
        return str(schema["title"])
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if "anyOf" in schema:
        return "; or ".join(map(allowed, schema["anyOf"]))
    if schema.get("type") == "array":
        return f"list of distinct {allowed(schema['items'], 's')}"
    if schema.get("type") == "object":
        parts = (f"{key}: {allowed(of)}" for key, of in schema["properties"].items())
        return "; ".join(parts)
    kinds = schema["type"]
    kinds = [kinds] if isinstance(kinds, str) else kinds
    text = " or ".join(kind + plural for kind in kinds)
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None:
        text += f", at least {low}" if high is None else f", {low} to {high}"
    if longest := schema.get("maxLength"):
        text += f", up to {longest} characters"
    return text


def document() -> str:
    """The documentation of a configuration, as Markdown."""
    from jinja2 import Template

    template = Template(
        README.read_text(), trim_blocks=True, keep_trailing_newline=True
    )
    keys = load_schema()["properties"]
    return str(template.render(keys=keys, allowed=allowed, dumps=json.dumps))


if __name__ == "__main__":
    if sys.argv[1:]:
        try:
            read(Path(sys.argv[1]))
        except BadInput as error:
            sys.exit(f"configuration: {error}")
    else:
        (SCHEMA.parents[2] / "config" / "README.md").write_text(document())
