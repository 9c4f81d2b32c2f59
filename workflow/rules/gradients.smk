# The gradient of every circuit, computed by TensorFlow Quantum or qsim.
GRADIENTS = layout.gradients("{width}", "{first}", "{last}")


rule compute_gradients:
    input:
        **needs("compute_gradients", config["engine"]),
        batches=batches_of_width,
    output:
        **leaves("compute_gradients", GRADIENTS),
        gradients=results(GRADIENTS),
    log:
        "<logs>/compute_gradients/width-{width}_samples-{first}-{last}.log",
    conda:
        f"../../envs/{config['engine']}.yaml"
    resources:
        **resources_of(gradient_cost),
    params:
        **command(
            config["engine"],
            "compute_gradients",
            "first",
            "last",
            hidden=["batches"],
            ensembles=ensembles_of_width,
            results=folder_of,
            seed=config["seed"],
            engine=config["engine"],
            differentiator=config["differentiator"],
        ),
    message:
        "computing gradients at width {wildcards.width}, samples {wildcards.first} to {wildcards.last}"
    shell:
        "{params.command} --threads {threads} 2> {log}"


rule gather_gradients:
    input:
        **needs("gather_gradients", "circuits"),
        experiment=results(layout.EXPERIMENT),
        batches=all_gradients,
    output:
        **leaves("gather_gradients"),
        gradients=results(layout.GRADIENTS),
    log:
        "<logs>/gather_gradients.log",
    conda:
        "../../envs/circuits.yaml"
    params:
        **command("circuits", "gather_gradients", hidden=["batches"]),
    message:
        "gathering the gradients of all circuits"
    shell:
        "{params.command} 2> {log}"
