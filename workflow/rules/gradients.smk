# The gradient of every circuit, computed by TensorFlow Quantum or qsim.


rule compute_gradients:
    input:
        batches=batches_of_width,
        code=code("compute_gradients"),
        environment=environment(config["engine"]),
    output:
        gradients="<results>/gradients/width-{width}_samples-{first}-{last}.csv",
        record="<results>/records/compute_gradients/width-{width}_samples-{first}-{last}.json",
    log:
        "<logs>/compute_gradients/width-{width}_samples-{first}-{last}.log",
    benchmark:
        "<benchmarks>/compute_gradients/width-{width}_samples-{first}-{last}.tsv"
    conda:
        f"../../envs/{config['engine']}.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: memory(gradient_cost(wildcards), attempt),
        runtime=lambda wildcards, attempt: attempt
        * cost.minutes(gradient_cost(wildcards).seconds),
    params:
        python=python(config["engine"]),
        ensembles=lambda wildcards: names_of_width(sampled(config), wildcards),
        folder=f"results/{config['experiment']}/batches",
        seed=config["seed"],
        engine=config["engine"],
        differentiator=config["differentiator"],
    message:
        "computing gradients at width {wildcards.width}, samples {wildcards.first} to {wildcards.last}"
    shell:
        "{params.python} scripts/compute_gradients.py --ensembles {params.ensembles}"
        " --batches {params.folder} --first {wildcards.first} --last {wildcards.last}"
        " --seed {params.seed} --engine {params.engine}"
        " --differentiator {params.differentiator} --threads {threads}"
        " --gradients {output.gradients} --record {output.record} 2> {log}"


rule gather_gradients:
    input:
        experiment="<results>/experiment.json",
        gradients=all_gradients,
        code=code("gather_gradients"),
        environment=environment("circuits"),
    output:
        table="<results>/tables/gradients.csv",
        record="<results>/records/gather_gradients.json",
    log:
        "<logs>/gather_gradients.log",
    benchmark:
        "<benchmarks>/gather_gradients.tsv"
    conda:
        "../../envs/circuits.yaml"
    threads: 1
    resources:
        mem_mb=500,
    params:
        python=python("circuits"),
    message:
        "gathering the gradients of all circuits"
    shell:
        "{params.python} scripts/gather_gradients.py --experiment {input.experiment}"
        " --gradients $(dirname {input.gradients[0]}) --table {output.table}"
        " --record {output.record} 2> {log}"
