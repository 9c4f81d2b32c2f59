# Which circuits: the experiment's configuration, and the circuits drawn from its seed.


rule describe_experiment:
    input:
        code=code("describe_experiment"),
        environment=environment("circuits"),
    output:
        experiment="<results>/experiment.json",
        record="<results>/records/describe_experiment.json",
    log:
        "<logs>/describe_experiment.log",
    benchmark:
        "<benchmarks>/describe_experiment.tsv"
    conda:
        "../../envs/circuits.yaml"
    threads: 1
    resources:
        mem_mb=500,
    params:
        python=python("circuits"),
        config=json.dumps(config),
    message:
        "writing down the configuration of {config[experiment]}"
    shell:
        "{params.python} scripts/describe_experiment.py --config {params.config:q}"
        " --experiment {output.experiment} --record {output.record} 2> {log}"


rule sample_circuits:
    input:
        code=code("sample_circuits"),
        environment=environment("circuits"),
    output:
        batch="<results>/batches/{ensemble}/{first}-{last}.npz",
        record="<results>/records/sample_circuits/{ensemble}/{first}-{last}.json",
    log:
        "<logs>/sample_circuits/{ensemble}_{first}-{last}.log",
    benchmark:
        "<benchmarks>/sample_circuits/{ensemble}_{first}-{last}.tsv"
    conda:
        "../../envs/circuits.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: memory(sampling_cost(wildcards), attempt),
        runtime=lambda wildcards, attempt: attempt
        * cost.minutes(sampling_cost(wildcards).seconds),
    params:
        python=python("circuits"),
        seed=config["seed"],
        stream=stream_arguments,
    message:
        "sampling circuits {wildcards.first} to {wildcards.last} of {wildcards.ensemble}"
    shell:
        "{params.python} scripts/sample_circuits.py --ensemble {wildcards.ensemble}"
        " --seed {params.seed} --first {wildcards.first} --last {wildcards.last}"
        " {params.stream} --batch {output.batch} --record {output.record} 2> {log}"
