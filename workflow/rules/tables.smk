# The tables: exact theory, statistics beside it, and the verdict.
PREDICTION = layout.theory("{widths}")


rule predict_variance:
    input:
        **needs("predict_variance", "circuits"),
        circuits=own_circuits_of_job,
    output:
        **leaves("predict_variance", PREDICTION),
        theory=results(PREDICTION),
    log:
        "<logs>/predict_variance/widths-{widths}.log",
    priority: 1
    conda:
        "../../envs/circuits.yaml"
    params:
        **command("circuits", "predict_variance", ensembles=configuration_of_job),
    message:
        "predicting the exact moments at width {wildcards.widths}"
    shell:
        "{params.command} 2> {log}"


rule summarise_gradients:
    input:
        **needs("summarise_gradients", "tables"),
        experiment=results(layout.EXPERIMENT),
        batches=all_gradients,
        predictions=all_predictions,
    output:
        **leaves("summarise_gradients"),
        gradients=results(layout.GRADIENTS),
        statistics=results(layout.STATISTICS),
        theory=results(layout.THEORY),
        fits=results(layout.FITS),
    log:
        "<logs>/summarise_gradients.log",
    conda:
        "../../envs/tables.yaml"
    params:
        **command("tables", "summarise_gradients", hidden=["batches"]),
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
