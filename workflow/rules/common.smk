# The functions that the rules share.
import json
import shlex

# Another version of this workflow, a module beside this one, keeps what it imported.
SCRIPTS = str(ROOT / "scripts")
if [*getattr(sys.modules.get("barren"), "__path__", [])] != [f"{SCRIPTS}/barren"]:
    for name in [name for name in sys.modules if name.split(".")[0] == "barren"]:
        del sys.modules[name]
    sys.path.insert(0, SCRIPTS)

from barren.analysis.figures import CIRCUIT, figures_of
from barren.physics.ensembles import BadInput
from barren.physics.own_circuits import OwnCircuit
from barren.runner import configuration, cost, layout
from barren.runner.experiment import widths
from barren.runner.jobs import outputs, records
from barren.runner.sources import options, project_files, sources, workflow_files
from barren.runner.step import collect_seldom, plain, sha256

# Of Snakemake itself: in a cluster's job it runs twice, and counts (130 MiB each).
SNAKEMAKE_MIB = 300

collect_seldom()
try:
    EXPERIMENT = configuration.check(config)
except BadInput as error:
    sys.exit(f"configuration: {error}")


# A workflow that imports this one may say others.
pathvars:
    results=f"results/{config['experiment']}",
    logs=f"logs/{config['experiment']}",


def where(path):
    """Where a file of the experiment is, also below an importing workflow's prefix."""
    return workflow.modifier.path_modifier.replace_prefix(path)


# Not left to Snakemake, which applies those of the importing workflow to what functions
# return (9.16).
RESULTS = workflow.pathvars.apply("<results>")
LOGS = workflow.pathvars.apply("<logs>")
if Path(where(RESULTS)).is_absolute() or ".." in Path(where(RESULTS)).parts:
    sys.exit(
        f"error: results={where(RESULTS)}: allowed: a folder in the working directory"
    )
if Path(where(LOGS)).is_relative_to(where(RESULTS)):
    sys.exit(f"error: logs={where(LOGS)}: allowed: a folder outside the results")
# What is kept of an experiment, to compare with.
KEPT = f"results/reference/{config['experiment']}"
FIGURES = figures_of(EXPERIMENT.ensembles)
# What all jobs leave, by the steps that have several.
SEVERAL = outputs(EXPERIMENT)
# Where `snakemake plan` leaves what it measured on this machine.
CALIBRATION = Path(f"logs/calibration-{config['engine']}.json")
RATES = cost.Rates.read(CALIBRATION, config["engine"])


def results(name):
    """A file of the experiment."""
    return f"{RESULTS}/{name}"


def files(*names):
    """Files of the experiment, each by the name that `layout` has for it."""
    return {name: results(getattr(layout, name.upper())) for name in names}


def settings(*names):
    """Parameters that are keys of the configuration."""
    return {name: config[name] for name in names}


def as_json(value):
    """A parameter as JSON; by a function, or Snakemake would read what is in braces."""
    return lambda _: json.dumps(value)


# What every step has: its code and environment as inputs, a record, a command line.


def needs(step, environment_name, *names):
    """The inputs of a step: its code, its environment, and files by name."""
    script = project(f"scripts/{step}.py")
    return {
        "script": script,
        "code": [path for path in map(project, sources(step)) if path != script],
        "environment": environment(environment_name),
        **files(*names),
    }


def leaves(step, *names, **pattern):
    """The outputs of a step: its record, files by name, and one that each job has."""
    record = results(layout.record(step, *pattern.values()))
    each = {name: results(path) for name, path in pattern.items()}
    return {"record": record, **files(*names), **each}


def command(step, environment_name):
    """The command line of a step, with what its rule has for each of its options."""
    places = options(step)
    if not step.startswith("tools/"):
        places["record"] = "output.record"
    words = [f"--{name.replace('_', '-')} {{{places[name]}:q}}" for name in places]
    return " ".join(
        [python(environment_name), "{input.script:q}", *words, "2> {log:q}"]
    )


# What wildcards stand for.


def of_job(wildcards, ensembles):
    """The ensembles that a job takes, by its widths: those from 4 to 10 for "4-10"."""
    first, _, last = wildcards.widths.partition("-")
    return [e for e in ensembles if int(first) <= e.width <= int(last or first)]


def configuration_of_job(wildcards):
    """The part of the configuration that a job takes: one text for all of its widths."""
    ensembles = of_job(wildcards, EXPERIMENT.ensembles)
    return sys.intern(json.dumps(EXPERIMENT.of_widths(widths(ensembles))))


def circuits_of(ensembles):
    """The circuits of one's own of some ensembles, built."""
    programs = dict.fromkeys(ensemble.program for ensemble in ensembles)
    own = [program for program in programs if program in EXPERIMENT.own_circuits]
    return [results(layout.circuit(program)) for program in own]


def circuits_of_job(wildcards):
    """The circuits of one's own that a job takes, built."""
    return circuits_of(of_job(wildcards, EXPERIMENT.ensembles))


def batches_of_job(wildcards):
    """The batches that a job takes, one for each width."""
    ensembles = of_job(wildcards, EXPERIMENT.sampled)
    return [
        results(layout.batch(width, wildcards.first, wildcards.last))
        for width in widths(ensembles)
    ]


def all_of(step):
    """What all jobs of a step leave, of which there may be several."""
    return lambda _: [*map(results, SEVERAL[step])]


def cost_of(step, wildcards):
    """What a job of a step takes."""
    if step in cost.ONCE:
        batches = len(SEVERAL["sample_circuits"])
        return cost.once(step, batches, EXPERIMENT.points, config["samples"])
    if step == "predict_variance":
        return cost.Cost(
            cost.theory(of_job(wildcards, EXPERIMENT.ensembles), RATES), 0, 0
        )
    samples = int(wildcards.last) - int(wildcards.first) + 1
    if step == "sample_circuits":
        programs = of_job(wildcards, EXPERIMENT.programs.values())
        return cost.sampling(programs, samples, RATES)
    return cost.gradient(of_job(wildcards, EXPERIMENT.sampled), samples, RATES)


def resources_of(step):
    """Memory and time of a job, more with each attempt."""
    return {
        "mem_mb": lambda wildcards, attempt: attempt
        * (cost_of(step, wildcards).mib + SNAKEMAKE_MIB),
        "runtime": lambda wildcards, attempt: attempt
        * cost.minutes(cost_of(step, wildcards).seconds),
    }


def records_of(*once):
    """The records of all jobs of which there are several, and of steps that run once."""
    return lambda _: [*map(results, records(EXPERIMENT, once))]


def reference(_):
    """What is kept of the experiment; end with one line where that is another one."""
    from barren.provenance.compare import require_same  # which only `verify` needs

    name = f"{KEPT}/{layout.EXPERIMENT}"
    kept = local(name) if Path(name).exists() else project(name)
    if not Path(kept).exists():
        told = "keep results first, by the rule `reference` of this configuration"
        sys.exit(f"verify: no {kept}: {told}")
    try:  # before anything is computed
        require_same(Path(kept), config)
    except BadInput as error:
        sys.exit(f"verify: {error}")
    return kept


def project_to_pack(_):
    """The project's files; end with one line where git does not tell them."""
    try:
        names = project_files()
    except BadInput as error:
        sys.exit(f"archive: {error}")
    # Not what the benchmark measured, or it might be measured again for this.
    return [project(of) for of in names if not of.startswith("results/benchmark/")]


def caption(figure):
    """A file with the caption of a figure, for Snakemake's report."""
    path = Path(".snakemake", "captions", where(RESULTS), f"{figure.name}.rst")
    text = figure.captioned(config["seed"])
    if workflow.is_main_process:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n\n*Setting:* {EXPERIMENT.setting}", "utf-8")
    return str(path.absolute())


def reported(figures):
    """The files of some figures, as outputs; the report shows the SVG, captioned."""
    paths = []
    for figure in figures:
        shown = {"category": "2. Figures", "labels": {"Figure": figure.title}}
        for path in map(results, layout.figure(figure.name)):
            svg = path.endswith(".svg")
            paths.append(report(path, caption(figure), **shown) if svg else path)
    return paths


def left_over():
    """Figures that another configuration left, in words, if there are any."""
    there = {path.stem for path in Path(where(RESULTS), "figures").glob("*.*")}
    names = sorted(there.difference(figure.name for figure in FIGURES))
    told = f"; of another configuration, in figures/: {plain(', '.join(names))}"
    return told.replace("{", "{{").replace("}", "}}") if names else ""


DRAWINGS = [figure for figure in FIGURES if figure.kind == CIRCUIT]
CURVES = [figure for figure in FIGURES if figure.kind != CIRCUIT]
# The steps that run once, if there is something for them; those before the page.
NEEDLESS = {"build_circuits": not EXPERIMENT.own_circuits, "plot_variance": not CURVES}
ONCE = [step for step in ["build_circuits", *cost.ONCE] if not NEEDLESS.get(step)]
BEFORE = ONCE[: ONCE.index("write_report")]
# What a reader of the paper sees.
TARGETS = [
    *files("gradients", "statistics", "theory", "fits", "claims", "verdict").values(),
    *(results(name) for figure in FIGURES for name in layout.figure(figure.name)),
    *map(results, layout.PAPER),
]
EVERYTHING = [
    *TARGETS,
    *files("agreement", "report", "crate", "experiment").values(),
    # Of what was lost, nothing else may be the reason to make it again.
    *(results(name) for made in SEVERAL.values() for name in made),
    *map(results, records(EXPERIMENT, ONCE)),
    *circuits_of(EXPERIMENT.ensembles),
]
