# Which circuits: the experiment's configuration, and the circuits drawn from its seed.
BATCH = layout.batch("{widths}", "{first}", "{last}")
# The user's, like the configuration that names them: no prefix is put before them.
SOURCES = [local(path) for path in EXPERIMENT.functions]
NOTEBOOK_STREAM = {}
if config["stream"] == NOTEBOOK:
    NOTEBOOK_STREAM = {
        "stream": NOTEBOOK,
        "samples": config["samples"],
        "skips": json.dumps(EXPERIMENT.skips),
    }


rule describe_experiment:
    input:
        **needs("describe_experiment", "circuits"),
    output:
        **leaves("describe_experiment"),
        experiment=results(layout.EXPERIMENT),
    log:
        "<logs>/describe_experiment.log",
    # All tables wait for it.
    priority: 3
    conda:
        "../../envs/circuits.yaml"
    params:
        **command("circuits", "describe_experiment", config=json.dumps(config)),
    message:
        f"writing down the configuration of {config['experiment']}"
    shell:
        "{params.command} 2> {log}"


rule build_circuits:
    input:
        **needs("build_circuits", "tfq"),
        sources=SOURCES,
    output:
        **leaves("build_circuits"),
        circuits=[
            results(layout.circuit(program)) for program in EXPERIMENT.own_circuits
        ],
    log:
        "<logs>/build_circuits.log",
    # What is wrong with a circuit is told before others are sampled.
    priority: 3
    conda:
        "../../envs/tfq.yaml"
    params:
        **command(
            "tfq",
            "build_circuits",
            ensembles=json.dumps([e.spec() for e in EXPERIMENT.own_circuits.values()]),
        ),
    message:
        "building the circuits of {input.sources}"
    shell:
        "{params.command} 2> {log}"


rule sample_circuits:
    input:
        **needs("sample_circuits", "circuits"),
        circuits=own_circuits_of_job,
    output:
        **leaves("sample_circuits", BATCH),
        batch=results(BATCH),
    log:
        "<logs>/sample_circuits/width-{widths}_samples-{first}-{last}.log",
    # What takes longest waits for them.
    priority: 3
    conda:
        "../../envs/circuits.yaml"
    resources:
        **resources_of(sampling_cost),
    params:
        **command(
            "circuits",
            "sample_circuits",
            "first",
            "last",
            programs=lambda w: json.dumps([e.spec() for e in programs_of_job(w)]),
            seed=config["seed"],
            **NOTEBOOK_STREAM,
        ),
    message:
        "sampling circuits {wildcards.first} to {wildcards.last} of width {wildcards.widths}"
    shell:
        "{params.command} 2> {log}"
