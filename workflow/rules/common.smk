# The functions that the rules share.
import json
import os
import shlex
import sys
from pathlib import Path

# Another version of this workflow, a module beside this one, keeps what it imported.
SCRIPTS = str(ROOT / "scripts")
if [*getattr(sys.modules.get("barren"), "__path__", [])] != [f"{SCRIPTS}/barren"]:
    for name in [name for name in sys.modules if name.split(".")[0] == "barren"]:
        del sys.modules[name]
    sys.path.insert(0, SCRIPTS)

from barren.analysis.figures import CIRCUIT, figures_of
from barren.physics.ensembles import BadInput
from barren.runner import configuration, cost, layout
from barren.runner.experiment import NOTEBOOK, widths
from barren.runner.sources import sources

# Of Snakemake itself: in a cluster's job it runs twice, and counts (130 MiB each).
SNAKEMAKE_MIB = 300

try:
    EXPERIMENT = configuration.check(config)
except BadInput as error:
    sys.exit(f"configuration: {error}")

FIGURES = figures_of(EXPERIMENT.ensembles)
# Where `snakemake plan` leaves what it measured on this machine.
CALIBRATION = Path(f"logs/calibration-{config['engine']}.json")
RATES = cost.Rates.read(CALIBRATION, config["engine"])


def results(name):
    """A file of the experiment."""
    return f"<results>/{name}"


# What every step has: its code and environment as inputs, a record, a command line.


def needs(step, environment_name):
    """The inputs of a step that are not data."""
    code = [project(path) for path in sources(step)]
    return {"code": code, "environment": environment(environment_name)}


def leaves(step, output=""):
    """The outputs of a step that are not data."""
    return {"record": results(layout.record(step, output))}


def command(environment_name, step, *of_wildcards, hidden=(), **options):
    """The command line of a step, an option for each input, output and parameter.

    of_wildcards: the wildcards that are options. hidden: inputs that the step finds by
    itself. An option may be a function of wildcards and output.
    """
    script = shlex.quote(project(f"scripts/{step}.py"))
    hidden = {"code", "environment", *hidden}

    def line(wildcards, input, output):
        given = {n: value for n, value in input.items() if value and n not in hidden}
        given |= {name: wildcards[name] for name in of_wildcards}
        for name, value in options.items():
            given[name] = value(wildcards, output) if callable(value) else value
        words = []
        for name, value in {**given, **dict(output.items())}.items():
            values = [value] if isinstance(value, (str, int)) else value
            words += [f"--{name.replace('_', '-')}", *map(str, values)]
        return f"{python(environment_name)} {script} {shlex.join(words)}"

    # Snakemake reruns no job for parameters that depend on input or output.
    def told(wildcards):
        values = (v for v in options.values() if v is not folder_of)
        return [str(v(wildcards, None) if callable(v) else v) for v in values]

    return {"command": line, "told": told}


# What wildcards stand for.


def of_width(ensembles, wildcards):
    """The ensembles of one width."""
    return [e for e in ensembles if e.width == int(wildcards.width)]


def ensembles_of_width(wildcards, _):
    """The ensembles of one width, as a part of the configuration."""
    return json.dumps(EXPERIMENT.of_width(int(wildcards.width)))


def built_circuit(wildcards):
    """The circuit of a batch, where it is one of one's own."""
    own = wildcards.program in EXPERIMENT.own_circuits
    return [results(layout.circuit(wildcards.program))] if own else []


def built_circuits_of_width(wildcards):
    """The circuits of one's own of one width."""
    own = of_width(EXPERIMENT.own_circuits.values(), wildcards)
    return [results(layout.circuit(ensemble.program)) for ensemble in own]


def batches_of_width(wildcards):
    """The batches of the sampled ensembles of one width in one range of samples."""
    programs = [
        p for p, e in EXPERIMENT.programs.items() if str(e.width) == wildcards.width
    ]
    batch = wildcards.first, wildcards.last
    return [results(layout.batch(program, *batch)) for program in programs]


def all_batches(_):
    """All batches of circuits."""
    return [
        results(layout.batch(program, *batch))
        for program in EXPERIMENT.programs
        for batch in EXPERIMENT.batches
    ]


def all_gradients(_):
    """The gradients of every width and range of samples."""
    return [results(layout.gradients(*job)) for job in EXPERIMENT.jobs]


def all_predictions(_):
    """The exact moments of every width."""
    return [results(layout.theory(width)) for width in widths(EXPERIMENT.ensembles)]


def folder_of(_, output):
    """The experiment's folder, from an output one folder below it."""
    return str(Path(output.gradients).parents[1])


def samples_of(wildcards):
    return int(wildcards.last) - int(wildcards.first) + 1


def program_of(wildcards):
    """An ensemble of the circuits of a batch."""
    return EXPERIMENT.programs[wildcards.program]


def sampling_cost(wildcards):
    """What a job of `sample_circuits` takes."""
    return cost.sampling(program_of(wildcards), samples_of(wildcards), RATES)


def gradient_cost(wildcards):
    """What a job of `compute_gradients` takes."""
    ensembles = of_width(EXPERIMENT.sampled, wildcards)
    return cost.gradient(ensembles, samples_of(wildcards), RATES)


def resources_of(predicted):
    """Memory and time of a job, more with each attempt."""
    return {
        "mem_mb": lambda wildcards, attempt: attempt
        * (predicted(wildcards).mib + SNAKEMAKE_MIB),
        "runtime": lambda wildcards, attempt: attempt
        * cost.minutes(predicted(wildcards).seconds),
    }


def all_records(_):
    """The record of every job behind the targets."""
    once = [layout.record(step) for step in ONCE]
    return [results(name) for name in (*EXPERIMENT.records, *once)]


def caption(figure):
    """A file with the caption of a figure, for Snakemake's report."""
    path = Path(".snakemake", "captions", config["experiment"], f"{figure.name}.rst")
    text = figure.caption.format(setting=EXPERIMENT.setting, seed=config["seed"])
    if workflow.is_main_process:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return str(path.absolute())


def shown(path, figure):
    """A file of a figure; the report shows the SVG, captioned."""
    if not path.endswith(".svg"):
        return path
    options = {"category": "2. Figures", "labels": {"Figure": figure.title}}
    return report(path, caption=caption(figure), **options)


def reported(figures):
    """The files of some figures, as outputs."""
    return [shown(results(name), f) for f in figures for name in layout.figure(f.name)]


DRAWINGS = [figure for figure in FIGURES if figure.kind == CIRCUIT]
CURVES = [figure for figure in FIGURES if figure.kind != CIRCUIT]
# The steps behind the targets that run once.
ONCE = [
    "describe_experiment",
    "gather_gradients",
    "summarise_gradients",
    "judge_claims",
    *(["build_circuits"] if EXPERIMENT.own_circuits else []),
    *(["plot_variance"] if CURVES else []),
    "draw_circuits",
    "write_paper",
]
RESULTS = f"results/{config['experiment']}"
# What a reader of the paper sees.
TARGETS = [
    results(name)
    for name in (
        layout.GRADIENTS,
        layout.STATISTICS,
        layout.THEORY,
        layout.FITS,
        layout.CLAIMS,
        layout.VERDICT,
        *(name for figure in FIGURES for name in layout.figure(figure.name)),
        *(layout.PAPER.format(table=table) for table in layout.PAPER_TABLES),
    )
]
