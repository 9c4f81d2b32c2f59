# The tables: statistics beside theory, and the verdict.


rule summarise_gradients:
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
    message:
        "summarising the gradients of each ensemble"
    shell:
        "{params.python} scripts/summarise_gradients.py --experiment {input.experiment}"
        " --gradients {input.gradients} --predictions {input.predictions}"
        " --statistics {output.statistics} --theory {output.theory}"
        " --record {output.record} 2> {log}"


rule judge_claims:
    input:
        experiment="<results>/experiment.json",
        batches=all_batches,
        gradients="<results>/tables/gradients.csv",
        statistics="<results>/tables/statistics.csv",
        theory="<results>/tables/theory.csv",
        code=code("judge_claims"),
        environment=environment("tables"),
    output:
        claims="<results>/tables/claims.csv",
        fits="<results>/tables/fits.csv",
        verdict="<results>/verdict.md",
        record="<results>/records/judge_claims.json",
    log:
        "<logs>/judge_claims.log",
    benchmark:
        "<benchmarks>/judge_claims.tsv"
    conda:
        "../../envs/tables.yaml"
    threads: 1
    resources:
        mem_mb=1000,
    params:
        python=python("tables"),
        batches=f"results/{config['experiment']}/batches",
    message:
        "judging the claims of the tutorial and of the papers"
    shell:
        "{params.python} scripts/judge_claims.py --experiment {input.experiment}"
        " --gradients {input.gradients} --statistics {input.statistics}"
        " --theory {input.theory} --batches {params.batches} --claims {output.claims}"
        " --fits {output.fits} --verdict {output.verdict}"
        " --record {output.record} 2> {log}"


rule confirm_agreement:
    input:
        TARGETS,
        claims="<results>/tables/claims.csv",
        code=code("confirm_agreement"),
        environment=environment("tables"),
    output:
        agreement="<results>/agreement.txt",
        record="<results>/records/confirm_agreement.json",
    log:
        "<logs>/confirm_agreement.log",
    benchmark:
        "<benchmarks>/confirm_agreement.tsv"
    conda:
        "../../envs/tables.yaml"
    threads: 1
    resources:
        mem_mb=500,
    params:
        python=python("tables"),
    message:
        "confirming that samples and theory agree"
    shell:
        "{params.python} scripts/confirm_agreement.py --claims {input.claims}"
        " --agreement {output.agreement} --record {output.record} 2> {log}"
