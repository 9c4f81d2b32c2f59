# The exact theory, in an environment of its own.


rule predict_ensembles:
    input:
        code=code("predict_ensembles"),
        environment=environment("theory"),
    output:
        table="<results>/theory/width-{width}.csv",
        record="<results>/records/predict_ensembles/width-{width}.json",
    log:
        "<logs>/predict_ensembles/width-{width}.log",
    benchmark:
        "<benchmarks>/predict_ensembles/width-{width}.tsv"
    conda:
        "../../envs/theory.yaml"
    threads: 1
    resources:
        mem_mb=1000,
    params:
        python=python("theory"),
        ensembles=lambda wildcards: names_of_width(expand(config), wildcards),
    message:
        "predicting the exact moments at width {wildcards.width}"
    shell:
        "{params.python} scripts/predict_ensembles.py --ensembles {params.ensembles}"
        " --table {output.table} --record {output.record} 2> {log}"
