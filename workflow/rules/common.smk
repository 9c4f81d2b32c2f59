# The functions that the rules share.
import ast
import difflib
import json
import os
import sys
from pathlib import Path

import jsonschema
import yaml

sys.path.insert(0, str(Path(workflow.basedir).parent / "scripts"))

from barren import cost
from barren.ensembles import (
    NOTEBOOK,
    RANDOM,
    BadInput,
    Ensemble,
    batch_path,
    batches,
    displayed,
    expand,
    gradients_file,
    notebook_skips,
    sampled,
    widths,
)

SCHEMA = Path(workflow.basedir, "schemas", "config.schema.yaml")


def check_configuration(config):
    """Fill in the defaults of an experiment; end with one line on what is wrong."""
    schema = yaml.safe_load(SCHEMA.read_text())
    for key, value in schema["properties"].items():
        if "default" in value:
            config.setdefault(key, value["default"])
    validator = jsonschema.Draft202012Validator(schema)
    try:
        for error in sorted(validator.iter_errors(config), key=lambda e: list(e.path)):
            raise BadInput(explain(error))
        check_memory(config)
        expand(config)
    except BadInput as error:
        sys.exit(f"configuration: {error}")


def explain(error):
    """One line for a violation of the schema: the key, what is wrong, what is allowed."""
    if error.validator == "oneOf":
        return explain_entry(error)
    key = ".".join(str(part) for part in error.path) or "the file"
    if error.validator == "additionalProperties":
        allowed = list(error.schema["properties"])
        unknown = next(name for name in error.instance if name not in allowed)
        close = difflib.get_close_matches(unknown, allowed, 1)
        hint = f"did you mean {close[0]}?" if close else f"allowed: {', '.join(allowed)}"
        return f"{key}: unknown key {unknown}; {hint}"
    return f"{key}: {error.message}"


def explain_entry(error):
    """The same for an entry of `ensembles`, by the rules of the family it names."""
    place = ".".join(str(part) for part in error.path)
    families = {option["title"]: number for number, option in enumerate(error.validator_value)}
    family = error.instance.get("family") if isinstance(error.instance, dict) else None
    if family not in families:
        return f"{place}: family is {family!r}; allowed: {', '.join(families)}"
    mine = [e for e in error.context if e.schema_path[0] == families[family]]
    return explain(mine[0])


def check_memory(config):
    """Refuse a width whose gradients do not fit into this machine's memory."""
    available = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    for width in {width for entry in config["ensembles"] for width in entry["width"]}:
        needed = cost.gradient_mib(width)
        if width <= config["max_sampled_width"] and needed > available:
            raise BadInput(
                f"width {width} needs {needed} MiB of memory, this machine has {available}; "
                "lower it, or set max_sampled_width to predict it by theory alone"
            )


def code(script):
    """The script of a step and the modules it imports, directly or not."""
    root = Path("scripts")
    found, new = set(), {root / f"{script}.py"}
    while new:
        path = new.pop()
        found.add(path)
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module == "barren":
                names = [f"barren.{alias.name}" for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module]
            else:
                names = []
            modules = {root.joinpath(*name.split(".")).with_suffix(".py") for name in names}
            new |= {path for path in modules if path.exists()} - found
    return sorted(map(str, found | {root / "barren" / "__init__.py"}))


def stream_arguments(wildcards):
    """What `sample_circuits` needs to know of the experiment's random stream."""
    if config["stream"] != NOTEBOOK:
        return ""
    skip = notebook_skips(config)[wildcards.ensemble]
    shown = wildcards.ensemble in {e.name for e in DISPLAYED}
    samples = 1 if shown else config["samples"]
    return f"--stream notebook --samples {samples} --skip {skip}"


def names_of_width(ensembles, wildcards):
    """The names of the ensembles of one width."""
    return [e.name for e in ensembles if e.width == int(wildcards.width)]


def batches_of_width(wildcards):
    """The batches of the sampled ensembles of one width in one range of samples."""
    names = names_of_width(sampled(config), wildcards)
    batch = f"{wildcards.first}-{wildcards.last}.npz"
    return [f"<results>/batches/{name}/{batch}" for name in names]


def all_batches(_):
    """The batches of every sampled ensemble."""
    return [
        f"<results>/batches/{batch_path(ensemble, first, last)}"
        for ensemble in sampled(config)
        for first, last in batches(config["samples"], config["batch_size"])
    ]


def all_gradients(_):
    """The gradients of every width and range of samples."""
    return [
        f"<results>/gradients/{gradients_file(width, first, last)}"
        for width in widths(sampled(config))
        for first, last in batches(config["samples"], config["batch_size"])
    ]


def all_predictions(_):
    """The exact moments of every width."""
    return [f"<results>/theory/width-{width}.csv" for width in widths(expand(config))]


def variance_figures():
    """The names of the variance figures that make sense for the experiment."""
    widths_of = {}
    for e in expand(config):
        widths_of.setdefault(e.family, set()).add(e.width)
    figures = []
    if len(widths_of.get(RANDOM, ())) > 1:
        figures += ["gradient_variance_random", "gradient_std_random"]
    if RANDOM in widths_of and len(widths_of) > 1 and len(set().union(*widths_of.values())) > 1:
        figures += ["random_vs_identity", "random_vs_identity_std"]
    if RANDOM in widths_of:
        figures += ["gradient_variance_by_depth"]
    return figures


def figure_files(names):
    """The files of some figures: every format, and the source data."""
    return [
        f"<results>/figures/{name}.{form}"
        for name in names
        for form in ("pdf", "svg", "png", "csv")
    ]
