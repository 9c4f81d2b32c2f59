# Which circuits: the experiment's configuration, and the circuits drawn from its seed.


rule describe_experiment:
    input:
        **needs("describe_experiment", "circuits"),
    output:
        **leaves("describe_experiment", "experiment"),
    log:
        "<logs>/describe_experiment.log",
    # All tables wait for it.
    priority: 3
    conda:
        "../../envs/circuits.yaml"
    params:
        config=as_json(config),
    message:
        f"writing down the configuration of {config['experiment']}"
    shell:
        command("describe_experiment", "circuits")


rule build_circuits:
    input:
        **needs("build_circuits", "tfq"),
        # The user's, like the configuration that names them: no prefix is put before.
        sources=[local(path) for path in EXPERIMENT.functions],
    output:
        **leaves("build_circuits"),
        circuits=circuits_of(EXPERIMENT.ensembles),
    log:
        "<logs>/build_circuits.log",
    # What is wrong with a circuit is told before others are sampled.
    priority: 3
    conda:
        "../../envs/tfq.yaml"
    params:
        # A file that takes another's place may be older.
        contents=[sha256(Path(path)) for path in EXPERIMENT.functions],
        # A width of another family is no reason to build, and sample, them again.
        ensembles=as_json(
            EXPERIMENT.of_widths(widths(EXPERIMENT.ensembles), OwnCircuit)
        ),
    message:
        "building the circuits of {input.sources}"
    shell:
        command("build_circuits", "tfq")


rule sample_circuits:
    input:
        **needs("sample_circuits", "circuits"),
        circuits=circuits_of_job,
    output:
        **leaves("sample_circuits", batch=layout.batch()),
    log:
        "<logs>/sample_circuits/width-{widths}_samples-{first}-{last}.log",
    # What takes longest waits for them.
    priority: 3
    conda:
        "../../envs/circuits.yaml"
    resources:
        **resources_of("sample_circuits"),
    params:
        **settings("seed", "stream"),
        ensembles=configuration_of_job,
        skips=as_json(EXPERIMENT.skips),
        # Of the notebook's stream alone: more of them keep the circuits that there were.
        samples=config["samples"] if EXPERIMENT.skips else 0,
    message:
        "sampling circuits {wildcards.first} to {wildcards.last} of width {wildcards.widths}"
    shell:
        command("sample_circuits", "circuits")
