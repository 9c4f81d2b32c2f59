# The functions that the rules share.
import ast
import json
import sys
from functools import cache
from pathlib import Path

sys.path.insert(0, str(Path(workflow.basedir).parent / "scripts"))

from barren import configuration, cost
from barren.columns import OBSERVABLE_A, SIGMA, SYMBOL_LAYER, SYMBOL_QUBIT
from barren.ensembles import (
    NOTEBOOK,
    RANDOM,
    BadInput,
    Ensemble,
    batch_path,
    batches,
    displayed,
    expand,
    further_keys,
    gradients_file,
    notebook_skips,
    sampled,
    widths,
)

# Of Snakemake itself: in a cluster's job it runs twice, and counts (130 MiB each).
SNAKEMAKE_MIB = 300


def check_configuration(config):
    """Fill in the defaults of an experiment; end with one line on what is wrong."""
    try:
        configuration.check(config)
    except BadInput as error:
        sys.exit(f"configuration: {error}")


def calibration():
    """Where `snakemake plan` leaves what it measured on this machine."""
    return Path(f"logs/calibration-{config['engine']}.json")


@cache
def rates():
    """What each part of a job takes."""
    return cost.Rates.read(calibration(), config["engine"])


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
            modules = {
                root.joinpath(*name.split(".")).with_suffix(".py") for name in names
            }
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


def sampling_cost(wildcards):
    """What a job of `sample_circuits` takes."""
    samples = int(wildcards.last) - int(wildcards.first) + 1
    return cost.sampling(Ensemble.parse(wildcards.ensemble), samples, rates())


def gradient_cost(wildcards):
    """What a job of `compute_gradients` takes."""
    samples = int(wildcards.last) - int(wildcards.first) + 1
    ensembles = [e for e in sampled(config) if e.width == int(wildcards.width)]
    return cost.gradient(ensembles, samples, rates())


def memory(predicted, attempt):
    """The memory that a job asks for, MiB, more with each attempt."""
    return attempt * (predicted.mib + SNAKEMAKE_MIB)


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
    random = [e for e in expand(config) if e.family == RANDOM]
    several = len({e.family for e in expand(config)}) > 1
    varied = set(further_keys(config))
    figures = []
    if not varied and len(widths(random)) > 1:
        figures += ["gradient_variance_random", "gradient_std_random"]
    if not varied and random and several and len(widths(expand(config))) > 1:
        figures += ["random_vs_identity", "random_vs_identity_std"]
    if not varied and random:
        figures += ["gradient_variance_by_depth"]
    if {SYMBOL_LAYER, SYMBOL_QUBIT} <= varied:
        figures += ["gradient_variance_of_symbols"]
    elif SYMBOL_LAYER in varied:
        figures += ["gradient_variance_by_layer"]
    if OBSERVABLE_A in varied:
        figures += ["gradient_variance_of_observables"]
    if SIGMA in varied:
        figures += ["gradient_variance_by_sigma"]
    return figures


def figure_files(names):
    """The files of some figures: every format, and the source data."""
    return [
        f"<results>/figures/{name}.{form}"
        for name in names
        for form in ("pdf", "svg", "png", "csv")
    ]
