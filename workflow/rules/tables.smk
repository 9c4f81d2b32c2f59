# The tables: exact theory, statistics beside it, and the verdict.


rule predict_variance:
    input:
        **needs("predict_variance", "circuits"),
        circuits=circuits_of_job,
    output:
        **leaves("predict_variance", theory=layout.theory()),
    log:
        "<logs>/predict_variance/widths-{widths}.log",
    priority: 1
    conda:
        "../../envs/circuits.yaml"
    params:
        ensembles=configuration_of_job,
    message:
        "predicting the exact moments at width {wildcards.widths}"
    shell:
        command("predict_variance", "circuits")


rule summarise_gradients:
    input:
        **needs("summarise_gradients", "tables", "experiment"),
        batches=all_of("compute_gradients"),
        predictions=all_of("predict_variance"),
    output:
        **leaves("summarise_gradients", "gradients", "statistics", "theory", "fits"),
    log:
        "<logs>/summarise_gradients.log",
    conda:
        "../../envs/tables.yaml"
    resources:
        **resources_of("summarise_gradients"),
    message:
        "summarising the gradients of each ensemble"
    shell:
        command("summarise_gradients", "tables")


rule judge_claims:
    input:
        **needs(
            "judge_claims", "tables", "experiment", "gradients", "statistics", "theory"
        ),
        batches=all_of("sample_circuits"),
    output:
        **leaves("judge_claims", "claims", "verdict"),
    log:
        "<logs>/judge_claims.log",
    conda:
        "../../envs/tables.yaml"
    resources:
        **resources_of("judge_claims"),
    message:
        "judging the claims of the tutorial and of the papers"
    shell:
        command("judge_claims", "tables")


rule confirm_agreement:
    input:
        TARGETS,
        **needs("confirm_agreement", "tables", "claims"),
    output:
        **leaves("confirm_agreement", "agreement"),
    log:
        "<logs>/confirm_agreement.log",
    conda:
        "../../envs/tables.yaml"
    message:
        "confirming that samples and theory agree"
    shell:
        command("confirm_agreement", "tables")
