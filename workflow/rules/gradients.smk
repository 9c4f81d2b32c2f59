# The gradient of every circuit, computed by TensorFlow Quantum or qsim.


rule compute_gradients:
    input:
        **needs("compute_gradients", config["engine"]),
        batches=batches_of_job,
    output:
        **leaves("compute_gradients", gradients=layout.gradients()),
    log:
        "<logs>/compute_gradients/widths-{widths}_samples-{first}-{last}.log",
    # What takes longest starts before theory, and that before drawings.
    priority: 2
    conda:
        f"../../envs/{config['engine']}.yaml"
    resources:
        **resources_of("compute_gradients"),
    params:
        **settings("seed", "engine", "differentiator"),
        ensembles=configuration_of_job,
    message:
        "computing gradients at width {wildcards.widths}, samples {wildcards.first} to {wildcards.last}"
    shell:
        command("compute_gradients", config["engine"])
