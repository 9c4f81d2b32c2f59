# The tables: statistics beside theory.


rule summarise_gradients:
    message:
        "summarising the gradients of each ensemble"
    input:
        experiment="<results>/experiment.json",
        gradients="<results>/tables/gradients.csv",
        predictions=all_predictions,
        code=code("summarise_gradients"),
        environment=environment("tables"),
    output:
        statistics="<results>/tables/statistics.csv",
        theory="<results>/tables/theory.csv",
        record="<results>/records/summarise_gradients.json",
    log:
        "<logs>/summarise_gradients.log",
    benchmark:
        "<benchmarks>/summarise_gradients.tsv"
    conda:
        "../../envs/tables.yaml"
    threads: 1
    resources:
        mem_mb=1000,
    params:
        python=python("tables"),
    shell:
        "{params.python} scripts/summarise_gradients.py --experiment {input.experiment}"
        " --gradients {input.gradients} --predictions {input.predictions}"
        " --statistics {output.statistics} --theory {output.theory}"
        " --record {output.record} 2> {log}"
