# The figures, each as PDF, SVG and PNG with its source data as CSV.


rule plot_variance:
    input:
        **needs("plot_variance", "plot", "experiment", "statistics", "theory", "fits"),
    output:
        **leaves("plot_variance"),
        figures=reported(CURVES),
    log:
        "<logs>/plot_variance.log",
    # The page waits for it.
    priority: 1
    conda:
        "../../envs/plot.yaml"
    message:
        "plotting the gradient variances"
    shell:
        command("plot_variance", "plot")


rule draw_circuits:
    input:
        **needs("draw_circuits", "plot", "experiment"),
        circuits=circuits_of(EXPERIMENT.displayed),
    output:
        **leaves("draw_circuits"),
        figures=reported(DRAWINGS),
    log:
        "<logs>/draw_circuits.log",
    conda:
        "../../envs/plot.yaml"
    message:
        "drawing the circuits"
    shell:
        command("draw_circuits", "plot")
