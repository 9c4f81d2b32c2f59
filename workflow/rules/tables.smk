# The tables: exact theory, statistics beside it, and the verdict.
PREDICTION = layout.theory("{width}")


rule predict_variance:
    input:
        circuits=built_circuits_of_width,
        **needs("predict_variance", "theory"),
    output:
        theory=results(PREDICTION),
        **leaves("predict_variance", PREDICTION),
    log:
        "<logs>/predict_variance/width-{width}.log",
    conda:
        "../../envs/theory.yaml"
    params:
        command=command("theory", "predict_variance", ensembles=ensembles_of_width),
    message:
        "predicting the exact moments at width {wildcards.width}"
    shell:
        "{params.command} 2> {log}"


rule summarise_gradients:
    input:
        experiment=results(layout.EXPERIMENT),
        gradients=results(layout.GRADIENTS),
        predictions=all_predictions,
        **needs("summarise_gradients", "tables"),
    output:
        statistics=results(layout.STATISTICS),
        theory=results(layout.THEORY),
        **leaves("summarise_gradients"),
    log:
        "<logs>/summarise_gradients.log",
    conda:
        "../../envs/tables.yaml"
    params:
        command=command("tables", "summarise_gradients"),
    message:
        "summarising the gradients of each ensemble"
    shell:
        "{params.command} 2> {log}"


rule judge_claims:
    input:
        experiment=results(layout.EXPERIMENT),
        gradients=results(layout.GRADIENTS),
        statistics=results(layout.STATISTICS),
        theory=results(layout.THEORY),
        batches=all_batches,
        **needs("judge_claims", "tables"),
    output:
        claims=results(layout.CLAIMS),
        fits=results(layout.FITS),
        verdict=results(layout.VERDICT),
        **leaves("judge_claims"),
    log:
        "<logs>/judge_claims.log",
    conda:
        "../../envs/tables.yaml"
    params:
        command=command("tables", "judge_claims", hidden=["batches"]),
    message:
        "judging the claims of the tutorial and of the papers"
    shell:
        "{params.command} 2> {log}"


rule confirm_agreement:
    input:
        TARGETS,
        claims=results(layout.CLAIMS),
        **needs("confirm_agreement", "tables"),
    output:
        agreement=results(layout.AGREEMENT),
        **leaves("confirm_agreement"),
    log:
        "<logs>/confirm_agreement.log",
    conda:
        "../../envs/tables.yaml"
    params:
        command=command("tables", "confirm_agreement"),
    message:
        "confirming that samples and theory agree"
    shell:
        "{params.command} 2> {log}"
