# What an experiment takes, before it is spent; and the workflow measured.


rule plan:
    input:
        **needs("tools/plan", config["engine"]),
    log:
        "logs/plan.log",
    conda:
        f"../../envs/{config['engine']}.yaml"
    params:
        config=as_json(config),
        cores=lambda wildcards: workflow.cores,
        calibration=str(CALIBRATION),
    message:
        "timing this machine for some seconds, on one core"
    shell:
        command("tools/plan", config["engine"])


# Without the gradients of all circuits where they are many.
rule reference:
    input:
        TARGETS,
        **files("experiment"),
    log:
        "<logs>/reference.log",
    conda:
        "../../envs/circuits.yaml"
    params:
        results=subpath(input.experiment, parent=True),
        # Not what another configuration left beside them.
        names=[layout.EXPERIMENT, *(of.removeprefix(f"{RESULTS}/") for of in TARGETS)],
        kept=KEPT,
        index=shlex.join([sys.executable, project("scripts/tools/index.py")]),
    message:
        "keeping the results in {params.kept}"
    shell:
        "exec 2> {log:q}; rm -rf {params.kept} && mkdir -p {params.kept}"
        " && (cd {params.results:q}"
        ' && cp --parents {params.names:q} "$OLDPWD"/{params.kept})'
        " && find {params.kept} -name gradients.csv -size +500k -delete"
        " && {params.index} results/reference"


# One job measures in several environments in turn, so by venvs, whoever deploys the rest.
MEASURED = ("benchmark", "circuits", "plot", "qsim", "tfq")
VENVS = {"--tfq": "tfq", "--qsim": "qsim", "--peers": "benchmark"}
PYTHONS = [f"{option} {venv_prefix(VENVS[option])}/bin/python" for option in VENVS]


rule benchmark:
    input:
        script=project("scripts/benchmark/benchmark.py"),
        code=[project(path) for path in (ROOT / "scripts" / "benchmark").glob("*.py")],
        environment=environment("plot"),
        venvs=ancient([marker(venv_prefix(name)) for name in MEASURED]),
    output:
        multiext("results/benchmark/benchmark", ".md", ".pdf", ".svg", ".png", ".csv"),
        measurements="results/benchmark/measurements.csv",
        ratios="results/benchmark/ratios.csv",
    log:
        "logs/benchmark.log",
    conda:
        "../../envs/plot.yaml"
    threads: lambda wildcards: workflow.cores
    params:
        folder=subpath(output.ratios, parent=True),
        snakemake=SNAKEMAKE,
    message:
        "measuring against other simulators and the tutorial's script"
    shell:
        f"{python('plot')} {{input.script}} {' '.join(PYTHONS)} --cores {{threads}}"
        " --folder {params.folder} --snakemake {params.snakemake:q} 2> {log:q}"
