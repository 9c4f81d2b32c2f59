# The tables: exact theory, statistics beside it, and the verdict.
PREDICTION = layout.theory("{width}")


rule predict_variance:
    input:
        **needs("predict_variance", "theory"),
        circuits=built_circuits_of_width,
    output:
        **leaves("predict_variance", PREDICTION),
        theory=results(PREDICTION),
    log:
        "<logs>/predict_variance/width-{width}.log",
    conda:
        "../../envs/theory.yaml"
    params:
        **command("theory", "predict_variance", ensembles=ensembles_of_width),
    message:
        "predicting the exact moments at width {wildcards.width}"
    shell:
        "{params.command} 2> {log}"


rule summarise_gradients:
    input:
        **needs("summarise_gradients", "tables"),
        experiment=results(layout.EXPERIMENT),
        gradients=results(layout.GRADIENTS),
        predictions=all_predictions,
    output:
        **leaves("summarise_gradients"),
        statistics=results(layout.STATISTICS),
        theory=results(layout.THEORY),
    log:
        "<logs>/summarise_gradients.log",
    conda:
        "../../envs/tables.yaml"
    params:
        **command("tables", "summarise_gradients"),
    message:
        "summarising the gradients of each ensemble"
    shell:
        "{params.command} 2> {log}"


rule judge_claims:
    input:
        **needs("judge_claims", "tables"),
        experiment=results(layout.EXPERIMENT),
        gradients=results(layout.GRADIENTS),
        statistics=results(layout.STATISTICS),
        theory=results(layout.THEORY),
        batches=all_batches,
    output:
        **leaves("judge_claims"),
        claims=results(layout.CLAIMS),
        fits=results(layout.FITS),
        verdict=results(layout.VERDICT),
    log:
        "<logs>/judge_claims.log",
    conda:
        "../../envs/tables.yaml"
    params:
        **command("tables", "judge_claims", hidden=["batches"]),
    message:
        "judging the claims of the tutorial and of the papers"
    shell:
        "{params.command} 2> {log}"


rule confirm_agreement:
    input:
        TARGETS,
        **needs("confirm_agreement", "tables"),
        claims=results(layout.CLAIMS),
    output:
        **leaves("confirm_agreement"),
        agreement=results(layout.AGREEMENT),
    log:
        "<logs>/confirm_agreement.log",
    conda:
        "../../envs/tables.yaml"
    params:
        **command("tables", "confirm_agreement"),
    message:
        "confirming that samples and theory agree"
    shell:
        "{params.command} 2> {log}"
