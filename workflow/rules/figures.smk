# The figures, each as PDF, SVG and PNG with its source data as CSV.


rule plot_variance:
    input:
        **needs("plot_variance", "plot"),
        experiment=results(layout.EXPERIMENT),
        statistics=results(layout.STATISTICS),
        theory=results(layout.THEORY),
        fits=results(layout.FITS),
    output:
        **leaves("plot_variance"),
        figures=reported(CURVES),
    log:
        "<logs>/plot_variance.log",
    conda:
        "../../envs/plot.yaml"
    params:
        **command("plot", "plot_variance"),
    message:
        "plotting the gradient variances"
    shell:
        "{params.command} 2> {log}"


rule draw_circuits:
    input:
        **needs("draw_circuits", "plot"),
        circuits=[
            results(layout.circuit(shown.program))
            for shown in EXPERIMENT.displayed
            if shown.program in EXPERIMENT.own_circuits
        ],
    output:
        **leaves("draw_circuits"),
        figures=reported(DRAWINGS),
    log:
        "<logs>/draw_circuits.log",
    conda:
        "../../envs/plot.yaml"
    params:
        **command(
            "plot",
            "draw_circuits",
            ensembles=json.dumps([shown.spec() for shown in EXPERIMENT.displayed]),
            seed=config["seed"],
            stream=config["stream"],
            skips=json.dumps(EXPERIMENT.skips if config["stream"] == NOTEBOOK else {}),
        ),
    message:
        "drawing the circuits"
    shell:
        "{params.command} 2> {log}"
